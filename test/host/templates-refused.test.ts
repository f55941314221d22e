import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer as createProxy } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { ErrorCode } from "../../src/contract/errors.ts";
import type { TemplateSpec } from "../../src/contract/template.ts";
import { defaultRegistryFile } from "../../src/store/registry.ts";
import { stretched } from "../until.ts";
import { packDirectory } from "./archive.ts";
import { tarOf } from "./bad-archives.ts";
import { isSharkuError } from "./expect-error.ts";
import { startDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { outputOn, refusal } from "./template-calls.ts";
import { makeTinyRoot } from "./tiny-root.ts";

/** What cannot be made into a template: each is told, and leaves nothing. */

test("hostile links where something is mounted are refused, and nothing comes to be where they lead", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  const before = await takeLedger(places);
  const victim = join(places.runDir, "victim");
  await mkdir(victim);
  const paths = ["app", "dev", "proc", "sys", "tmp", "run", "etc", "etc/hosts", "etc/resolv.conf"];
  for (const [index, path] of paths.entries()) {
    const target = [victim, "../..", "usr"][index % 3] ?? victim;
    await context.test(`/${path} -> ${target}`, async () => {
      await using root = await makeTinyRoot();
      await rm(join(root.path, path), { recursive: true });
      await symlink(target, join(root.path, path));
      const errors = [
        await refusal(client.putTemplateArchive("bad", await packDirectory(root.path))),
        await refusal(client.createTemplate({ name: "bad", directory: { path: root.path } })),
      ];
      for (const error of errors) {
        assert.equal(error.code, "bad-template");
        assert.match(error.message, new RegExp(`/${path} is a link`));
      }
    });
  }
  assert.deepEqual(await readdir(victim), []);
  await rm(victim, { recursive: true });
  await context.test("/dev/null of the template is not followed, its own /dev is", async () => {
    await using root = await makeTinyRoot();
    await writeFile(join(root.path, "canary"), "alive");
    await symlink(join(root.path, "canary"), join(root.path, "dev/null"));
    await client.createTemplate({ name: "null", directory: { path: root.path } });
    await outputOn(client, "null", "echo gone >/dev/null");
    assert.equal(await readFile(join(root.path, "canary"), "utf8"), "alive");
    await client.deleteTemplate("null");
  });
  await assertSame(before, places);
});

