import { BlockList, isIP } from "node:net";

/**
 * Where the daemon may connect to on behalf of a caller (callbacks, images), told without asking anybody. Loopback
 * and private addresses are fine: orchestrators live there. What nobody can be is refused, and so is what would hand
 * out the host's own credentials, and the daemon itself.
 */

export interface Listener {
  /** An IP address, without brackets; the unspecified one stands for every address of the host. */
  readonly address: string;
  readonly port: number;
}

const refusedSubnets: readonly (readonly [network: string, prefix: number, what: string])[] = [
  ["0.0.0.0", 8, "unspecified"],
  ["169.254.0.0", 16, "link-local"],
  ["224.0.0.0", 3, "multicast, reserved or broadcast"],
  // Metadata services outside 169.254/16: Alibaba Cloud's and Oracle's.
  ["100.100.100.200", 32, "a metadata service"],
  ["192.0.0.192", 32, "a metadata service"],
  ["::", 128, "unspecified"],
  ["fe80::", 10, "link-local"],
  ["ff00::", 8, "multicast"],
  // Amazon's and Google's.
  ["fd00:ec2::254", 128, "a metadata service"],
  ["fd20:ce::254", 128, "a metadata service"],
  // RFC 4380: both of the IPv4 addresses in it are whoever's made it up.
  ["2001::", 32, "of Teredo"],
];

/** Of each site's own (RFC 8215), which may also put the IPv4 address before its last 32 bits. */
const localNat64 = ["64:ff9b:1::", 48] as const;

/** IPv6 that carries an IPv4 address: mapped, compatible, translated, and by NAT64 in its last 32 bits, 6to4 after 16. */
const carriers: readonly (readonly [network: string, prefix: number, firstGroup: number])[] = [
  ["::ffff:0:0", 96, 6],
  ["::", 96, 6],
  ["::ffff:0:0:0", 96, 6],
  ["64:ff9b::", 96, 6],
  [...localNat64, 6],
  ["2002::", 16, 1],
];

export interface OwnPlaces {
  readonly listeners: readonly Listener[];
  /** The host's own addresses, which a listener on the unspecified address answers on. */
  readonly hostAddresses: readonly string[];
}

export interface Subnet {
  readonly network: string;
  readonly prefix: number;
}

/** What the operator says beside the rules for everybody. */
export interface FetchRules {
  /** Opens what the rules for everybody refuse, but never the daemon itself. */
  readonly allow: readonly Subnet[];
  /** Wins over everything. */
  readonly deny: readonly Subnet[];
}

export const noFetchRules: FetchRules = { allow: [], deny: [] };

/**
 * Why nothing may be sent to that address and port; null where it may. An address that carries an IPv4 address is
 * allowed as that one only, and denied as either.
 */
export function judgeAddress(
  { address, port }: Listener,
  { own, rules }: { own: OwnPlaces; rules: FetchRules },
): string | null {
  const plain = plainAddress(address);
  const denied = rules.deny.find((subnet) => isWithin(plain, subnet) || isWithin(unzoned(address), subnet));
  if (denied) return `its address is within ${denied.network}/${denied.prefix}, which the operator denies`;
  if (own.listeners.some((listener) => listener.port === port && answersOn(listener, plain, own)))
    return "its address is this daemon's own";
  const refused = refusedSubnets.find(([network, prefix]) => isWithin(plain, { network, prefix }));
  if (refused === undefined || rules.allow.some((subnet) => isWithin(plain, subnet))) return null;
  return `its address is ${refused[2]}`;
}

/** A subnet in CIDR's spelling, or what is wrong with it; one address stands for itself alone. */
export function parseSubnet(text: string): Subnet | string {
  const [, network = "", length] = /^([\da-f:.]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(network)] ?? 0;
  if (bits === 0) return "it is no IP network";
  const prefix = length === undefined ? bits : Number(length);
  if (prefix > bits) return `its prefix is longer than ${bits} bits`;
  // Addresses of such a network are judged as those that they carry.
  const carrier = bits === 128 ? carrierOf(network) : null;
  if (carrier === null || prefix < carrier[1]) return { network, prefix };
  const bitsBefore = carrier[2] * 16;
  const carried = `${carriedAddress(inOneSpelling(network), carrier[2])}/${Math.max(0, Math.min(32, prefix - bitsBefore))}`;
  return `it carries IPv4 addresses, name their network itself, ${carried}`;
}

/** The address that the URL names itself, or null where it holds a name to look up. */
export function literalAddress(url: URL): string | null {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return isIP(host) === 0 ? null : host;
}

export function portOf(url: URL): number {
  if (url.port !== "") return Number(url.port);
  return url.protocol === "https:" ? 443 : 80;
}

function answersOn(listener: Listener, address: string, own: OwnPlaces): boolean {
  const at = plainAddress(listener.address);
  if (isUnspecified(at))
    return isLoopback(address) || own.hostAddresses.some((host) => plainAddress(host) === address);
  return at === address;
}

/** In one spelling, without a zone, and as IPv4 where it carries one. */
function plainAddress(address: string): string {
  const bare = unzoned(address);
  if (isIP(bare) !== 6) return bare;
  const host = inOneSpelling(bare);
  const carrier = carrierOf(host);
  if (carrier === null) return host;
  const carried = carriedAddress(host, carrier[2]);
  // RFC 6052: what comes behind one that ends earlier is zeros. Which it is cannot be told, so it is no host's.
  return carrier[0] === localNat64[0] && carried.endsWith(".0.0.0") ? "0.0.0.0" : carried;
}

/** The URL parser writes IPv6 in the one spelling of RFC 5952. */
function inOneSpelling(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function carrierOf(host: string): (typeof carriers)[number] | null {
  // Within ::/96 by their spelling only.
  if (isWithin(host, { network: "::", prefix: 127 })) return null;
  return carriers.find(([network, prefix]) => isWithin(host, { network, prefix })) ?? null;
}

function unzoned(address: string): string {
  return address.split("%")[0] ?? address;
}

function carriedAddress(host: string, firstGroup: number): string {
  const [head = "", tail = ""] = host.split("::");
  const groupsOf = (part: string) => (part === "" ? [] : part.split(":"));
  const missing = 8 - groupsOf(head).length - groupsOf(tail).length;
  const groups = [
    ...groupsOf(head),
    ...Array<string>(host.includes("::") ? missing : 0).fill("0"),
    ...groupsOf(tail),
  ];
  return groups
    .slice(firstGroup, firstGroup + 2)
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 0xff])
    .join(".");
}

function isWithin(address: string, subnet: Subnet): boolean {
  const family = isIP(subnet.network) === 6 ? "ipv6" : "ipv4";
  if (isIP(address) !== (family === "ipv6" ? 6 : 4)) return false;
  const list = new BlockList();
  list.addSubnet(subnet.network, subnet.prefix, family);
  return list.check(address, family);
}

function isUnspecified(address: string): boolean {
  return address === "::" || address === "0.0.0.0";
}

function isLoopback(address: string): boolean {
  return address === "::1" || isWithin(address, { network: "127.0.0.0", prefix: 8 });
}
