import { lookup as lookUp } from "node:dns";
import type { LookupFunction } from "node:net";
import { type Listener, literalAddress, portOf } from "./address-rules.ts";

/** Why nothing may be sent to a place, or null; asked for the very address that is connected to. */
export type Judge = (place: Listener) => string | null;

/** The address that a URL stands for may not be called. */
export class RefusedAddress extends Error {
  override readonly name = "RefusedAddress";
}

/** A literal address is connected to without a lookup, so it is judged before. Errors: RefusedAddress. */
export function assertLiteralAllowed(url: URL, judge: Judge): void {
  const why = judgeLiteral(url, judge);
  if (why !== null) throw new RefusedAddress(why);
}

/** Why the address that a URL names itself may not be called; null where it may, or where there is a name instead. */
export function judgeLiteral(url: URL, judge: Judge): string | null {
  const literal = literalAddress(url);
  return literal === null ? null : judge({ address: literal, port: portOf(url) });
}

/** Looks a name up for a connection, and refuses it where a single one of its addresses may not be called. */
export function judgedLookup(url: URL, judge: Judge): LookupFunction {
  const port = portOf(url);
  return (hostname, options, callback) => {
    lookUp(hostname, { ...options, all: true }, (error, addresses) => {
      const why = addresses?.map(({ address }) => judge({ address, port })).find((word) => word !== null);
      const [first] = addresses ?? [];
      if (error) callback(error, "");
      else if (why) callback(new RefusedAddress(why), "");
      else if (options.all) callback(null, addresses);
      else callback(null, first?.address ?? "", first?.family);
    });
  };
}
