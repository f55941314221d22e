import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { atPace, unlessSilent } from "./pace.ts";

describe("unlessSilent()", () => {
  it("tells who sends nothing what was being done", async () => {
    const silent = new Readable({ read: () => undefined });
    const body = unlessSilent(silent, { what: "take in the archive", msMax: 20 });
    await assert.rejects(Array.fromAsync(body), {
      code: "request-timeout",
      message: /^Cannot take in the archive: nothing of it has come for 0.02 s/,
    });
  });
});

const tooSlow = () => new Error("too slow");

async function* drops(count: number, { everyMs }: { everyMs: number }): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < count; sent += 1) {
    await pause(everyMs);
    yield Uint8Array.of(sent);
  }
}

describe("atPace()", () => {
  it("passes on what comes at that pace, however little the last of it is", async () => {
    const source = Readable.from([Buffer.alloc(70, 1), Buffer.alloc(40, 2), Buffer.alloc(1, 3)]);
    const passed = atPace(source, { bytes: 100, msMax: 60_000, tooSlow });
    assert.equal(Buffer.concat(await Array.fromAsync(passed)).length, 111);
  });

  it("throws where nothing comes", async () => {
    const silent = new Readable({ read: () => undefined });
    silent.push(Buffer.alloc(10));
    await assert.rejects(Array.fromAsync(atPace(silent, { bytes: 1, msMax: 20, tooSlow })), /too slow/);
    assert.equal(silent.destroyed, false, "the stream is left as it is");
  });

  it("throws where drops come for ever, though there is no silence", async () => {
    const passed = atPace(drops(Infinity, { everyMs: 5 }), { bytes: 1_000_000, msMax: 100, tooSlow });
    await assert.rejects(Array.fromAsync(passed), /too slow/);
  });

  it("counts anew with each lot of bytes", async () => {
    let sent = 0;
    const lots = atPace(drops(8, { everyMs: 60 }), { bytes: 1, msMax: 400, tooSlow });
    for await (const drop of lots) sent += drop.length;
    assert.equal(sent, 8, "which took longer than one lot may");
  });

  it("does not count the time of who reads, and tells the stream when that one stops", async () => {
    const source = Readable.from([Buffer.alloc(1), Buffer.alloc(1), Buffer.alloc(1)]);
    let read = 0;
    for await (const chunk of atPace(source, { bytes: 100, msMax: 200, tooSlow })) {
      read += chunk.length;
      await pause(150);
      if (read === 2) break;
    }
    assert.equal(source.destroyed, true);
  });

  it("throws what the stream throws", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(1);
      throw new Error("broken");
    }
    await assert.rejects(Array.fromAsync(atPace(broken(), { bytes: 1, msMax: 60_000, tooSlow })), /broken/);
  });
});
