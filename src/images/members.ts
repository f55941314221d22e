/**
 * Reads tar's list of members (`tar -x -vv --numeric-owner --quoting-style=escape`) while it unpacks, and tells
 * at the first line that goes too far: the list comes before the files. A directory that no member names, but a
 * path leads through, has a line of its own and counts.
 */

export interface MemberLimits {
  readonly bytesMax: number;
  readonly filesMax: number;
}

/** A time too far away for a date is a number. */
const memberPattern = /^(.)\S* +\d+\/\d+ +([\d,]+) +(?:-?\d+-\d\d-\d\d \d\d:\d\d|-?\d+) (.*)$/;
const impliedPattern = /^d\S* +Creating directory: (.*)$/;

/** First letters of a mode: file, contiguous file, directory, link, hard link. */
const allowedKinds = "-Cdlh";
const kindNames: Readonly<Record<string, string>> = {
  b: "block device",
  c: "character device",
  p: "fifo",
  s: "socket",
};

export class Members {
  readonly #limits: MemberLimits;
  #count = 0;
  #bytes = 0;
  #last: string | null = null;

  constructor(limits: MemberLimits) {
    this.#limits = limits;
  }

  /** The member that tar was at, or null before the first. */
  get last(): string | null {
    return this.#last;
  }

  /** Takes the next line of the list: what is wrong with the archive so far, or null. */
  add(line: string): string | null {
    const { kind, size, name } = parseLine(line);
    this.#last = shorten(name);
    this.#count += 1;
    if (!allowedKinds.includes(kind)) {
      const what = kindNames[kind] ?? `member of kind "${kind}"`;
      return `"${this.#last}" is a ${what}, wanted files, directories and links only`;
    }
    if (kind === "-" || kind === "C") this.#bytes += size;
    return this.#judge(name);
  }

  #judge(name: string): string | null {
    const { bytesMax, filesMax } = this.#limits;
    // tar would take the slash away and go on; whoever packed that meant another place than /app.
    if (name.startsWith("/")) return `"${this.#last}" lies outside, wanted paths without a leading "/"`;
    if (this.#bytes > bytesMax)
      return `its files have more than ${bytesMax} bytes at "${this.#last}", wanted at most ${bytesMax}`;
    if (this.#count > filesMax)
      return `it has more than ${filesMax} files and directories at "${this.#last}", wanted at most ${filesMax}`;
    return null;
  }
}

function parseLine(line: string): { kind: string; size: number; name: string } {
  const implied = impliedPattern.exec(line)?.[1];
  if (implied !== undefined) return { kind: "d", size: 0, name: implied };
  const [, kind = "?", size = "0", name = line] = memberPattern.exec(line) ?? [];
  return { kind, size: Number(size), name: kind === "l" ? withoutTarget(name) : name };
}

function withoutTarget(name: string): string {
  const arrow = name.lastIndexOf(" -> ");
  return arrow === -1 ? name : name.slice(0, arrow);
}

function shorten(name: string): string {
  return name.length <= 200 ? name : `${name.slice(0, 100)}…${name.slice(-99)}`;
}
