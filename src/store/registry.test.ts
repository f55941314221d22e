import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CannotStart } from "../lib/cannot-start.ts";
import { ensureInstanceId } from "./instance-id.ts";
import { claimInstance, defaultRegistryFile, INSTANCES_MAX, releaseInstance } from "./registry.ts";

async function tempHost() {
  const path = await mkdtemp(join(tmpdir(), "sharku-registry-"));
  const registryFile = join(path, "host", "registry.db");
  return {
    path,
    registryFile,
    addDaemon: async (number: number) => {
      const stateDir = join(path, `state-${number}`);
      await mkdir(stateDir, { recursive: true });
      return {
        registryFile,
        stateDir,
        instanceId: ensureInstanceId({ stateDir, makeId: () => idOf(number) }),
        isTaken: none,
      };
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

const none = () => false;
const idOf = (number: number) => number.toString(16).padStart(6, "0");

test("claimInstance() gives the lowest free index, and the same again at the next start", async () => {
  await using host = await tempHost();
  const [first, second] = [await host.addDaemon(1), await host.addDaemon(2)];

  assert.deepEqual([first, second, first, second].map(claimInstance), [0, 1, 0, 1]);
  assert.equal((await stat(host.registryFile)).mode & 0o777, 0o600);
});

test("claimInstance() passes over what the host has already, but keeps what was claimed", async () => {
  await using host = await tempHost();
  const first = await host.addDaemon(1);

  assert.equal(claimInstance({ ...first, isTaken: (index) => index < 3 }), 3);
  assert.equal(claimInstance({ ...first, isTaken: () => true }), 3);
});

test("claimInstance() frees the index of a daemon whose directory is gone or another's, or that released it", async () => {
  await using host = await tempHost();
  const [first, second, third] = [await host.addDaemon(1), await host.addDaemon(2), await host.addDaemon(3)];
  assert.deepEqual([first, second, third].map(claimInstance), [0, 1, 2]);

  await rm(first.stateDir, { recursive: true });
  await writeFile(join(second.stateDir, "instance"), "ffffff\n");
  releaseInstance(third);
  releaseInstance(third);
  const later = await Promise.all([4, 5, 6].map((number) => host.addDaemon(number)));

  assert.deepEqual(later.map(claimInstance), [0, 1, 2]);
});

test("claimInstance() keeps the index of a daemon whose directory was moved, and refuses a copy", async () => {
  await using host = await tempHost();
  const [first, second] = [await host.addDaemon(1), await host.addDaemon(2)];
  assert.deepEqual([first, second].map(claimInstance), [0, 1]);

  const copy = { ...first, stateDir: join(host.path, "copy") };
  await cp(first.stateDir, copy.stateDir, { recursive: true });
  assert.throws(
    () => claimInstance(copy),
    (error) => error instanceof CannotStart && /has it too/.test(error.message),
  );
  const moved = { ...second, stateDir: join(host.path, "moved") };
  await rename(second.stateDir, moved.stateDir);
  assert.equal(claimInstance(moved), 1);
});

test("claimInstance() refuses when every index is taken, or the registry is damaged", async () => {
  await using host = await tempHost();
  for (let number = 0; number < INSTANCES_MAX; number += 1)
    assert.equal(claimInstance(await host.addDaemon(number)), number);
  const last = await host.addDaemon(99);
  assert.throws(
    () => claimInstance(last),
    (error) => error instanceof CannotStart && /all 32 are taken/.test(error.message),
  );

  await writeFile(host.registryFile, "no database ".repeat(500));
  assert.throws(
    () => claimInstance(last),
    (error) => error instanceof CannotStart && /mend or remove it/.test(error.message),
  );
});

test("claimInstance() gives daemons that start at once different indexes", async () => {
  await using host = await tempHost();
  const daemons = await Promise.all([1, 2, 3, 4].map((number) => host.addDaemon(number)));
  const url = new URL("./registry.ts", import.meta.url).href;
  const code = (claim: object) =>
    `import { claimInstance } from ${JSON.stringify(url)};
     console.log(claimInstance({ ...${JSON.stringify(claim)}, isTaken: () => false }))`;

  const indexes = await Promise.all(
    daemons.map(async (claim) => {
      const child = spawn(process.execPath, ["--input-type=module", "-e", code(claim)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let text = "";
      child.stdout.on("data", (chunk) => {
        text += chunk;
      });
      await once(child, "close");
      return text.trim();
    }),
  );

  assert.deepEqual(indexes.sort(), ["0", "1", "2", "3"]);
});

test("ensureInstanceId() keeps the first id in a closed file, and refuses one that is damaged", async () => {
  await using host = await tempHost();
  const stateDir = host.path;
  const file = join(stateDir, "instance");

  assert.equal(ensureInstanceId({ stateDir, makeId: () => "0a1b2c" }), "0a1b2c");
  assert.equal(ensureInstanceId({ stateDir, makeId: () => "ffffff" }), "0a1b2c");
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  await writeFile(file, "0a1");
  assert.throws(() => ensureInstanceId({ stateDir, makeId: () => "ffffff" }), CannotStart);
});

test("defaultRegistryFile() takes SHARKU_REGISTRY before the usual place", () => {
  assert.equal(defaultRegistryFile({}), "/var/lib/sharku-host/registry.db");
  assert.equal(defaultRegistryFile({ SHARKU_REGISTRY: "/tmp/other.db" }), "/tmp/other.db");
});
