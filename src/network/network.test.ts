import assert from "node:assert/strict";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { runCommand } from "../lib/run-command.ts";
import { publishText, tableText, unpublishText } from "./firewall.ts";
import { hostsText, parseResolvConf, resolvConfText } from "./name-files.ts";
import { networkNames, vethName } from "./names.ts";
import { PortPool } from "./port-pool.ts";
import { addressOfSlot, slotCount, subnetCount, subnetIsTaken, subnetOf } from "./subnet.ts";

describe("a daemon's subnet", () => {
  it("is a /20 of its own, whichever the index", () => {
    assert.deepEqual(subnetOf(0), { cidr: "10.190.0.0/20", bridgeAddress: "10.190.0.1", prefix: 20 });
    assert.equal(subnetOf(1).cidr, "10.190.16.0/20");
    assert.equal(subnetOf(subnetCount - 1).cidr, "10.191.240.0/20");
  });

  it("has an address for each slot, between the bridge's and the broadcast's", () => {
    assert.equal(addressOfSlot(0, 0), "10.190.0.2");
    assert.equal(addressOfSlot(0, slotCount - 1), "10.190.15.254");
  });

  it("is taken where another interface is in it, but not by a wider network around it", () => {
    const at = (name: string, address: string, netmask: string) => ({
      [name]: [{ address, netmask, family: "IPv4" as const, mac: "", internal: false, cidr: null }],
    });
    const taken = (interfaces: ReturnType<typeof at>) => subnetIsTaken(0, { ours: "shkab12cd", interfaces });
    assert.equal(taken(at("eth0", "10.190.3.4", "255.255.255.0")), true);
    assert.equal(taken(at("eth0", "10.1.2.3", "255.0.0.0")), false);
    assert.equal(taken(at("eth0", "10.190.3.4", "255.0.0.0")), true);
    assert.equal(taken(at("eth0", "10.190.16.1", "255.255.240.0")), false);
    assert.equal(taken(at("shkab12cd", "10.190.0.1", "255.255.240.0")), false);
    assert.equal(taken(at("eth0", "192.168.1.5", "255.255.255.0")), false);
  });
});

describe("the names on the host", () => {
  it("fit into the kernel's 15 characters for the last slot too", () => {
    const names = networkNames("ab12cd");
    assert.ok(names.bridge.length <= 15);
    assert.ok(vethName(names, slotCount - 1).length <= 15);
  });
});

describe("the firewall's text", () => {
  const names = networkNames("ab12cd");
  const published = { hostAddress: "127.0.0.1", port: 10000, procAddress: "10.190.0.2" };

  it("names no table but ours", () => {
    const text = tableText({ names, subnet: subnetOf(0), resolvers: ["9.9.9.9"] }, [published]);
    const tables = [...text.matchAll(/^(?:delete )?table \S+ (\S+)/gm)].map(([, name]) => name);
    assert.deepEqual(new Set(tables), new Set(["sharku_ab12cd"]));
    assert.match(text, /127\.0\.0\.1 \. 10000 : 10\.190\.0\.2 \. 10000/);
  });

  it("looks a packet up once: Linux 6.1 has no test of a map's keys alone", () => {
    const text = tableText({ names, subnet: subnetOf(0), resolvers: [] }, []);
    const lookUps = text.split("\n").filter((line) => line.includes("@published"));
    assert.equal(lookUps.length, 2);
    for (const line of lookUps) assert.match(line, /dnat ip to ip daddr \. tcp dport map @published$/);
    assert.doesNotMatch(text, /dport @published/);
  });

  it("takes an element back whether it is there or not", () => {
    const add = publishText(names, published);
    assert.equal(unpublishText(names, published), `${add}${add.replace("add element", "delete element")}`);
  });
});

describe("PortPool", () => {
  it("hands out the port longest unused, and none on which somebody listens", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const busy = typeof address === "object" && address !== null ? address.port : 0;
    const pool = new PortPool({ first: busy, last: busy + 1 });
    const got = await pool.acquire();
    assert.equal(got, busy + 1);
    await assert.rejects(pool.acquire(), { code: "no-port" });
    await new Promise((resolve) => server.close(resolve));
    assert.equal(await pool.acquire(), busy);
    pool.release(busy + 1);
    pool.release(busy);
    assert.equal(await pool.acquire(), busy + 1);
  });

  it("passes on an error that says nothing about the port, and loses no port by it", async () => {
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
    const address = probe.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await new Promise((resolve) => probe.close(resolve));
    // In a process of its own, which has no file descriptor left at its first try.
    const program = `
      import { closeSync, openSync } from "node:fs";
      import { PortPool } from ${JSON.stringify(new URL("port-pool.ts", import.meta.url).href)};
      const pool = new PortPool({ first: ${port}, last: ${port} });
      const held = [];
      try { for (;;) held.push(openSync("/dev/null")); } catch {}
      const code = await pool.acquire().then(() => "none", (error) => error.code);
      for (const fd of held) closeSync(fd);
      process.stdout.write(JSON.stringify([code, await pool.acquire()]));`;
    const script = 'ulimit -n 64; exec "$0" --input-type=module --eval "$1"';
    const { stdout } = await runCommand(["sh", "-c", script, process.execPath, program]);
    assert.deepEqual(JSON.parse(stdout), ["EMFILE", port]);
  });

  it("keeps what records hold", async () => {
    const pool = new PortPool({ first: 2, last: 2 });
    pool.keep(2);
    await assert.rejects(pool.acquire(), { code: "no-port" });
  });
});

describe("the files about names", () => {
  it("leave out servers that a proc cannot reach", () => {
    const text =
      "nameserver 127.0.0.53\nnameserver 9.9.9.9 # quad\nnameserver ::1\nsearch lan\noptions edns0\n";
    const resolving = parseResolvConf(text);
    assert.deepEqual(resolving, { nameservers: ["9.9.9.9"], lines: ["search lan", "options edns0"] });
    assert.equal(resolvConfText(resolving), "nameserver 9.9.9.9\nsearch lan\noptions edns0\n");
  });

  it("name the proc by its own address", () => {
    assert.match(hostsText("web", "10.190.0.2"), /^10\.190\.0\.2 web$/m);
    assert.match(hostsText("web", null), /^127\.0\.1\.1 web$/m);
  });
});
