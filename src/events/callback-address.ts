import type { Fault } from "../contract/errors.ts";
import { type Judge, judgeLiteral } from "../lib/judged-lookup.ts";

/** What is wrong with a URL that a callback is to be sent to; nothing where it may be tried. */
export function judgeCallbackUrl(text: string, judge: Judge, pointer = "/callback"): Fault[] {
  const fault = (detail: string): Fault[] => [{ pointer, detail }];
  if (!URL.canParse(text)) return fault("The callback is no URL, one like http://host/path was expected");
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    return fault(`The callback's scheme is "${url.protocol}", http: or https: was expected`);
  if (url.username !== "" || url.password !== "")
    return fault("The callback holds credentials, a URL without them was expected");
  const why = judgeLiteral(url, judge);
  return why === null ? [] : fault(`The callback may not be called: ${why}, another was expected`);
}
