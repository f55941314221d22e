import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import type { Proc, SharkuClient } from "../../src/client/client.ts";
import { runCommand } from "../../src/lib/run-command.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { parseFacts } from "./probe-facts.ts";
import { ask, linesOf, runProc, untilExited, untilLine } from "./proc-calls.ts";
import { pidsOfProc } from "./processes.ts";

test("a proc reaches neither the host nor other procs, and is reached on loopback only", async (context) => {
  await using daemon = await startDaemon();
  await using listener = await listenEverywhere();
  const { client, places } = daemon;
  const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
  const webs = await Promise.all([1, 2].map(() => runWeb(client, image)));
  const [web, other] = [webs[0] ?? assert.fail(), webs[1] ?? assert.fail()];
  const [address, otherAddress] = await Promise.all([addressOf(web), addressOf(other)]);
  const outer = hostAddresses().filter((host) => !host.startsWith("10.190."));

  await context.test("what it may not reach, it does not", async () => {
    const peers = [
      ...[`${address}:${web.port}`, `${otherAddress}:${other.port}`],
      ...[`GATEWAY:${listener.port}`, `GATEWAY:${places.listenPort}`, `GATEWAY:${web.port}`, "GATEWAY:22"],
      ...[`127.0.0.1:${listener.port}`, `127.0.0.1:${places.listenPort}`, `127.0.0.1:${web.port}`],
      ...outer.flatMap((host) => [`${host}:${listener.port}`, `${host}:${web.port}`]),
    ];
    const reached = await probe(client, { image, peers });
    assert.equal(Object.keys(reached).length, peers.length);
    for (const [peer, answer] of Object.entries(reached)) assert.notEqual(answer, "ok", peer);
  });

  await context.test("the same addresses answer the host, so that the probe proves something", async () => {
    const bridge = hostAddresses().find((host) => sameNetwork(host, address)) ?? assert.fail("no bridge");
    for (const peer of [
      `${address}:${web.port}`,
      `${otherAddress}:${other.port}`,
      `${bridge}:${listener.port}`,
    ])
      assert.equal(await reachFromHost(peer), "ok", peer);
  });

  await context.test("its port answers on 127.0.0.1, and on no other address of the host", async () => {
    assert.match(await ask(web), /^\d+$/m);
    const hosts = hostAddresses();
    assert.ok(hosts.length > 0);
    for (const host of ["127.0.0.2", ...hosts])
      assert.notEqual(await reachFromHost(`${host}:${web.port}`), "ok", host);
  });

  await context.test("a proc of mode none has loopback only", async () => {
    const { id } = await runProc(client, { command: ["cat", "/proc/net/dev"], network: { mode: "none" } });
    await untilExited(client, id);
    const names = (await linesOf(client, id)).flatMap((line) => /^\s*(\S+):/.exec(line)?.[1] ?? []);
    assert.deepEqual(names, ["lo"]);
  });
});

async function runWeb(client: SharkuClient, image: string): Promise<Proc> {
  const proc = await runProc(client, { image, command: ["python3", "obey.py"] });
  await untilLine(client, proc.id, /^ready$/);
  return proc;
}

async function probe(
  client: SharkuClient,
  { image, peers }: { image: string; peers: readonly string[] },
): Promise<Record<string, string>> {
  const config = { PROBE_PEERS: peers.join(",") };
  const { id } = await runProc(client, { image, command: ["python3", "probe.py"], config });
  await untilExited(client, id);
  return parseFacts(await linesOf(client, id)).reached;
}

/** Its address on the bridge, as its own network namespace tells. */
async function addressOf({ id }: Proc): Promise<string> {
  const [pid] = await pidsOfProc(id);
  const argv = ["nsenter", "--target", String(pid), "--net", "ip", "-json", "-4", "address", "show", "eth0"];
  const [link] = JSON.parse((await runCommand(argv)).stdout);
  return link.addr_info[0].local;
}

async function reachFromHost(peer: string): Promise<string> {
  const script =
    "import sys,socket; h,p=sys.argv[1].rsplit(':',1); socket.create_connection((h,int(p)),timeout=1)";
  const result = await runCommand(["python3", "-c", script, peer]).then(
    () => "ok",
    () => "refused",
  );
  return result;
}

/** Its addresses but those of loopback. */
function hostAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.filter(({ family, internal }) => family === "IPv4" && !internal).map(({ address }) => address);
}

function sameNetwork(one: string, other: string): boolean {
  const third = (address: string) => Number(address.split(".")[2]) & 0xf0;
  return one.startsWith("10.190.") && third(one) === third(other);
}

async function listenEverywhere(): Promise<AsyncDisposable & { port: number }> {
  const server: Server = createServer((socket) => socket.end()).listen(0, "0.0.0.0");
  await once(server, "listening");
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return {
    port: address.port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
