import type { Fault } from "../contract/errors.ts";
import { judgeAddress, literalAddress, portOf } from "../lib/address-rules.ts";

/** What is wrong with a URL that a callback is to be sent to; nothing where it may be tried. */
export function judgeCallbackUrl(text: string, pointer = "/callback"): Fault[] {
  const fault = (detail: string): Fault[] => [{ pointer, detail }];
  if (!URL.canParse(text)) return fault("The callback is no URL, one like http://host/path was expected");
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    return fault(`The callback's scheme is "${url.protocol}", http: or https: was expected`);
  if (url.username !== "" || url.password !== "")
    return fault("The callback holds credentials, a URL without them was expected");
  const address = literalAddress(url);
  if (address === null) return [];
  // Its own listeners are known only where it is connected.
  const why = judgeAddress({ address, port: portOf(url) }, { listeners: [], hostAddresses: [] });
  return why === null ? [] : fault(`The callback may not be called: ${why}, another was expected`);
}
