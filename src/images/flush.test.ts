import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { plainSandbox } from "../../test/fakes/plain-sandbox.ts";
import { makeTar } from "../../test/make-tar.ts";
import { flushFileSystem } from "./flush.ts";
import { openImages } from "./images.ts";
import { defaultImageLimits } from "./needs.ts";

/** A sync(1) stands in for that of the system, since no disk is full just as it is flushed. */
describe("a disk that is full when it is flushed", () => {
  const systemPath = process.env["PATH"];
  let top: string;
  const syncSays = async (words: string) =>
    await writeFile(join(top, "sync"), `#!/bin/sh\necho "sync: error syncing '/x': ${words}" >&2\nexit 1\n`, {
      mode: 0o755,
    });

  before(async () => {
    top = await mkdtemp(join(tmpdir(), "sharku-flush-"));
  });
  beforeEach(() => {
    process.env["PATH"] = `${top}:${systemPath}`;
  });
  after(async () => {
    process.env["PATH"] = systemPath;
    await rm(top, { recursive: true });
  });

  it("is told from every other fault", async () => {
    for (const [words, code] of [
      ["No space left on device", "ENOSPC"],
      ["Disk quota exceeded", "EDQUOT"],
    ] as const) {
      await syncSays(words);
      await assert.rejects(flushFileSystem(top), { code });
    }
    await syncSays("Input/output error");
    await assert.rejects(flushFileSystem(top), { name: "CommandError", message: /Input\/output error/ });
  });

  it("refuses the image, and unused ones do not go for what cannot be tried again", async () => {
    let unpacked = 0;
    let ids = 0;
    const room = await openImages({
      dir: join(top, "images"),
      limits: { ...defaultImageLimits, keptMsMin: 0 },
      sandbox: {
        unpack: (job) => {
          unpacked += 1;
          return plainSandbox.unpack(job);
        },
      },
      clock: { now: () => new Date() },
      randomId: () => `job-${ids++}`,
      users: () => 0,
      judge: () => null,
      report: () => undefined,
    });
    const takeIn = async (name: string) => await room.takeIn(tar(name), new AbortController().signal);
    process.env["PATH"] = systemPath;
    const { image } = await takeIn("unused");
    process.env["PATH"] = `${top}:${systemPath}`;
    await syncSays("No space left on device");
    await assert.rejects(takeIn("new"), { code: "disk-full" });
    assert.equal(unpacked, 2);
    assert.deepEqual(
      room.list().map(({ digest }) => digest),
      [image.digest],
    );
    assert.deepEqual(await readdir(join(top, "images", "incoming")), []);
  });
});

async function* tar(name: string): AsyncGenerator<Buffer> {
  yield makeTar([{ name }]);
}
