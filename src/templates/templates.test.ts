import assert from "node:assert/strict";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fakeBuildNeeds } from "../../test/fakes/build-needs.ts";
import { openTemplates } from "./templates.ts";

describe("openTemplates()", () => {
  let top: string;
  before(async () => {
    top = await mkdtemp(join(tmpdir(), "sharku-templates-"));
    await chmod(top, 0o755);
  });
  after(() => rm(top, { recursive: true, force: true }));

  async function hostOf(dir: string, hostRoot?: string) {
    const room = await openTemplates({
      ...fakeBuildNeeds(),
      dir: join(top, dir),
      ...(hostRoot === undefined ? {} : { hostRoot }),
    });
    const files = room.find("host") ?? assert.fail("no template host");
    return { room, files, etc: join(dirname(files.skeletonDir), "etc") };
  }
  /** A host of our own: each path with its content, `-> target` for a link. */
  async function makeHost(name: string, files: Record<string, string>): Promise<string> {
    const root = join(top, name);
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      if (content.startsWith("-> ")) await symlink(content.slice(3), join(root, path));
      else await writeFile(join(root, path), content);
    }
    return root;
  }

  test("find() gives this host's /usr, an /etc of ours, and the links of its root", async () => {
    const { files, etc, room } = await hostOf("real");
    assert.deepEqual(files.binds.at(0), { source: "/usr", destination: "/usr" });
    assert.deepEqual(files.binds.at(-1), { source: etc, destination: "/etc" });
    assert.equal(room.find("other"), null);
    assert.deepEqual(
      room.list().map((template) => template.name),
      ["host"],
    );
    for (const name of ["bin", "lib"]) {
      const onHost = await lstat(`/${name}`);
      const here = await lstat(join(files.skeletonDir, name));
      assert.equal(here.isSymbolicLink(), onHost.isSymbolicLink());
      if (onHost.isSymbolicLink())
        assert.equal(await readlink(join(files.skeletonDir, name)), await readlink(`/${name}`));
      else assert.ok(files.binds.some((bind) => bind.destination === `/${name}`));
    }
    for (const name of ["app", "dev", "etc", "proc", "run", "sys", "tmp", "usr", "var/lib"])
      assert.deepEqual(await readdir(join(files.skeletonDir, name)), [], name);
    assert.match(await readFile(join(etc, "passwd"), "utf8"), /^app:x:1000:1000:app:\/app:\/bin\/sh$/m);
    assert.equal(await readFile(join(etc, "resolv.conf"), "utf8"), "");
  });

  test("find() shows nothing of /etc but what everybody may read, writable for nobody else", async () => {
    const { files, etc } = await hostOf("real");
    const names = await readdir(etc, { recursive: true });
    for (const secret of ["shadow", "gshadow", "ssl/private", "ssh", "sudoers", "machine-id", "npmrc"])
      assert.equal(names.includes(secret), false, secret);
    for (const path of [...names.map((name) => join(etc, name)), etc, files.skeletonDir]) {
      const stats = await lstat(path);
      if (!stats.isSymbolicLink())
        assert.equal(stats.mode & 0o777, stats.isDirectory() ? 0o755 : 0o644, path);
    }
    for (const path of [dirname(etc), dirname(dirname(etc)), join(top, "real")])
      assert.equal((await stat(path)).mode & 0o777, 0o711, path);
  });

  test("openTemplates() gives the same version of a host that has not changed, also when made twice at once", async () => {
    const made = await Promise.all([hostOf("same"), hostOf("same"), hostOf("same")]);
    const again = await hostOf("same");
    assert.equal(new Set([...made, again].map(({ files }) => files.version)).size, 1);
    assert.deepEqual(await readdir(join(top, "same", "host")), [again.files.version]);
  });

  test("sweep() removes old versions that nobody uses, and what was left unfinished", async () => {
    const hostRoot = await makeHost("changing", { "etc/timezone": "Etc/UTC\n", "usr/x": "" });
    const first = await hostOf("swept", hostRoot);
    await writeFile(join(hostRoot, "etc/timezone"), "Europe/Berlin\n");
    const second = await hostOf("swept", hostRoot);
    await writeFile(join(hostRoot, "etc/timezone"), "Asia/Tokyo\n");
    const { room, files, etc } = await hostOf("swept", hostRoot);
    await mkdir(join(top, "swept", "host", ".new-torn", "etc"), { recursive: true });
    await room.sweep([second.files.version]);
    const left = await readdir(join(top, "swept", "host"));
    assert.deepEqual(left.sort(), [second.files.version, files.version].sort());
    assert.equal(left.includes(first.files.version), false);
    assert.equal(await readFile(join(etc, "timezone"), "utf8"), "Asia/Tokyo\n");
  });

  test("find() binds /bin and its like where they are real directories", async () => {
    const hostRoot = await makeHost("unmerged", {
      "bin/sh": "",
      "lib/libc.so": "",
      lib64: "-> usr/lib64",
      "etc/x": "",
      "usr/x": "",
    });
    const { files } = await hostOf("unmerged-templates", hostRoot);
    assert.deepEqual(files.binds.map((bind) => [bind.source, bind.destination]).slice(0, -1), [
      [join(hostRoot, "usr"), "/usr"],
      [join(hostRoot, "bin"), "/bin"],
      [join(hostRoot, "lib"), "/lib"],
    ]);
    assert.equal(await readlink(join(files.skeletonDir, "lib64")), "usr/lib64");
    assert.deepEqual(await readdir(join(files.skeletonDir, "bin")), []);
  });

  test("find() keeps links into the template, copies what others point at, and leaves out what is closed", async () => {
    const hostRoot = await makeHost("linked", {
      "usr/lib/os-release": "ID=ours\n",
      "etc/os-release": "-> ../usr/lib/os-release",
      "etc/ssl/certs/root.pem": "-> /usr/share/root.crt",
      "etc/ssl/certs/hash.0": "-> root.pem",
      "etc/ssl/certs/ours.pem": "-> ../../../opt/ours.pem",
      "opt/ours.pem": "certificate",
      "etc/ssl/certs/hidden.pem": "-> ../../../secret/hidden.pem",
      "secret/hidden.pem": "not for all",
      "etc/ssl/certs/closed.pem": "closed",
      "etc/ssl/certs/key.pem": "-----BEGIN RSA PRIVATE KEY-----\n",
      "etc/ssl/certs/gone.pem": "-> /nowhere",
      "etc/ssl/private/key.pem": "key",
      "etc/python3.11/sitecustomize.py": "pass\n",
      "etc/alternatives/editor": "-> /opt/editor",
      "etc/alternatives/awk": "-> /usr/bin/mawk",
      "etc/pip.conf": "password",
    });
    await chmod(join(hostRoot, "etc/ssl/certs/closed.pem"), 0o600);
    await chmod(join(hostRoot, "secret"), 0o700);
    const { etc } = await hostOf("linked-templates", hostRoot);
    assert.deepEqual((await readdir(join(etc, "ssl/certs"))).sort(), ["hash.0", "ours.pem", "root.pem"]);
    assert.equal(await readlink(join(etc, "ssl/certs/root.pem")), "/usr/share/root.crt");
    assert.equal(await readlink(join(etc, "ssl/certs/hash.0")), "root.pem");
    assert.equal(await readFile(join(etc, "ssl/certs/ours.pem"), "utf8"), "certificate");
    assert.equal(await readlink(join(etc, "os-release")), "../usr/lib/os-release");
    assert.deepEqual(await readdir(join(etc, "alternatives")), ["awk"]);
    assert.deepEqual(await readdir(join(etc, "ssl")), ["certs"]);
    assert.deepEqual(await readdir(join(etc, "python3.11")), ["sitecustomize.py"]);
    await assert.rejects(lstat(join(etc, "pip.conf")), { code: "ENOENT" });
  });
});
