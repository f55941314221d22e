import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { World } from "../../test/fakes/world.ts";
import { SharkuError } from "../contract/errors.ts";
import type { ProcSpec } from "../contract/proc.ts";
import type { StoredImage } from "./needs.ts";
import { Procs } from "./procs.ts";

const url = "https://host/slug.tar?sig=secret#secret";
const digest = `sha256:${"a".repeat(64)}`;
const image: StoredImage = { digest, bytes: 7, filesDir: "/images/a", processes: { web: "serve" } };
const spec: ProcSpec = { app: "shop", name: "web.1", image: url, process: "web" };
const neverAborts = new AbortController().signal;

async function open(world: World): Promise<Procs> {
  const procs = new Procs(world.needs());
  await procs.open();
  return procs;
}

function waitFor(procs: Procs, id: string, goal: "running" | "exited") {
  return procs.wait(id, { goal, timeoutMs: 5_000, signal: neverAborts });
}

/** Fetches when it is let to, and tells when it is asked and called off. */
function heldFetch(world: World) {
  const held = { asked: Promise.withResolvers<void>(), calledOff: false, let: Promise.withResolvers<void>() };
  world.fetch = async (_, signal) => {
    held.asked.resolve();
    signal.addEventListener("abort", () => {
      held.calledOff = true;
      held.let.reject(signal.reason);
    });
    await held.let.promise;
    world.images.set(digest, image);
    return image;
  };
  return held;
}

describe("a proc whose image has to be fetched", () => {
  it("boots meanwhile, then runs what its Procfile says, and shows no secret of the URL", async () => {
    const world = new World();
    const procs = await open(world);
    const fetch = heldFetch(world);
    const { id } = await procs.create(spec);
    await fetch.asked.promise;
    assert.deepEqual(
      [procs.get(id).state, procs.get(id).command, procs.get(id).image],
      ["boot", null, { ref: "https://host/slug.tar?…", digest: null, bytes: null }],
    );
    fetch.let.resolve();
    const { command, image: shown } = await waitFor(procs, id, "running");
    assert.deepEqual([command, shown], ["serve", { ref: "https://host/slug.tar?…", digest, bytes: 7 }]);
    assert.deepEqual([procs.imageUsers(digest), procs.imageUsers("another")], [1, 0]);
    assert.doesNotMatch(JSON.stringify(world.events), /secret/);
  });

  it("pays nothing where the bytes of that sum are here already", async () => {
    const world = new World();
    world.images.set(digest, image);
    const procs = await open(world);
    const { id } = await procs.create({ ...spec, image: { url, sha256: "a".repeat(64) } });
    assert.equal((await waitFor(procs, id, "running")).command, "serve");
  });

  it("fails with the words of what went wrong, and holds nothing", async () => {
    const faults: [Error, string][] = [
      [new SharkuError("image-fetch-failed", "Cannot fetch: 404"), "image"],
      [new SharkuError("disk-full", "Cannot take in the archive: the disk is full"), "disk"],
    ];
    for (const [fault, reason] of faults) {
      const world = new World();
      const procs = await open(world);
      world.fetch = () => Promise.reject(fault);
      const { id } = await procs.create(spec);
      const { state, exit } = await waitFor(procs, id, "exited");
      assert.deepEqual([state, exit?.reason, exit?.message], ["fail", reason, fault.message]);
      assert.deepEqual(world.held(), []);
    }
  });

  it("fails where its Procfile has no such process", async () => {
    const world = new World();
    const procs = await open(world);
    world.fetch = async () => image;
    const { id } = await procs.create({ ...spec, process: "clock" });
    const { exit } = await waitFor(procs, id, "exited");
    assert.deepEqual(
      [exit?.reason, exit?.message],
      ["image", 'Cannot find process "clock": its Procfile has web'],
    );
  });

  it("can be stopped meanwhile, which calls the fetch off", async () => {
    const world = new World();
    const procs = await open(world);
    const fetch = heldFetch(world);
    const { id } = await procs.create(spec);
    await fetch.asked.promise;
    await procs.stop(id, {});
    const { state, exit } = await waitFor(procs, id, "exited");
    assert.deepEqual([state, exit?.reason, fetch.calledOff], ["done", "stopped", true]);
    assert.deepEqual(world.held(), []);
  });

  it("is fetched for again by the next daemon", async () => {
    const world = new World();
    const first = await open(world);
    const fetch = heldFetch(world);
    const { id } = await first.create(spec);
    await fetch.asked.promise;
    await first.close(1000);
    assert.equal(fetch.calledOff, true);
    world.fetch = async () => {
      world.images.set(digest, image);
      return image;
    };
    assert.equal((await waitFor(await open(world), id, "running")).command, "serve");
    assert.equal(world.starts.length, 1);
  });

  it("is refused at once where the URL is none, or nothing is asked for", async () => {
    const procs = await open(new World());
    await assert.rejects(procs.create({ ...spec, image: "ftp://host/x" }), { code: "bad-image-url" });
    const { process: _, ...nothing } = spec;
    await assert.rejects(procs.create(nothing), { code: "invalid-request" });
  });
});
