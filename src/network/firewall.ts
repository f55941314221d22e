import { runCommand } from "../lib/run-command.ts";
import type { NetworkNames } from "./names.ts";
import type { Subnet } from "./subnet.ts";

/**
 * Our nftables table, and nothing else's. One map holds what is published, so that a packet's look-up costs the
 * same for one proc and for a thousand.
 */

/** How long one change of the firewall may take, in milliseconds; under heavy load much longer than it should. */
const NFT_MS_MAX = 60_000;

export interface Published {
  readonly hostAddress: string;
  readonly port: number;
  readonly procAddress: string;
}

/** Where procs may not go by default: everything that is not the public internet (RFC 6890). */
const notPublic = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
];

export interface FirewallShape {
  readonly names: NetworkNames;
  readonly subnet: Subnet;
  /** The host's name servers, which procs may ask though they may lie in a private network. */
  readonly resolvers: readonly string[];
}

/** The whole table, ready to be applied in one transaction that replaces what was there. */
export function tableText(
  { names, subnet, resolvers }: FirewallShape,
  published: readonly Published[],
): string {
  const { table, bridge } = names;
  return `
table ip ${table} {}
delete table ip ${table}
table ip ${table} {
  map published {
    type ipv4_addr . inet_service : ipv4_addr . inet_service
${elements(published)}
  }
  set resolvers {
    type ipv4_addr
${list(resolvers)}
  }
  set not_public {
    type ipv4_addr
    flags interval
${list(notPublic)}
  }
  chain guard {
    # the bridge answers for loopback addresses (route_localnet), so nobody behind it may name one
    type filter hook prerouting priority -300; policy accept;
    iifname "${bridge}" ip daddr 127.0.0.0/8 drop
  }
  chain publish_local {
    # no test before the map: a miss ends the rule, and Linux before 6.9 refuses to test a map's keys alone
    type nat hook output priority -100; policy accept;
    dnat ip to ip daddr . tcp dport map @published
  }
  chain publish {
    type nat hook prerouting priority -100; policy accept;
    iifname != "${bridge}" dnat ip to ip daddr . tcp dport map @published
  }
  chain hide_procs {
    type nat hook postrouting priority 100; policy accept;
    oifname "${bridge}" ip saddr 127.0.0.0/8 masquerade
    oifname != "${bridge}" ip saddr ${subnet.cidr} masquerade
  }
  chain to_host {
    # procs reach no service of the host
    type filter hook input priority 0; policy accept;
    iifname "${bridge}" ct state established,related accept
    iifname "${bridge}" drop
  }
  chain through_host {
    type filter hook forward priority 0; policy accept;
    iifname "${bridge}" oifname "${bridge}" drop
    oifname "${bridge}" ct state established,related accept
    oifname "${bridge}" ct status dnat accept
    oifname "${bridge}" drop
    iifname "${bridge}" ip saddr != ${subnet.cidr} drop
    iifname "${bridge}" ct state established,related accept
    iifname "${bridge}" ip daddr @resolvers udp dport 53 accept
    iifname "${bridge}" ip daddr @resolvers tcp dport 53 accept
    iifname "${bridge}" ip daddr @not_public reject with icmp type admin-prohibited
  }
}
`;
}

export function publishText(names: NetworkNames, published: Published): string {
  return `add element ip ${names.table} published { ${element(published)} }\n`;
}

/** An element that is not there cannot be deleted, but adding one that is there changes nothing: so both. */
export function unpublishText(names: NetworkNames, published: Published): string {
  return `${publishText(names, published)}delete element ip ${names.table} published { ${element(published)} }\n`;
}

export function removeTableText(names: NetworkNames): string {
  return `table ip ${names.table} {}\ndelete table ip ${names.table}\n`;
}

/** Applies text as one transaction: all of it, or nothing. */
export async function applyFirewall(text: string): Promise<void> {
  await runCommand(["nft", "-f", "-"], { input: text, timeoutMs: NFT_MS_MAX });
}

function element({ hostAddress, port, procAddress }: Published): string {
  return `${hostAddress} . ${port} : ${procAddress} . ${port}`;
}

function elements(published: readonly Published[]): string {
  return list(published.map(element));
}

function list(words: readonly string[]): string {
  return words.length === 0 ? "" : `    elements = { ${words.join(", ")} }`;
}
