import { maskedDirectories, maskedFiles } from "../../test/host/golden/sandbox.ts";

/** The null device, the kernel's messages and a disk. */
export const devices = { harmless: "c:1:3", messages: "c:1:11", disk: "b:7:0" };

/** What the probe is told, the same everywhere. */
export function environmentOf(peers: { neighbour: string; hostPort: number }): Record<string, string> {
  return {
    PROBE_WALK: "/",
    PROBE_KINDS: [...maskedFiles, ...maskedDirectories].join(","),
    PROBE_DEVICES: Object.values(devices).join(","),
    PROBE_PEERS: `${peers.neighbour},GATEWAY:${peers.hostPort}`,
  };
}
