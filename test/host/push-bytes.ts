import assert from "node:assert/strict";
import type { TestDaemon } from "./harness.ts";
import { assertNothingUnfinished } from "./image-ledger.ts";
import { type RawAnswer, rawCall } from "./raw-call.ts";

/** Controls, and marks of direction that turn a name around. */
const HIDDEN_CHARACTERS = /[\p{Cc}\p{Bidi_Control}]/u;

/** An archive's bytes as anybody may send them, with none of the client's care. */
export async function pushBytes({ places }: TestDaemon, body: Uint8Array): Promise<RawAnswer> {
  return await rawCall({ socketPath: places.socket }, { method: "POST", path: "/v1/images", body });
}

/** Pushes what must be taken in, and tells its digest. */
export async function assertTaken(daemon: TestDaemon, body: Uint8Array): Promise<string> {
  const answer = await pushBytes(daemon, body);
  assert.ok(answer.status === 201 || answer.status === 200, answer.text);
  await assertNothingUnfinished(daemon.places.stateDir);
  const { digest } = JSON.parse(answer.text);
  return digest;
}

/** Pushes what must be refused, by words that name the member and hide nothing. */
export async function assertRefused(
  daemon: TestDaemon,
  body: Uint8Array,
  { status = 422, words }: { readonly status?: 415 | 422; readonly words: RegExp },
): Promise<void> {
  const answer = await pushBytes(daemon, body);
  assert.equal(answer.status, status, answer.text);
  assertProblem(answer);
  assert.match(JSON.parse(answer.text).detail, words);
  await assertNothingUnfinished(daemon.places.stateDir);
}

/** A refusal of the archive, told as every refusal is. */
export function assertProblem({ status, headers, text }: RawAnswer): void {
  assert.equal(headers["content-type"]?.split(";")[0], "application/problem+json");
  const problem = JSON.parse(text);
  const code = status === 415 ? "unsupported-archive" : "bad-archive";
  assert.deepEqual([problem.status, problem.code], [status, code], text);
  assert.doesNotMatch(problem.detail, HIDDEN_CHARACTERS, text);
}
