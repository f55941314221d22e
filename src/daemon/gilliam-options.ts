import { isIP } from "node:net";
import { CannotStart } from "../lib/cannot-start.ts";

/** Where the protocol of 2013 is served alone and without a token; null where it is not. */
export type GilliamListen = { readonly host: string; readonly port: number } | null;

/** Whoever reaches the address may run commands here, so any but loopback needs a word more. Errors: CannotStart. */
export function parseGilliamListen(text: string, isOpen: boolean): GilliamListen {
  if (text === "") return null;
  const [, name = "", digits] = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):(\d{1,5})$/.exec(text) ?? [];
  const host = name === "localhost" ? "127.0.0.1" : name.replace(/[[\]]/g, "");
  const port = Number(digits);
  if (isIP(host) === 0 || !(port >= 1 && port <= 65535)) {
    throw new CannotStart(
      `Cannot serve Gilliam on "${text}": it is no address with a port, wanted one like 127.0.0.1:8000`,
    );
  }
  if (isOpen || isLoopback(host)) return { host, port };
  throw new CannotStart(
    `Cannot serve Gilliam on "${text}": it is no loopback address, and whoever reaches it would run commands on this host without a token; wanted one like 127.0.0.1:8000, or --insecure-gilliam where everybody who reaches it is trusted`,
  );
}

function isLoopback(host: string): boolean {
  return host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
