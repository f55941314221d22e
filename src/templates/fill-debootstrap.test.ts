import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { FakeSandbox, fakeBuildNeeds } from "../../test/fakes/build-needs.ts";
import { SharkuError } from "../contract/errors.ts";
import { fillDebootstrap } from "./fill-debootstrap.ts";
import { fillFrom } from "./fill-from.ts";
import { ProgressTeller } from "./progress.ts";
import type { BuildSite } from "./site.ts";

const PROXY = "http://me:secret@proxy.example:3128";

describe("what a build tells of the host's credentials", () => {
  let top = "";
  before(async () => {
    top = await mkdtemp(join(tmpdir(), "sharku-fill-"));
    await mkdir(join(top, "etc/apt"), { recursive: true });
    await writeFile(join(top, "etc/apt/sources.list"), "deb http://me:secret@m.example/d bookworm main\n");
  });
  after(() => rm(top, { recursive: true }));

  /** The words that the caller sees are put into `told`. */
  async function siteOf(sandbox: FakeSandbox, told: string[]): Promise<BuildSite> {
    const workDir = await mkdtemp(join(top, "work-"));
    return {
      ...{ workDir, treeDir: join(workDir, "tree"), hostRoot: top, jobId: "build-1" },
      teller: new ProgressTeller(({ message }) => told.push(message)),
      signal: new AbortController().signal,
      needs: { ...fakeBuildNeeds(sandbox), proxyEnv: { http_proxy: PROXY } },
    };
  }
  const refusalOf = (made: Promise<unknown>) =>
    made.then(
      () => assert.fail("it was made"),
      (error: unknown) => error,
    );

  test("fillDebootstrap() refuses a mirror of the host with credentials, without telling them", async () => {
    const [sandbox, told] = [new FakeSandbox(), [] as string[]];
    const error = await refusalOf(fillDebootstrap({ suite: "bookworm" })(await siteOf(sandbox, told)));
    assert.ok(error instanceof SharkuError && error.code === "invalid-request", String(error));
    assert.match(error.message, /mirror "http:\/\/m\.example\/d": it has credentials/);
    assert.doesNotMatch(JSON.stringify([error.message, error.faults, told]), /secret/);
    assert.deepEqual(sandbox.jobs, []);
  });

  test("fillDebootstrap() leaves a mirror behind a proxy to debootstrap, whose words lose the password", async () => {
    const [sandbox, told] = [new FakeSandbox(), [] as string[]];
    sandbox.answer = () => ({ code: 1, lines: [`I: Retrieving ${PROXY}`, `E: ${PROXY}`], stderr: PROXY });
    const mirror = "http://far.example/debian";
    const made = fillDebootstrap({ suite: "bookworm", mirror })(await siteOf(sandbox, told));
    const error = await refusalOf(made);
    assert.ok(error instanceof SharkuError && error.code === "build-failed", String(error));
    assert.match(error.message, /E: http:\/\/\*\*\*@proxy\.example/);
    assert.doesNotMatch(JSON.stringify([error.message, told]), /secret/);
    assert.equal(sandbox.jobs.length, 1);
  });

  test("fillDebootstrap() tells what debootstrap calls an error, and not what gpgv said on the way", async () => {
    const sandbox = new FakeSandbox();
    const gpgv = ["gpgv: Signature made Sat", "gpgv:                using RSA key 1", "gpgv: Good signature"];
    sandbox.answer = () => ({ code: 1, lines: [...gpgv, "E: Couldn't find these debs: x", ...gpgv] });
    const made = fillDebootstrap({ suite: "bookworm", mirror: "http://far.example/debian" })(
      await siteOf(sandbox, []),
    );
    assert.match(String(await refusalOf(made)), /debootstrap stopped: E: Couldn't find these debs: x$/);
  });

  test("fillFrom() tells a template's own programs of no proxy with credentials", async () => {
    const sandbox = new FakeSandbox();
    const record = {
      ...{ name: "base", kind: "archive" as const, version: "1", description: "", arch: null },
      ...{ createdAt: "2026-01-01T00:00:00Z", bytes: 1, files: 1, source: {}, checks: [], dirs: ["usr"] },
    };
    const spec = { template: "base", packages: ["hello"], script: "env" };
    await fillFrom(spec, { record, treeDir: "/nowhere" })(await siteOf(sandbox, []));
    assert.equal(sandbox.jobs.length, 4);
    assert.doesNotMatch(JSON.stringify(sandbox.jobs.map((job) => "env" in job && job.env)), /secret/);
  });
});
