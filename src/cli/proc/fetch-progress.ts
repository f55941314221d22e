import type { ImageProgress } from "../../contract/image-progress.ts";
import type { Proc } from "../../contract/proc.ts";
import type { Invocation } from "../command.ts";
import { drawLine } from "../output/progress.ts";

/** Between two looks, in milliseconds. */
const LOOK_MS = 200;
const CLEAR_LINE = "\r\u001b[K";

/**
 * While a proc waits for an image that the daemon fetches, shows on a terminal how far that is; until the signal.
 * Elsewhere, and for those that need none, it does nothing.
 */
export async function showFetch(
  call: Invocation,
  { proc, signal }: { proc: Proc; signal: AbortSignal },
): Promise<void> {
  const { client, io, quiet, json } = call;
  if (quiet || json || !io.stderr.isTTY || proc.image === null || proc.image.digest !== null) return;
  const over = new Promise<void>((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  let isDrawn = false;
  while (!signal.aborted) {
    const seen = await client.getProc(proc.id, { signal }).catch(() => null);
    if (signal.aborted) break;
    if (seen?.progress) {
      io.stderr.write(CLEAR_LINE + tellFetch(call, seen.progress));
      isDrawn = true;
    }
    await Promise.race([io.sleep(LOOK_MS), over]);
  }
  if (isDrawn) io.stderr.write(CLEAR_LINE);
}

function tellFetch({ paint }: Invocation, progress: ImageProgress): string {
  const { phase, bytes, totalBytes, bytesPerSecond, files } = progress;
  const dim = (text: string) => paint.stderr("dim", text);
  if (phase === "waiting") return dim("Waiting for its turn to be fetched …");
  if (phase === "unpacking") return dim(`Unpacking in a sandbox, ${files} files so far …`);
  if (phase === "storing") return dim(`Making ${files} files safe on the disk …`);
  const elapsedMs = bytesPerSecond > 0 ? (bytes / bytesPerSecond) * 1000 : 0;
  return drawLine(
    { title: "Fetching the image", totalBytes, paint: paint.stderr },
    { sentBytes: bytes, elapsedMs },
  );
}
