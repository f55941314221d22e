import type { UploadBody } from "./transport.ts";

export interface CountedUpload {
  readonly body: UploadBody;
  /** Where the source itself failed, its error: it tells more than the broken connection that follows. */
  readonly sourceFailure: () => { readonly error: unknown } | null;
}

/** The same bytes, with a look at how many have been taken. */
export function countUpload(body: UploadBody, onProgress?: (sentBytes: number) => void): CountedUpload {
  if (!(body instanceof ReadableStream) && !onProgress) return { body, sourceFailure: () => null };
  const reader = toStream(body).getReader();
  let sentBytes = 0;
  let failure: { readonly error: unknown } | null = null;
  const counted = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = await reader.read().catch((error: unknown) => {
        failure = { error };
        throw error;
      });
      if (chunk.done) return controller.close();
      sentBytes += chunk.value.byteLength;
      controller.enqueue(chunk.value);
      onProgress?.(sentBytes);
    },
    cancel: (reason: unknown) => reader.cancel(reason),
  });
  return { body: counted, sourceFailure: () => failure };
}

function toStream(body: UploadBody): ReadableStream<Uint8Array> {
  if (body instanceof ReadableStream) return body;
  return (body instanceof Blob ? body : new Blob([body])).stream();
}
