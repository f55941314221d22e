import { Lane } from "../../lib/lane.ts";

/** Ready ones of the usual size: as many starts in a row pay nothing for their disk. */
const SPARES = 8;

/** How many are made at once: the kernel takes its time over each, most of it waiting. */
const MAKERS = 6;

/** After a disk is taken, its start goes first: the next is made a little later, in milliseconds. */
const REFILL_AFTER_MS = 300;

/** After one could not be made, in milliseconds. */
const REFILL_AGAIN_MS = 10_000;

/** What a spare is here: somebody may kill its holder, and then it is none. */
export interface Spare {
  readonly isHeld: boolean;
  letGo(): void;
}

export interface SpareDisksNeeds<Disk extends Spare> {
  /** The size of which spares are kept. */
  readonly usualBytes: number;
  readonly make: (appBytes: number) => Promise<Disk>;
  /** Whether the host has room for spares. */
  readonly hasRoom: () => Promise<boolean>;
  readonly report: (fault: unknown, context: Record<string, unknown>) => void;
}

/** Disks made ahead. Whoever comes when none is left waits for one to be made; nobody is refused for coming late. */
export class SpareDisks<Disk extends Spare> {
  readonly #needs: SpareDisksNeeds<Disk>;
  readonly #makers = Array.from({ length: MAKERS }, () => new Lane());
  readonly #spares: Disk[] = [];
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(needs: SpareDisksNeeds<Disk>) {
    this.#needs = needs;
  }

  /** Errors: where the host cannot make one. */
  async take(appBytes: number): Promise<Disk> {
    if (appBytes === this.#needs.usualBytes) {
      this.#refillIn(REFILL_AFTER_MS);
      const spare = this.#takeSpare();
      if (spare !== null) return spare;
    }
    return await this.#make(appBytes);
  }

  /** Those that are ready. */
  get ready(): readonly Disk[] {
    return this.#spares.filter(({ isHeld }) => isHeld);
  }

  /** Begins to make spares. */
  open(): void {
    this.#refillIn(0);
  }

  /** Lets the spares go, and those that are still being made. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const spare of this.#spares.splice(0)) spare.letGo();
  }

  /** Null where there is none; one whose holder somebody has killed is none. */
  #takeSpare(): Disk | null {
    for (let spare = this.#spares.shift(); spare !== undefined; spare = this.#spares.shift())
      if (spare.isHeld) return spare;
    return null;
  }

  async #make(appBytes: number): Promise<Disk> {
    const [first = new Lane(), ...others] = this.#makers;
    const lane = others.reduce((least, one) => (one.length < least.length ? one : least), first);
    return await lane.run(() => this.#needs.make(appBytes));
  }

  #refillIn(ms: number): void {
    if (this.#timer !== null || this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#refill(), ms);
    this.#timer.unref();
  }

  /** One after the other, so that who waits for a disk of its own does not wait for all of these. */
  async #refill(): Promise<void> {
    const { usualBytes, hasRoom, report } = this.#needs;
    let again: number | null = null;
    try {
      while (this.#spares.length < SPARES && !this.#isClosed && (await hasRoom())) {
        const spare = await this.#make(usualBytes);
        if (this.#isClosed) spare.letGo();
        else this.#spares.push(spare);
      }
    } catch (fault) {
      report(fault, { doing: "making disks for /app ahead" });
      again = REFILL_AGAIN_MS;
    }
    this.#timer = null;
    if (again !== null) this.#refillIn(again);
  }
}
