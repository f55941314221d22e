import { once } from "node:events";
import { createReadStream } from "node:fs";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import Type from "typebox";
import { Parse } from "typebox/value";

export interface FileWithEnd {
  readonly file: string;
  readonly end: Buffer;
}

export interface Pushed {
  readonly digest: string;
  /** When the last byte had been handed to the socket, whose buffer holds a fraction of a megabyte. */
  readonly sentAtMs: number;
}

const CHUNK_BYTES = 256 * 1024;

const Answer = Type.Object({ digest: Type.String() });

/** Sends a file with an end to a daemon by hand: the client does not tell when its last byte is out. */
export async function pushFile(
  archive: FileWithEnd,
  { socketPath }: { socketPath: string },
): Promise<Pushed> {
  const call = request({ socketPath, path: "/v1/images", method: "POST", agent: false });
  const answered = once(call, "response");
  answered.catch(() => undefined);
  await pipeline(bytesOf(archive), call);
  const sentAtMs = performance.now();
  const [response] = await answered;
  const said = await text(response);
  if (response.statusCode !== 201)
    throw new Error(`Cannot push "${archive.file}": the answer is ${response.statusCode} ${said}`);
  return { digest: Parse(Answer, JSON.parse(said)).digest, sentAtMs };
}

/** The file's bytes, then the end. */
export async function* bytesOf({ file, end }: FileWithEnd): AsyncGenerator<Buffer> {
  yield* createReadStream(file, { highWaterMark: CHUNK_BYTES });
  yield end;
}
