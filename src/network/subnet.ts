import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";

/**
 * The addresses of one daemon's procs: a /20 of its own out of 10.190.0.0/15, chosen by the daemon's index in
 * the host-wide registry. The first address is the bridge's, the others belong to the slots.
 */
export interface Subnet {
  readonly cidr: string;
  readonly bridgeAddress: string;
  readonly prefix: number;
}

const FIRST_ADDRESS = ipToNumber("10.190.0.0");
const PREFIX = 20;
const SIZE = 2 ** (32 - PREFIX);

/** How many daemons one host can give a subnet to. */
export const subnetCount = 32;

/** How many slots a subnet has: all its addresses but the network's, the bridge's and the broadcast's. */
export const slotCount = SIZE - 3;

export function subnetOf(index: number): Subnet {
  const base = FIRST_ADDRESS + index * SIZE;
  return { cidr: `${numberToIp(base)}/${PREFIX}`, bridgeAddress: numberToIp(base + 1), prefix: PREFIX };
}

export function addressOfSlot(index: number, slot: number): string {
  return numberToIp(FIRST_ADDRESS + index * SIZE + 2 + slot);
}

/**
 * Whether the network of an interface that is not ours lies in that subnet, or its address does. A wider network
 * around it does not count: on a host in 10.0.0.0/8 no subnet would be left, and the narrower route wins. `ours`
 * is our bridge's name; the bridges of other daemons have claimed their subnets in the registry.
 */
export function subnetIsTaken(
  index: number,
  {
    ours,
    interfaces = networkInterfaces(),
  }: {
    ours: string;
    interfaces?: NodeJS.Dict<NetworkInterfaceInfo[]>;
  },
): boolean {
  const first = FIRST_ADDRESS + index * SIZE;
  return Object.entries(interfaces).some(
    ([name, addresses]) =>
      name !== ours &&
      (addresses ?? []).some(({ family, address, netmask }) => {
        if (family !== "IPv4") return false;
        const low = Number(BigInt(ipToNumber(address)) & BigInt(ipToNumber(netmask)));
        return [low, ipToNumber(address)].some((number) => number >= first && number < first + SIZE);
      }),
  );
}

function ipToNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function numberToIp(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}
