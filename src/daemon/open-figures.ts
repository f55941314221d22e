import type { ApiNeeds } from "../api/needs.ts";
import { ProcFigures } from "../figures/figures.ts";
import { HostRoom } from "../figures/host-room.ts";
import { hostReader, readDisk } from "../figures/read-host.ts";
import { keptOfDisk } from "../isolation/disks/app-disks.ts";
import type { Containers } from "../isolation/isolation.ts";
import { systemClock } from "../lib/clock.ts";
import type { BridgeNetwork } from "../network/network.ts";
import type { Procs } from "../procs/procs.ts";
import type { DaemonConfig } from "./config.ts";

/** Whether this host takes another proc, and what is left of it. */
export function openHostRoom(
  { stateDir, portRange, memoryOvercommit }: DaemonConfig,
  network: BridgeNetwork,
): HostRoom {
  return new HostRoom({
    readHost: hostReader(),
    readDisk: () => {
      const disk = readDisk(stateDir);
      return { ...disk, keptBytes: Math.round(keptOfDisk(disk.totalBytes)) };
    },
    memoryOvercommit,
    slotCount: network.slotCount,
    ports: () => ({ total: portRange.last - portRange.first + 1, free: network.freePorts }),
  });
}

/** What the calls about figures are answered from. */
export function figureDoors(parts: {
  readonly procs: Procs;
  readonly containers: Containers;
  readonly network: BridgeNetwork;
  readonly room: HostRoom;
}): Pick<ApiNeeds, "figures" | "capacity"> {
  const { procs, containers: runs, network, room } = parts;
  return {
    figures: new ProcFigures({ procs, runs, network, clock: systemClock }),
    capacity: () => room.capacity(procs.measured()),
  };
}
