import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { after, before, beforeEach, suite, test } from "node:test";
import type { ProcSpec } from "../../src/client/client.ts";
import { makeTar, tarBlocks } from "../make-tar.ts";
import { isSharkuError } from "./expect-error.ts";
import { startDaemon, type TestDaemon } from "./harness.ts";
import { assertNothingUnfinished } from "./image-ledger.ts";
import { untilExited } from "./proc-calls.ts";
import { selfSigned } from "./self-signed.ts";

/**
 * Servers and sums that are not what they should be, by the numbers of the catalogue in docs/security.md: a proc that
 * waits for such an image ends, and nothing of it is left.
 */

const spec = { app: "cases", name: "web", command: ["true"], network: { mode: "none" } } satisfies ProcSpec;
const archive = makeTar([{ name: "word", body: Buffer.from("word\n") }]);
const sum = createHash("sha256").update(archive).digest("hex");

suite("images from servers that are not what they should be", () => {
  let daemon: TestDaemon;
  let server: Server;
  let answer: RequestListener;
  let asked = 0;

  before(async () => {
    daemon = await startDaemon();
    server = createServer((request, response) => {
      asked += 1;
      answer(request, response);
    });
    await listen(server);
  });
  beforeEach(() => {
    asked = 0;
  });
  after(async () => {
    await close(server);
    await daemon[Symbol.asyncDispose]();
  });

  /** The words that a proc ends with which waits for an image that does not come. */
  async function faultOf(image: ProcSpec["image"] & object): Promise<string> {
    const { id } = await daemon.client.createProc({ ...spec, image });
    const { state, exit } = await untilExited(daemon.client, id);
    assert.deepEqual([state, exit?.reason], ["fail", "image"], exit?.message ?? "");
    await daemon.deleteAll();
    assert.deepEqual((await daemon.client.listImages()).items, []);
    await assertNothingUnfinished(daemon.places.stateDir);
    return exit?.message ?? "";
  }

  test("case 58: a sum that is none is refused before anything is fetched", async () => {
    const bad = [
      sum.toUpperCase(),
      `sha256:${sum.toUpperCase()}`,
      `SHA256:${sum}`,
      `sha512:${sum}`,
      `md5:${sum.slice(0, 32)}`,
      sum.slice(1),
      `${sum}0`,
      `${sum.slice(1)}g`,
      ` ${sum}`,
      `${sum}\n`,
      "",
    ];
    for (const sha256 of bad) {
      const fault: unknown = await daemon.client
        .createProc({ ...spec, image: { url: urlOf(server), sha256 } })
        .catch((error: unknown) => error);
      assert.ok(isSharkuError(fault, "invalid-request"), `${JSON.stringify(sha256)}: ${fault}`);
    }
    for (const digest of [`sha256:${sum.toUpperCase()}`, `sha256:${sum.slice(1)}`, `sha512:${sum}`])
      await assert.rejects(daemon.client.createProc({ ...spec, image: digest }), digest);
    assert.equal(asked, 0);
    assert.deepEqual((await daemon.client.listProcs()).items, []);
  });

  test("case 58: of other bytes than the sum's nothing is run, and of its own they are", async () => {
    answer = (_, response) => response.end(archive);
    const other = `${sum.startsWith("0") ? "1" : "0"}${sum.slice(1)}`;
    const words = await faultOf({ url: urlOf(server), sha256: other });
    assert.ok(words.includes(`its sum is sha256:${sum}, wanted sha256:${other}`), words);
    const { id } = await daemon.client.createProc({ ...spec, image: { url: urlOf(server), sha256: sum } });
    assert.equal((await untilExited(daemon.client, id)).exit?.reason, "completed");
    await daemon.deleteAll();
    await daemon.client.deleteImage(`sha256:${sum}`);
  });

  test("case 66: a body in chunks that never ends is broken off at the limit", async () => {
    const closed = Promise.withResolvers<void>();
    answer = (_, response) => {
      const chunks = Readable.from(endless());
      response.on("close", () => {
        chunks.destroy();
        closed.resolve();
      });
      chunks.pipe(response);
    };
    const words = await faultOf({ url: urlOf(server), sha256: sum });
    assert.match(words, /it has more than 1073741824 bytes, wanted at most/);
    await closed.promise;
  });

  test("case 66: nothing is asked of a server whose certificate nobody vouches for", async () => {
    let heard = 0;
    const secure = createSecureServer(selfSigned(), (_, response) => {
      heard += 1;
      response.end(archive);
    });
    // Whoever turns away says so amid the handshake.
    secure.on("tlsClientError", () => undefined);
    await listen(secure);
    try {
      const url = urlOf(secure).replace("http:", "https:");
      assert.match(await faultOf({ url, sha256: sum }), /certificate/i);
      assert.equal(heard, 0);
    } finally {
      await close(secure);
    }
  });
});

/** The head of a member that announces a lot, and its bytes without end. */
function* endless(): Generator<Buffer> {
  yield tarBlocks([{ name: "endless", size: 8 * 2 ** 30 - 1 }]);
  const zeros = Buffer.alloc(2 ** 20);
  // Ends with whoever reads it.
  for (;;) yield zeros;
}

async function listen(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

function urlOf(server: Server): string {
  // A server that listens on TCP has a port.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/app.tar`;
}
