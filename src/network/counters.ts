import { readFileSync } from "node:fs";
import type { NetworkFigures } from "../contract/stats.ts";
import { type NetworkNames, vethName } from "./names.ts";

/**
 * What has gone over a run's cable, by the host's end of it: what that one receives, the proc has sent. Null where
 * there is none. The files are the kernel's own words in memory, so they are read at once.
 */
export function readCounters(names: NetworkNames, slot: number): NetworkFigures | null {
  const dir = `/sys/class/net/${vethName(names, slot)}/statistics`;
  try {
    const read = (name: string) => Number(readFileSync(`${dir}/${name}`, "latin1"));
    return {
      receivedBytes: read("tx_bytes"),
      sentBytes: read("rx_bytes"),
      receivedPackets: read("tx_packets"),
      sentPackets: read("rx_packets"),
    };
  } catch {
    return null;
  }
}
