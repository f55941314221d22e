/**
 * One Ctrl-C comes twice: from the terminal to the whole foreground group, and once more from npm, which passes
 * it on. What comes within this time is the same one.
 */
const SAME_SIGNAL_MS = 700;
const INTERRUPTED = 130;

/** Aborts at the first SIGINT or SIGTERM; the second one ends this process at once. */
export function askedToEnd(): AbortSignal {
  const asked = new AbortController();
  let firstAt = Number.POSITIVE_INFINITY;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(INTERRUPTED);
      firstAt = Math.min(firstAt, performance.now());
      asked.abort();
    });
  }
  return asked.signal;
}
