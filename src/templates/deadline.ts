import { SharkuError } from "../contract/errors.ts";

/** Does something that ends with its signal, which aborts after so long at the latest. Errors: also `build-failed`. */
export async function within<T>(
  { what, msMax, signal }: { readonly what: string; readonly msMax: number; readonly signal: AbortSignal },
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => {
    const words = `Cannot ${what}: it takes longer than ${msMax} ms, wanted less`;
    late.abort(new SharkuError("build-failed", words));
  }, msMax);
  try {
    return await task(AbortSignal.any([signal, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}
