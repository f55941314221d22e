import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runCommand } from "../../src/lib/run-command.ts";

const FILES = {
  "etc/hosts": "",
  "etc/resolv.conf": "",
  "etc/passwd": "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/app:/bin/sh\n",
  "etc/group": "root:x:0:\napp:x:1000:\n",
};

/** What the tests' own scripts use; the building of templates wants no more of one than its shell. */
const PROGRAMS = ["sh", "ls", "mkdir", "rm", "sleep"];

/** Hardly more than a proc needs to run on: the host's shell and some programs, their libraries, and a user. */
export async function makeTinyRoot(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp("/var/lib/sharku-test-root-");
  for (const name of [
    "etc",
    "root",
    "usr/bin",
    "usr/lib",
    "usr/lib64",
    "proc",
    "sys",
    "dev",
    "tmp",
    "run",
    "app",
  ])
    await mkdir(join(path, name), { recursive: true });
  for (const name of ["bin", "lib", "lib64"]) await symlink(`usr/${name}`, join(path, name));
  for (const name of PROGRAMS) {
    await copyFile(`/bin/${name}`, join(path, "usr/bin", name));
    for (const library of await librariesOf(`/bin/${name}`)) {
      await mkdir(join(path, dirname(library)), { recursive: true });
      await copyFile(library, join(path, library));
    }
  }
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(path, name), text);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** With the dynamic loader, which `ldd` names by its path alone. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await runCommand(["ldd", program]);
  return [...stdout.matchAll(/(?:=> |^\t)(\/\S+) \(/gm)].map(([, path = ""]) => path);
}
