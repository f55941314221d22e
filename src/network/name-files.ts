import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";

/** Where systemd-resolved lists the servers behind its stub, which only the host's own loopback reaches. */
const RESOLVED_FILE = "/run/systemd/resolve/resolv.conf";
const RESOLVERS_MAX = 3;

export interface Resolving {
  readonly nameservers: readonly string[];
  /** The other lines of resolv.conf that mean the same inside: search and options. */
  readonly lines: readonly string[];
}

/** What the host's resolver is set to, as far as a proc with a network of its own can use it. */
export async function hostResolving(): Promise<Resolving> {
  const own = parseResolvConf(await readFile("/etc/resolv.conf", "utf8").catch(() => ""));
  if (own.nameservers.length > 0) return own;
  return parseResolvConf(await readFile(RESOLVED_FILE, "utf8").catch(() => ""));
}

/** Drops servers on loopback: inside, that is the proc's own. */
export function parseResolvConf(text: string): Resolving {
  const lines = text.split("\n").map((line) => line.trim());
  const nameservers = lines
    .map((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? "")
    .filter((address) => isIPv4(address) && !address.startsWith("127."));
  return {
    nameservers: nameservers.slice(0, RESOLVERS_MAX),
    lines: lines.filter((line) => /^(search|options)\s/.test(line)),
  };
}

export function resolvConfText({ nameservers, lines }: Resolving): string {
  return [...nameservers.map((address) => `nameserver ${address}`), ...lines, ""].join("\n");
}

export function hostsText(hostname: string, address: string | null): string {
  return [
    "127.0.0.1 localhost",
    "::1 localhost ip6-localhost ip6-loopback",
    `${address ?? "127.0.1.1"} ${hostname}`,
    "",
  ].join("\n");
}
