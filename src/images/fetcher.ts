import { SharkuError } from "../contract/errors.ts";
import type { Image } from "../contract/image.ts";
import type { ImageProgress } from "../contract/image-progress.ts";
import { AtOnce } from "../lib/at-once.ts";
import type { Judge } from "../lib/judged-lookup.ts";
import type { ImageSource } from "../procs/needs.ts";
import { Arrival } from "./arrival.ts";
import { FetchError, fetchArchive } from "./fetch.ts";
import type { UrlMemory } from "./url-memory.ts";

/** How many images are fetched at once; the others wait. */
const FETCHES_MAX = 4;

export interface FetcherNeeds {
  readonly judge: Judge;
  readonly urls: UrlMemory;
  /** How long one fetch may take from its first byte to its image, in milliseconds. */
  readonly fetchMsMax: number;
  /** Never set back: for measuring. */
  readonly elapsedMs: () => number;
  readonly find: (digest: string) => Image | null;
  readonly takeIn: (
    body: AsyncIterable<Uint8Array>,
    options: { readonly signal: AbortSignal; readonly sha256: string | null; readonly arrival: Arrival },
  ) => Promise<Image>;
}

interface Flight {
  readonly image: Promise<Image>;
  readonly ending: AbortController;
  readonly arrival: Arrival;
  waiting: number;
}

/** Fetches images by their URL: each once, for however many ask for it meanwhile. */
export class Fetcher {
  readonly #needs: FetcherNeeds;
  readonly #flights = new Map<string, Flight>();
  readonly #places = new AtOnce(FETCHES_MAX);

  constructor(needs: FetcherNeeds) {
    this.#needs = needs;
  }

  /**
   * A signal calls off its own waiting; the fetch ends with the last who waits. Errors: `image-fetch-failed`, those
   * of an upload; the signal's reason.
   */
  async obtain(source: ImageSource, signal: AbortSignal): Promise<Image> {
    signal.throwIfAborted();
    const here = this.#findHere(source);
    if (here !== null) return here;
    const key = keyOf(source);
    const flight = this.#flights.get(key) ?? this.#begin(key, source);
    flight.waiting += 1;
    const over = new AbortController();
    const calledOff = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true, signal: over.signal });
    });
    try {
      return await Promise.race([flight.image, calledOff]);
    } finally {
      over.abort();
      flight.waiting -= 1;
      if (flight.waiting === 0) flight.ending.abort();
    }
  }

  /** How far it is; null where nobody fetches it now. */
  progressOf(source: ImageSource): ImageProgress | null {
    return this.#flights.get(keyOf(source))?.arrival.progress ?? null;
  }

  /** What needs no fetch, and so waits for no place. */
  #findHere({ sha256 }: ImageSource): Image | null {
    return sha256 === null ? null : this.#needs.find(sha256);
  }

  #begin(key: string, source: ImageSource): Flight {
    const ending = new AbortController();
    const arrival = new Arrival(this.#needs.elapsedMs);
    const fetching = () => this.#fetch(source, { called: ending.signal, arrival });
    const image = this.#places.run(fetching, ending.signal);
    const flight = { image, ending, arrival, waiting: 0 };
    // One that was called off may have a successor by now, which is not its own to forget.
    const land = () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    image.then(land, land);
    // What nobody waits for is called off; whoever asks for the same then begins anew.
    ending.signal.addEventListener("abort", land);
    this.#flights.set(key, flight);
    return flight;
  }

  async #fetch(
    { url, sha256 }: ImageSource,
    { called, arrival }: { called: AbortSignal; arrival: Arrival },
  ): Promise<Image> {
    const { find, takeIn, urls, judge, fetchMsMax } = this.#needs;
    const here = this.#findHere({ url, sha256 });
    if (here !== null) return here;
    const memory = sha256 === null ? urls.find(url) : null;
    const known = memory === null ? null : find(memory.digest);
    const late = AbortSignal.timeout(fetchMsMax);
    const signal = AbortSignal.any([called, late]);
    try {
      const fetched = await fetchArchive({ url, known: known === null ? null : memory, judge, signal });
      if (fetched.status === "unchanged" && known !== null) return known;
      if (fetched.status === "unchanged")
        throw new FetchError("Cannot fetch: the server says what was not asked");
      arrival.begin(fetched.bytes);
      const image = await takeIn(fetched.body, { signal, sha256, arrival });
      if (sha256 === null) await urls.keep(url, { digest: image.digest, ...fetched.validators });
      return image;
    } catch (fault) {
      if (late.aborted)
        throw new SharkuError("image-fetch-failed", `Cannot fetch the image: no end in ${fetchMsMax} ms`);
      if (fault instanceof FetchError)
        throw new SharkuError("image-fetch-failed", fault.message, { cause: fault });
      throw fault;
    }
  }
}

function keyOf({ url, sha256 }: ImageSource): string {
  return JSON.stringify([url, sha256]);
}
