import { SharkuError } from "../contract/errors.ts";

/** How fast a stream has to come. */
export interface Pace {
  /** Each so many bytes, and the end, are waited for no longer than `msMax`. 1 asks only that there be no silence. */
  readonly bytes: number;
  readonly msMax: number;
}

/**
 * The same bytes, while they come at that pace; else it throws what `tooSlow` makes, and leaves the stream as it is,
 * with a read under way. The time that the reader takes for itself does not count.
 */
export async function* atPace<T extends Uint8Array>(
  stream: AsyncIterable<T>,
  { bytes, msMax, tooSlow }: Pace & { readonly tooSlow: () => Error },
): AsyncGenerator<T, void> {
  const iterator = stream[Symbol.asyncIterator]();
  let [missing, waitedMs] = [bytes, 0];
  const nextOne = async () => {
    const [beganMs, leftMs] = [performance.now(), msMax - waitedMs];
    const next = await inTime(iterator.next(), { msMax: leftMs, tooSlow });
    const tookMs = performance.now() - beganMs;
    // It came, and so it was not late: the daemon itself was, which gives it all the time again.
    waitedMs = tookMs < leftMs ? waitedMs + tookMs : 0;
    return next;
  };
  for (let next = await nextOne(); next.done !== true; next = await nextOne()) {
    missing -= next.value.byteLength;
    if (missing <= 0) [missing, waitedMs] = [bytes, 0];
    let isTaken = false;
    try {
      yield next.value;
      isTaken = true;
    } finally {
      if (!isTaken) await iterator.return?.();
    }
  }
}

/** The same bytes of an upload, while its sender does not fall silent. Errors: `request-timeout`. */
export function unlessSilent<T extends Uint8Array>(
  stream: AsyncIterable<T>,
  { what, msMax }: { readonly what: string; readonly msMax: number },
): AsyncGenerator<T, void> {
  const words = `Cannot ${what}: nothing of it has come for ${msMax / 1000} s, wanted it without such a pause`;
  return atPace(stream, { bytes: 1, msMax, tooSlow: () => new SharkuError("request-timeout", words) });
}

function inTime<T>(
  work: Promise<T>,
  { msMax, tooSlow }: { msMax: number; tooSlow: () => Error },
): Promise<T> {
  return new Promise((resolve, reject) => {
    // What has arrived while the daemon was busy, or stood still, is looked at first.
    const timer = setTimeout(() => setImmediate(() => reject(tooSlow())), msMax);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
