import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

/** What a user gets from the registry: packed, installed in an empty directory, run and imported. */
const root = join(import.meta.dirname, "..");

test("npm pack makes a package that runs, imports and has types", async (context) => {
  const dir = await mkdtemp(join(tmpdir(), "sharku-pack-"));
  context.after(() => rm(dir, { recursive: true, force: true }));

  run(["npm", "pack", "--silent", "--pack-destination", dir], root);
  const tarball = (await readdir(dir)).find((name) => name.endsWith(".tgz"));
  assert.ok(tarball);
  const listing = run(["tar", "-tzf", tarball], dir);
  assert.doesNotMatch(listing, /\.test\.|\/(src|test|examples)\//);

  await writeFile(join(dir, "package.json"), JSON.stringify({ type: "module", private: true }));
  run(["npm", "install", "--prefer-offline", "--silent", `./${tarball}`], dir);
  assert.match(run(["node_modules/.bin/sharku", "--version"], dir), /\d+\.\d+\.\d+/);

  await writeFile(join(dir, "use.ts"), useOfTheClient);
  assert.equal(run(["node", "use.ts"], dir), "function\n");
  const tsc = join(root, "node_modules/.bin/tsc");
  run(
    [tsc, "--noEmit", "--strict", "--module", "nodenext", "--types", "", "--lib", "esnext,dom", "use.ts"],
    dir,
  );
});

test("npm ci accepts the lockfile, as a fresh clone's set-up needs it", async (context) => {
  const dir = await mkdtemp(join(tmpdir(), "sharku-lock-"));
  context.after(() => rm(dir, { recursive: true, force: true }));
  for (const file of ["package.json", "package-lock.json", ".npmrc"])
    await cp(join(root, file), join(dir, file));
  run(["npm", "ci", "--dry-run", "--ignore-scripts", "--offline", "--loglevel=error"], dir);
});

const useOfTheClient = `
import { SharkuClient } from "sharku/client";
const client: SharkuClient = new SharkuClient({ baseUrl: "http://127.0.0.1:7420", token: "x" });
const list: (app: string) => Promise<string[]> = async (app) =>
  (await client.listProcs({ app })).items.map((proc) => proc.id);
console.log(typeof list);
`;

function run([program = "", ...args]: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8" });
  assert.equal(status, 0, `${program} ${args.join(" ")} said:\n${stdout}\n${stderr}`);
  return stdout;
}
