import { networkInterfaces } from "node:os";
import { type FetchRules, judgeAddress, type Listener } from "./address-rules.ts";
import type { Judge } from "./judged-lookup.ts";

/**
 * Judges by the rules for everybody and those of the operator, with the daemon's own listeners and the addresses that
 * the host has now. What further holds for a caller who may less than others is a rule to be given here too.
 */
export function judgeWithOwn(listeners: readonly Listener[], rules: FetchRules): Judge {
  return (place) => {
    const interfaces = Object.values(networkInterfaces());
    const hostAddresses = interfaces.flatMap((ones) => ones?.map(({ address }) => address) ?? []);
    return judgeAddress(place, { own: { listeners, hostAddresses }, rules });
  };
}
