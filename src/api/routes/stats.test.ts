import assert from "node:assert/strict";
import type { Server } from "node:http";
import { after, before, describe, it } from "node:test";
import { blankProc } from "../../../test/fakes/blank-proc.ts";
import { fakeCapacity, fakeStats } from "../../../test/fakes/figures.ts";
import { fakeTemplateDoor } from "../../../test/fakes/templates.ts";
import { World } from "../../../test/fakes/world.ts";
import { silentLog } from "../../../test/silent-log.ts";
import { SharkuError } from "../../contract/errors.ts";
import type { Stats } from "../../contract/stats.ts";
import { Procs } from "../../procs/procs.ts";
import { digestToken } from "../guard.ts";
import { buildApi } from "../server.ts";

const TIME = "2026-01-01T00:00:00.000Z";
const intervals: number[] = [];

function statsOf(id: string): Stats {
  if (id === "nobody") throw new SharkuError("proc-not-found", 'Cannot find proc "nobody"');
  return fakeStats(
    blankProc(id, () => TIME),
    { time: TIME, withRates: false },
  );
}

const figures = {
  one: async (id: string) => statsOf(id),
  all: async ({ app }: { app?: string }) => ({ time: TIME, items: app === "blog" ? [] : [statsOf("a")] }),
  async *follow(id: string, { intervalMs }: { intervalMs: number }) {
    intervals.push(intervalMs);
    yield statsOf(id);
    yield statsOf(id);
  },
  async *followAll() {
    yield { time: TIME, items: [statsOf("a")] };
  },
};

describe("the calls of figures", () => {
  let server: Server;
  let baseUrl = "";

  before(async () => {
    const unasked = () => assert.fail("not asked for");
    const images = { takeIn: unasked, list: unasked, get: unasked, files: unasked };
    const api = await buildApi(
      {
        procs: new Procs(new World().needs()),
        images: { ...images, patch: unasked, prune: unasked, remove: unasked },
        templates: fakeTemplateDoor,
        ...{ figures, capacity: () => fakeCapacity },
        ...{ logs: { read: unasked }, journal: { follow: unasked, deliveries: unasked, replay: unasked } },
        ...{ df: unasked, info: unasked, health: () => "ok" },
      },
      { guard: { tokenDigest: digestToken("token"), hostNames: [] }, log: silentLog },
    );
    server = api.serverFor("socket");
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    baseUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/v1`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  async function get(path: string, accept = "application/json") {
    const response = await fetch(baseUrl + path, { headers: { accept } });
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      text: await response.text(),
    };
  }

  it("answer once as JSON", async () => {
    const one = await get("/procs/a/stats");
    assert.deepEqual([one.status, JSON.parse(one.text)], [200, statsOf("a")]);
    assert.match(one.type ?? "", /^application\/json/);
    assert.deepEqual(JSON.parse((await get("/stats?app=blog")).text), { time: TIME, items: [] });
    assert.equal(JSON.parse((await get("/stats")).text).items.length, 1);
    assert.deepEqual(JSON.parse((await get("/capacity")).text), fakeCapacity);
  });

  it("go on where that is asked for, and by themselves for SSE", async () => {
    const lines = await get("/procs/a/stats?follow=true&intervalMs=500", "application/x-ndjson");
    assert.match(lines.type ?? "", /^application\/x-ndjson/);
    assert.deepEqual(
      lines.text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
      [statsOf("a"), statsOf("a")],
    );
    const events = await get("/procs/a/stats", "text/event-stream");
    assert.match(events.text, /^id: 2026-01-01T00:00:00\.000Z\ndata: \{"id":"a"/);
    assert.deepEqual(intervals, [500, 1000]);
    const all = await get("/stats?follow=true");
    assert.deepEqual(JSON.parse(all.text).items, [statsOf("a")]);
  });

  it("refuse what is wrong before the first record", async () => {
    for (const [path, status] of [
      ["/procs/nobody/stats", 404],
      ["/procs/nobody/stats?follow=true", 404],
      ["/procs/a/stats?follow=true&intervalMs=499", 400],
      ["/stats?intervalMs=0", 400],
      ["/stats?unknown=1", 400],
      ["/capacity?unknown=1", 400],
    ] as const)
      assert.equal((await get(path)).status, status, path);
  });
});
