import type { HostFacts, NetworkFacts } from "../facts.ts";
import type { CheckResult } from "../host.ts";
import { byCommand, byHand, ok } from "./result.ts";

export function judgeNetwork({ network, uid }: HostFacts): CheckResult[] {
  const seen = [judgeForwarding(network), judgePorts(network)];
  // The rest only root can see; the check for root has said so.
  return uid === 0 ? [judgeNft(network), judgeLinks(network), judgeFirewall(network), ...seen] : seen;
}

function judgeNft({ nft }: NetworkFacts): CheckResult {
  const name = "nf_tables";
  if (nft?.works) return ok({ name, found: "works" });
  const found = nft ? `nft says: ${nft.output}` : "there is no nft to try it";
  return nft
    ? byCommand("fail", { name, found, shell: "modprobe nf_tables" })
    : byHand("fail", { name, found, cure: "install nft, see there" });
}

function judgeLinks({ linkTrial }: NetworkFacts): CheckResult {
  const name = "bridge and veth";
  if (linkTrial?.works) return ok({ name, found: "work" });
  const found = linkTrial ? `ip says: ${linkTrial.output}` : "there is no ip to try it";
  return linkTrial
    ? byCommand("fail", { name, found, shell: "modprobe bridge && modprobe veth" })
    : byHand("fail", { name, found, cure: "install ip, see there" });
}

/** Told, not judged: the daemon turns it on, and other programs may turn it off under it. */
function judgeForwarding({ ipForward }: NetworkFacts): CheckResult {
  return ok({ name: "forwarding", found: ipForward ? "on" : "off, sharku serve turns it on" });
}

/** The kernel hands out ephemeral ports at will: one of ours among them would be taken now and then. */
function judgePorts({ portRange, ephemeralPorts, reservedPorts }: NetworkFacts): CheckResult {
  const name = "port range";
  const [first, last] = portRange;
  const range = `${first}-${last}`;
  const apart = last < ephemeralPorts[0] || first > ephemeralPorts[1];
  if (apart) return ok({ name, found: `${range}, the kernel's own is ${ephemeralPorts.join("-")}` });
  const reserved = reservedPorts.split(",").filter(Boolean);
  if (reserved.some((one) => covers(one, portRange))) return ok({ name, found: `${range}, reserved` });
  const found = `${range} lies in the kernel's own ${ephemeralPorts.join("-")}`;
  const value = [...reserved, range].join(",");
  const cure = `sysctl -w net.ipv4.ip_local_reserved_ports=${value}, or another --port-range`;
  return byHand("warn", { name, found, cure });
}

function covers(reserved: string, [first, last]: readonly [number, number]): boolean {
  const [low = Number.NaN, high = low] = reserved.split("-").map(Number);
  return low <= first && high >= last;
}

/** Whatever our own table accepts, another's chain that drops what is forwarded has the last word. */
function judgeFirewall({ nft }: NetworkFacts): CheckResult {
  const name = "other firewalls";
  const chains = nft?.works ? droppingChains(nft.output) : [];
  if (chains.length === 0) return ok({ name, found: "none drops what procs send" });
  const found = `${chains.join(", ")} drops what is forwarded, so procs may reach nothing outside this host`;
  const cure = "let that chain accept what comes from and goes to the bridge of Sharku";
  return byHand("warn", { name, found, cure });
}

/** `family table chain` of each foreign chain at the forward hook that drops by policy. */
export function droppingChains(json: string): string[] {
  let listing: unknown;
  try {
    listing = JSON.parse(json);
  } catch {
    return [];
  }
  // What nft prints is checked field by field below.
  const entries = (listing as { nftables?: { chain?: Record<string, unknown> }[] }).nftables ?? [];
  return entries
    .map(({ chain }) => chain ?? {})
    .filter((chain) => chain["hook"] === "forward" && chain["policy"] === "drop")
    .filter((chain) => !String(chain["table"]).startsWith("sharku"))
    .map((chain) => `${chain["family"]} ${chain["table"]} ${chain["name"]}`);
}
