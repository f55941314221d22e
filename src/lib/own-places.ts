import { networkInterfaces } from "node:os";
import { judgeAddress, type Listener } from "./address-rules.ts";
import type { Judge } from "./judged-lookup.ts";

/** Judges by the rules for everybody, with the daemon's own listeners and the addresses that the host has now. */
export function judgeWithOwn(listeners: readonly Listener[]): Judge {
  return (place) => {
    const interfaces = Object.values(networkInterfaces());
    const hostAddresses = interfaces.flatMap((ones) => ones?.map(({ address }) => address) ?? []);
    return judgeAddress(place, { listeners, hostAddresses });
  };
}
