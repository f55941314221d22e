import { readdir, writeFile } from "node:fs/promises";
import { runCommand, tryCommand } from "../lib/run-command.ts";
import { type NetworkNames, vethName } from "./names.ts";
import type { Subnet } from "./subnet.ts";

/** Bridges and cables, by ip(8). */

/** How long one call may take, in milliseconds; on a host under heavy load it is much longer than it should be. */
const IP_MS_MAX = 60_000;

/** Makes the bridge, or mends the one that is there. */
export async function raiseBridge({ bridge }: NetworkNames, subnet: Subnet): Promise<void> {
  const present = await tryCommand(["ip", "link", "show", "dev", bridge]);
  if (present.code !== 0) await ipBatch([`link add ${bridge} type bridge`]);
  await ipBatch([
    `address replace ${subnet.bridgeAddress}/${subnet.prefix} dev ${bridge}`,
    `link set ${bridge} type bridge stp_state 0`,
    `link set ${bridge} up`,
  ]);
  // So that what comes from the host's 127.0.0.1 can be passed on to a proc; firewall.ts guards the way back.
  await writeFile(`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, "1");
  // Procs have no IPv6 yet, and a bridge that listens to router advertisements is a door.
  await writeFile(`/proc/sys/net/ipv6/conf/${bridge}/disable_ipv6`, "1").catch(() => undefined);
  await writeFile("/proc/sys/net/ipv4/ip_forward", "1");
}

export async function removeBridge({ bridge }: NetworkNames): Promise<void> {
  await tryCommand(["ip", "link", "delete", bridge], { timeoutMs: IP_MS_MAX });
}

/**
 * Joins the network namespace of a process to the bridge by a cable of its own. The proc's end comes up first: a
 * port of the bridge that comes up with its carrier there forwards at once, while one whose carrier comes later
 * waits for the kernel to notice, and what is sent meanwhile is lost and repeated only a second later.
 */
export async function plugIn(
  names: NetworkNames,
  { slot, pid, address, subnet }: { slot: number; pid: number; address: string; subnet: Subnet },
): Promise<void> {
  const veth = vethName(names, slot);
  await runCommand(["nsenter", "--target", String(pid), "--net", "ip", "-batch", "-"], {
    timeoutMs: IP_MS_MAX,
    input: [
      "link set lo up",
      `link add eth0 type veth peer name ${veth} netns ${process.pid}`,
      `address add ${address}/${subnet.prefix} dev eth0`,
      "link set eth0 up",
      `route add default via ${subnet.bridgeAddress}`,
      "",
    ].join("\n"),
  });
  await ipBatch([
    `link set ${veth} master ${names.bridge}`,
    // Isolated ports reach the bridge itself, never each other.
    `link set ${veth} type bridge_slave isolated on`,
    `link set ${veth} up`,
  ]);
}

/** Takes the cable away. Does nothing where its namespace has taken it along. */
export async function unplug(names: NetworkNames, slot: number): Promise<void> {
  const veth = vethName(names, slot);
  const result = await tryCommand(["ip", "link", "delete", veth], { timeoutMs: IP_MS_MAX });
  if (result.code !== 0 && !/Cannot find device/.test(result.stderr)) {
    throw new Error(`Cannot remove network cable "${veth}": ${result.stderr.trim()}`);
  }
}

/** The slots that have a cable on this host. */
export async function pluggedSlots(names: NetworkNames): Promise<number[]> {
  const interfaces = await readdir("/sys/class/net");
  return interfaces
    .filter((name) => name.startsWith(names.vethPrefix))
    .map((name) => Number(name.slice(names.vethPrefix.length)))
    .filter((slot) => Number.isSafeInteger(slot));
}

async function ipBatch(lines: readonly string[]): Promise<void> {
  await runCommand(["ip", "-batch", "-"], { input: `${lines.join("\n")}\n`, timeoutMs: IP_MS_MAX });
}