test("what is no template is told, and leaves nothing", async (context) => {
  await using root = await makeTinyRoot();
  await using bare = await makeTinyRoot();
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  await rm(join(bare.path, "usr/bin/sh"));
  const whole = await packDirectory(root.path);
  await client.putTemplateArchive("base", whole);
  const before = await takeLedger(places);
  const put = (body: Uint8Array<ArrayBuffer>) => () => client.putTemplateArchive("x", body);
  const make = (spec: Partial<TemplateSpec>) => () => client.createTemplate({ name: "x", ...spec });
  const closed = new Uint8Array([0x1f, 0x8b, 1, 2, 3, ...new Array<number>(600).fill(7)]);
  const wrongs: (readonly [what: string, build: () => Promise<unknown>, code: ErrorCode, words: RegExp])[] = [
    ["nothing to make it of", make({}), "invalid-request", /exactly one/],
    [
      "two things",
      make({ from: { template: "base" }, directory: { path: "/srv" } }),
      "invalid-request",
      /2 of/,
    ],
    ["no archive", put(new Uint8Array(2000).fill(65)), "unsupported-archive", /tar/],
    ["an archive cut off", put(whole.slice(0, whole.length / 2)), "bad-template", /tar|decompress|cut off/],
    ["an archive that is torn", put(closed), "bad-template", /decompress/],
    ...(await Promise.all(
      (["gzip", "zstd", "xz"] as const).map(async (compression) => {
        const noisy = await packDirectory(root.path, { compression });
        noisy.fill(0x5a, noisy.length / 3, noisy.length / 3 + 4096);
        const words = /archive: it cannot be decompressed, wanted a whole file/;
        return [`noise amid ${compression}`, put(noisy), "bad-template", words] as const;
      }),
    )),
    [
      "a device beside innocent files",
      put(Uint8Array.from(tarOf([{ name: "a" }, { name: "kmem", type: "3" }, { name: "z" }]))),
      "bad-template",
      /archive: tar stopped, wanted a root filesystem without a fault: tar: kmem: Cannot mknod: [^;]*$/,
    ],
    [
      "no shell",
      async () => client.putTemplateArchive("x", await packDirectory(bare.path)),
      "bad-template",
      /no \/bin\/sh/,
    ],
    [
      "the daemon's own",
      make({ directory: { path: places.stateDir } }),
      "invalid-request",
      /no proc may see/,
    ],
    ["what holds it", make({ directory: { path: "/var/lib" } }), "invalid-request", /no proc may see/],
    [
      "the kernel's",
      make({ directory: { path: "/proc/1/root" } }),
      "invalid-request",
      /nowhere|no proc|itself/,
    ],
    ["a way around", make({ directory: { path: `${root.path}/../..` } }), "invalid-request", /itself/],
    [
      "a bind into ours",
      make({ directory: { path: root.path, binds: [{ source: bare.path, destination: "/dev/shm" }] } }),
      "invalid-request",
      /\/dev/,
    ],
    [
      "a bind of the registry of all daemons",
      make({
        directory: {
          path: root.path,
          binds: [{ source: dirname(defaultRegistryFile(process.env)), destination: "/opt/java" }],
        },
      }),
      "invalid-request",
      /no proc may see/,
    ],
    [
      "a bind to nowhere",
      make({ directory: { path: root.path, binds: [{ source: bare.path, destination: "/usr/nowhere" }] } }),
      "bad-template",
      /usr\/nowhere is not there/,
    ],
    ["upon host", make({ from: { template: "host", packages: ["hello"] } }), "invalid-request", /host/],
    ["upon nothing", make({ from: { template: "nobody" } }), "unknown-template", /nobody/],
    [
      "packages without apt",
      make({ from: { template: "base", packages: ["hello"] } }),
      "build-failed",
      /no apt-get/,
    ],
    [
      "packages without a network",
      make({ from: { template: "base", packages: ["hello"], network: "none" } }),
      "invalid-request",
      /network/,
    ],
    [
      "a foreign arch",
      make({ debootstrap: { suite: "bookworm", arch: "s390x" } }),
      "invalid-request",
      /s390x/,
    ],
    [
      "a keyring that is not there",
      make({ debootstrap: { suite: "bookworm", keyring: "/nowhere" } }),
      "invalid-request",
      /\/nowhere/,
    ],
    [
      "a mirror that refuses",
      make({ debootstrap: { suite: "bookworm", mirror: `http://127.0.0.1:${await closedPort()}/debian` } }),
      "bad-mirror",
      /ECONNREFUSED/,
    ],
    [
      "host's name",
      () => client.createTemplate({ name: "host", replace: true, directory: { path: root.path } }),
      "template-built-in",
      /host/,
    ],
  ];
  for (const [what, build, code, words] of wrongs)
    await context.test(what, async () => {
      const error = await refusal(build());
      assert.equal(error.code, code, error.message);
      assert.match(error.message, words);
    });
  await assert.rejects(client.deleteTemplate("host"), (error) => isSharkuError(error, "template-built-in"));
  await assertSame(before, places);
});

test("debootstrap goes by the daemon's proxy, whose password nobody is told", async () => {
  const asked: { readonly url: string; readonly credentials: string }[] = [];
  const proxy = createProxy(({ url = "", headers }, response) => {
    const [, basic = ""] = /^Basic (.*)$/.exec(headers["proxy-authorization"] ?? "") ?? [];
    asked.push({ url, credentials: Buffer.from(basic, "base64").toString() });
    response.writeHead(404).end();
  });
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  const http_proxy = `http://me:s3cr3t@127.0.0.1:${portOf(proxy)}`;
  await using root = await makeTinyRoot();
  await using daemon = await startDaemon({ env: { http_proxy, no_proxy: "" } });
  const { client } = daemon;
  try {
    const mirror = "http://mirror.invalid/debian";
    const failed = await refusal(
      client.createTemplate({ name: "x", debootstrap: { suite: "bookworm", mirror } }),
    );
    assert.equal(failed.code, "bad-mirror", failed.message);
    const [first] = asked;
    assert.equal(first?.credentials, "me:s3cr3t");
    assert.match(first?.url ?? "", /^http:\/\/mirror\.invalid\/debian\/dists\/bookworm\//);
    await client.createTemplate({ name: "base", directory: { path: root.path } });
    const script = 'echo "proxy: $http_proxy"; exit 3';
    const told = await refusal(client.createTemplate({ name: "x", from: { template: "base", script } }));
    assert.match(told.message, /ended with code 3: proxy:$/);
    assert.doesNotMatch(failed.message, /s3cr3t/);
  } finally {
    proxy.close();
  }
});

test("a mirror that does not answer is given up in time", { timeout: stretched(60_000) }, async () => {
  await using daemon = await startDaemon();
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const mirror = `http://127.0.0.1:${portOf(server)}/debian`;
    const error = await refusal(
      daemon.client.createTemplate({ name: "x", debootstrap: { suite: "bookworm", mirror } }),
    );
    assert.equal(error.code, "bad-mirror");
    assert.match(error.message, /no answer in 10 s/);
  } finally {
    server.close();
  }
});

/** Nobody listens there any more; above all that fetch() does not take. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function portOf(server: Server): number {
  // A server that listens on TCP has a port.
  return (server.address() as AddressInfo).port;
}
