import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import { plainSandbox } from "../../test/fakes/plain-sandbox.ts";
import { makeTar } from "../../test/make-tar.ts";
import { until } from "../../test/until.ts";
import type { PruneRequest } from "../contract/image.ts";
import { type ImageRoom, openImages } from "./images.ts";
import { defaultImageLimits } from "./needs.ts";

describe("ImageRoom, as room is wanted", () => {
  let top: string;
  let room: ImageRoom;
  let jobs = 0;
  const used = new Set<string>();
  let nowMs = Date.parse("2026-01-02T03:04:05.678Z");
  const open = (changed: Partial<typeof defaultImageLimits> = {}) =>
    openImages({
      ...{ dir: join(top, "images"), limits: { ...defaultImageLimits, ...changed }, sandbox: plainSandbox },
      ...{ randomId: () => `job-${jobs++}`, judge: () => null, report: () => undefined },
      clock: { now: () => new Date(nowMs) },
      users: (digest) => (used.has(digest) ? 1 : 0),
    });
  const takeIn = (bytes: Buffer) => room.takeIn(Readable.from([bytes]), new AbortController().signal);
  const filesOf = (digest: string) => room.find(digest)?.filesDir ?? assert.fail("no such image");

  before(async () => {
    top = await mkdtemp(join(tmpdir(), "sharku-prune-"));
    room = await open();
  });
  after(() => rm(top, { recursive: true, force: true }));

  it("remembers when an image was last used and that it is pinned, also after the daemon", async () => {
    const { digest } = (await takeIn(makeTar([{ name: "marked" }]))).image;
    assert.deepEqual([room.get(digest).lastUsedAt, room.get(digest).pinned], [null, false]);
    room.used(digest);
    await until("the mark is written", async () =>
      (await readdir(join(filesOf(digest), ".."))).includes("used"),
    );
    await room.patch(digest, { pinned: true });
    await room.patch(digest, {});
    room = await open();
    assert.deepEqual(
      [room.get(digest).lastUsedAt, room.get(digest).pinned],
      ["2026-01-02T03:04:05.678Z", true],
    );
    await assert.rejects(room.remove(digest), { code: "image-in-use", message: /it is pinned/ });
    await room.patch(digest, { pinned: false });
    await room.remove(digest);
    await assert.rejects(room.patch(digest, { pinned: true }), { code: "image-not-found" });
  });

  it("prunes what nobody holds: tells first, then does it, and nothing while there is room", async () => {
    const names = ["held", "pinned", "free"];
    const taken = await Promise.all(names.map((name) => takeIn(makeTar([{ name }]))));
    const [held = "", pinned = "", free = ""] = taken.map(({ image }) => image.digest);
    used.add(held);
    await room.patch(pinned, { pinned: true });
    const digests = async (request: PruneRequest) =>
      (await room.prune(request)).images.map(({ digest }) => digest);
    room = await open({ water: { high: 1, low: 1 } });
    assert.deepEqual(await digests({}), []);
    const foretold = await digests({ all: true, dryRun: true });
    assert.ok(foretold.includes(free) && !foretold.includes(held) && !foretold.includes(pinned));
    assert.deepEqual(await digests({ all: true }), foretold);
    assert.deepEqual(
      [room.find(free), room.find(held)?.digest, room.find(pinned)?.digest],
      [null, held, pinned],
    );
    room = await open({ water: { high: 0, low: 0 } });
    used.delete(held);
    assert.deepEqual(await digests({}), [], "it came a moment ago, and somebody is about to name it");
    nowMs += defaultImageLimits.keptMsMin;
    await takeIn(makeTar([{ name: "held" }]));
    assert.deepEqual(await digests({}), [], "it was sent again");
    nowMs += defaultImageLimits.keptMsMin;
    assert.deepEqual(await digests({}), [held], "room is wanted, and this one is free now");
    await room.patch(pinned, { pinned: false });
    assert.deepEqual(await digests({}), [pinned]);
  });
});
