import assert from "node:assert/strict";
import { appendFile, chmod, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { FakeSandbox, fakeBuildNeeds, goodReport } from "../../test/fakes/build-needs.ts";
import { isSharkuError } from "../../test/host/expect-error.ts";
import { makeTar } from "../../test/make-tar.ts";
import { ManualClock } from "../../test/manual-clock.ts";
import type { Progress } from "../contract/template.ts";
import type { BuildJob, BuildLimits, TemplateUse, TrialJob } from "./needs.ts";
import { openTemplates, type TemplateRoom } from "./templates.ts";

const SUPERSEDED_MS = 5_000;
const MIB = 2 ** 20;

function untilEnded({ signal }: BuildJob | TrialJob): Promise<{ code: null }> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve({ code: null })));
}

/** The keeping of templates, over a sandbox that only says what it was told to say. Needs root, to give files to root. */
describe("templates that are built", () => {
  let top = "";
  let dirs = 0;
  let dir = "";
  let sandbox = new FakeSandbox();
  let uses: TemplateUse[] = [];
  let clock = new ManualClock("2026-01-01T00:00:00Z");
  let room: TemplateRoom;

  before(async () => {
    top = await mkdtemp(join(tmpdir(), "sharku-builds-"));
    await chmod(top, 0o755);
  });
  after(() => rm(top, { recursive: true }));
  beforeEach(async () => {
    dirs += 1;
    dir = join(top, String(dirs));
    sandbox = new FakeSandbox();
    uses = [];
    clock = new ManualClock("2026-01-01T00:00:00Z");
    room = await open();
    await room.sweep([]);
  });

  function open(limits: Partial<BuildLimits> = {}): Promise<TemplateRoom> {
    const needs = { ...fakeBuildNeeds(sandbox), clock, dir, uses: () => uses };
    return openTemplates({ ...needs, limits: { ...needs.limits, ...limits } });
  }

  const tar = makeTar([{ name: "etc/passwd" }]);
  async function* bodyOf(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
    yield* parts;
  }
  const call = { signal: new AbortController().signal, onProgress: () => undefined };
  const take = (name: string, { replace = false, body = bodyOf(tar) } = {}) =>
    room.takeArchive(name, body, { ...call, replace });

  test("takeArchive() publishes a version with its skeleton and its tree, and nothing else", async () => {
    const { version, source, bytes, files } = await take("box");
    assert.deepEqual([bytes, files, source.archive?.bytes], [1000, 10, tar.length]);
    const versionDir = join(dir, "box", String(version));
    assert.deepEqual((await readdir(versionDir)).sort(), ["rootfs", "skeleton", "template.json"]);
    assert.equal((await stat(join(versionDir, "rootfs"))).mode & 0o777, 0o711);
    assert.equal((await stat(versionDir)).mode & 0o777, 0o711);
    assert.deepEqual(room.find("box")?.binds, [
      { source: join(versionDir, "rootfs/etc"), destination: "/etc" },
      { source: join(versionDir, "rootfs/usr"), destination: "/usr" },
    ]);
    const again = await open();
    assert.deepEqual(again.find("box"), room.find("box"));
    assert.deepEqual(again.get("box"), room.get("box"));
  });

  test("takeArchive() leaves a tree closed in which not all is root's", async () => {
    sandbox.answer = () => ({ lines: goodReport.filter((line) => line !== "C owners 1") });
    const { version, checks } = await take("box");
    assert.equal((await stat(join(dir, "box", String(version), "rootfs"))).mode & 0o777, 0o700);
    assert.equal(checks.find(({ name }) => name === "owners")?.status, "warn");
  });

  const cutOff = gzipSync(tar).subarray(0, 40);
  const broken: [
    what: string,
    body: Uint8Array[],
    code: "unsupported-archive" | "bad-template",
    exit: number,
  ][] = [
    ["nothing", [], "unsupported-archive", 0],
    ["something else", [Buffer.from("<html>".repeat(200))], "unsupported-archive", 0],
    ["a tar that is cut off", [tar.subarray(0, 700)], "bad-template", 0],
    ["a gzip that is cut off", [cutOff], "bad-template", 66],
    ["what tar refuses", [tar], "bad-template", 65],
    ["more than is allowed", [tar], "bad-template", 67],
  ];
  for (const [what, body, code, exit] of broken)
    test(`takeArchive() refuses ${what} and leaves nothing`, async () => {
      sandbox.answer = () => ({ code: exit });
      await assert.rejects(take("box", { body: bodyOf(...body) }), (error) => isSharkuError(error, code));
      assert.deepEqual(await readdir(dir), ["host"]);
    });

  test("takeArchive() tells what its sender threw, not what came of it", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield tar;
      throw new Error("the sender has gone");
    }
    sandbox.answer = () => ({ code: 65 });
    await assert.rejects(take("box", { body: failing() }), /the sender has gone/);
    assert.deepEqual(await readdir(dir), ["host"]);
  });

  for (const [what, sent] of [
    ["nothing at all", 0],
    ["less than tells its format", 100],
    ["a part", 600],
  ] as const)
    test(`takeArchive() waits for no sender who falls silent after ${what}, and leaves nothing`, async () => {
      room = await open({ archiveSilentMsMax: 50 });
      await room.sweep([]);
      const body = new Readable({ read: () => undefined });
      if (sent > 0) body.push(tar.subarray(0, sent));
      await assert.rejects(room.takeArchive("box", body, { ...call, replace: false }), (error) =>
        isSharkuError(error, "request-timeout"),
      );
      assert.deepEqual(await readdir(dir), ["host"]);
      assert.equal((await take("box")).state, "ready", "the next one is built");
    });

  test("a disk that fills up is told as one", async () => {
    sandbox.answer = () => ({ code: 65, stderr: "tar: x: Cannot write: No space left on device\n" });
    await assert.rejects(take("box"), (error) => isSharkuError(error, "disk-full"));
  });

  test("a name that is taken is refused without replace; a build leaves find() as it was until its end", async () => {
    const first = await take("box");
    await assert.rejects(take("box"), (error) => isSharkuError(error, "template-exists"));
    const { promise: held, resolve: release } = Promise.withResolvers<object>();
    sandbox.answer = () => held;
    const second = take("box", { replace: true });
    await assert.rejects(take("box", { replace: true }), (error) =>
      isSharkuError(error, "template-building"),
    );
    assert.deepEqual([room.get("box").state, room.get("box").version], ["ready", first.version]);
    assert.equal(room.get("box").build?.startedAt, "2026-01-01T00:00:00.000Z");
    await assert.rejects(room.remove("box"), (error) => isSharkuError(error, "template-building"));
    assert.equal(room.find("box")?.version, first.version);
    release({});
    assert.equal((await second).versions.length, 2);
    assert.equal(room.find("box")?.version, (await second).version);
    assert.equal(room.find("box", String(first.version))?.version, first.version);
  });

  test("takeArchive() puts a new version first though the clock was set back", async () => {
    const first = await take("box");
    clock.advance(-86_400_000);
    const second = await take("box", { replace: true });
    const newestFirst = [second.version, first.version];
    assert.notEqual(second.version, first.version);
    assert.equal(room.find("box")?.version, second.version);
    const again = (await open()).get("box");
    assert.deepEqual(
      again.versions.map(({ version }) => version),
      newestFirst,
    );
  });

  test("sweep() removes an old version when no run stands on it and it was not just superseded", async () => {
    const first = String((await take("box")).version);
    clock.advance(1000);
    const second = String((await take("box", { replace: true })).version);
    await room.sweep([]);
    assert.notEqual(room.find("box", first), null, "a run may be about to be put on record");
    clock.advance(SUPERSEDED_MS);
    uses = [{ procId: "p1", template: "box", version: first }];
    await room.sweep([]);
    assert.deepEqual(
      room.get("box").versions.map(({ procs }) => procs),
      [0, 1],
    );
    uses = [];
    await room.sweep([]);
    assert.equal(room.find("box", first), null);
    assert.deepEqual(await readdir(join(dir, "box")), [second]);
  });

  test("remove() refuses while a proc stands on it, naming it, and removes all versions", async () => {
    await take("box");
    uses = [{ procId: "p1", template: "box", version: null }];
    await assert.rejects(
      room.remove("box"),
      (error) => isSharkuError(error, "template-in-use") && /p1/.test(String(error)),
    );
    uses = [];
    await room.remove("box");
    assert.equal(room.find("box"), null);
    assert.deepEqual(await readdir(dir), ["host"]);
    await assert.rejects(room.remove("box"), (error) => isSharkuError(error, "template-not-found"));
  });

  test("remove() ends with the newest version, so that no older one comes back where it is cut short", async () => {
    const { version: first } = await take("box");
    const { version: second } = await take("box", { replace: true });
    // Where the oldest is to go is taken, so that nothing comes after it.
    await mkdir(join(dir, "box", `.old-${first}`, "x"), { recursive: true });
    await assert.rejects(room.remove("box"), { code: "ENOTEMPTY" });
    assert.equal((await open()).find("box")?.version, second);
  });

  test("create() builds upon a version that stays meanwhile, and tells where it fails", async () => {
    await take("base");
    const from = { template: "base", packages: ["hello", "hello"], script: "true" };
    const steps: Progress[] = [];
    sandbox.jobs.length = 0;
    const made = await room.create(
      { name: "more", from },
      { ...call, onProgress: (step) => steps.push(step) },
    );
    assert.deepEqual(made.source.from?.packages, ["hello"]);
    const networks = sandbox.jobs.map((job) => ("network" in job ? job.network : "trial"));
    assert.deepEqual(networks, ["none", "host", "none", "host", "none", "trial"]);
    assert.equal(steps.at(-1)?.phase, "finishing");
    sandbox.answer = () => ({ code: 100, lines: ["E: Unable to locate package hello", "Get:1 x"] });
    await assert.rejects(
      room.create({ name: "less", from }, call),
      (error) => isSharkuError(error, "build-failed") && /Cannot copy|Unable to locate/.test(String(error)),
    );
    assert.deepEqual((await readdir(dir)).sort(), ["base", "host", "more"]);
  });

  test("create() ends with its signal and with the room, and leaves nothing", async () => {
    await take("base");
    const gone = new AbortController();
    const spec = { name: "x", from: { template: "base" } };
    sandbox.answer = untilEnded;
    const first = room.create(spec, { ...call, signal: gone.signal });
    assert.equal(room.get("x").state, "building");
    await assert.rejects(room.remove("base"), (error) => isSharkuError(error, "template-in-use"));
    while (sandbox.jobs.length < 4) await new Promise((resolve) => setImmediate(resolve));
    gone.abort(new Error("the caller has gone"));
    await assert.rejects(first, /the caller has gone/);
    const second = room.create({ ...spec, name: "y" }, call);
    const ended = assert.rejects(second, /the daemon ends/);
    await room.close();
    await ended;
    assert.deepEqual((await readdir(dir)).sort(), ["base", "host"]);
  });

  test("a build that waits leaves its name and its place as soon as its caller goes", async () => {
    await take("base");
    const [gone, stays] = [new AbortController(), new AbortController()];
    sandbox.answer = untilEnded;
    const waits: string[] = [];
    const build = (name: string, { signal }: AbortController) => {
      const onProgress = ({ message }: Progress) => {
        if (message === "Waiting for its turn") waits.push(name);
      };
      return room.create({ name, from: { template: "base" } }, { onProgress, signal });
    };
    const long = ["a", "b"].map((name) => assert.rejects(build(name, stays), /the daemon ends/));
    const names = Array.from({ length: 14 }, (_, index) => `waits-${index}`);
    const waiting = names.map((name) => assert.rejects(build(name, gone), /the caller has gone/));
    await assert.rejects(build("late", stays), (error) => isSharkuError(error, "busy"));
    assert.deepEqual(waits, names, "each is told that it waits, and those that run are not");
    gone.abort(new Error("the caller has gone"));
    await Promise.all(waiting);
    assert.deepEqual(
      room.list().map(({ name }) => name),
      ["host", "a", "b", "base"],
    );
    const again = assert.rejects(build("waits-0", stays), /the daemon ends/);
    await room.close();
    await Promise.all([...long, again]);
    assert.deepEqual((await readdir(dir)).sort(), ["base", "host"]);
  });

  test("a build whose tree grows too large is ended while it grows", async () => {
    room = await open({ treeBytesMax: MIB });
    sandbox.answer = async (job) => {
      const [tree] = ("binds" in job && job.binds) || [];
      // In steps, since others may free as much of the same disk.
      for (let step = 0; step < 100 && !job.signal.aborted; step += 1) {
        await appendFile(join(String(tree?.source), "fill"), Buffer.alloc(8 * MIB, 1));
        await pause(50);
      }
      return { code: null };
    };
    await assert.rejects(
      take("box"),
      (error) => isSharkuError(error, "bad-template") && /more than 1048576 bytes/.test(String(error)),
    );
    assert.deepEqual(await readdir(dir), ["host"]);
  });

  test("a tree that cannot be looked over in time is given up", async () => {
    room = await open({ finishMsMax: 50 });
    sandbox.answer = async (job) => ("input" in job && job.input ? {} : await untilEnded(job));
    await assert.rejects(
      take("box"),
      (error) => isSharkuError(error, "build-failed") && /look over .* longer than 50 ms/.test(String(error)),
    );
    assert.deepEqual(await readdir(dir), ["host"]);
  });

  test("a tree on which no container starts is refused with the runtime's words", async () => {
    sandbox.answer = (job) =>
      "template" in job ? { code: 1, stderr: "Exec format error\n" } : { lines: goodReport };
    await assert.rejects(
      take("box"),
      (error) => isSharkuError(error, "bad-template") && /Exec format error/.test(String(error)),
    );
  });
});
