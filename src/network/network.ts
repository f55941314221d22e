import type { NetworkFigures } from "../contract/stats.ts";
import { Lane } from "../lib/lane.ts";
import type { Network, NetworkLease } from "../procs/needs.ts";
import { readCounters } from "./counters.ts";
import {
  applyFirewall,
  type Published,
  publishText,
  removeTableText,
  tableText,
  unpublishText,
} from "./firewall.ts";
import { pluggedSlots, plugIn, raiseBridge, removeBridge, unplug } from "./links.ts";
import { hostResolving, hostsText, resolvConfText } from "./name-files.ts";
import { type NetworkNames, networkNames } from "./names.ts";
import { PortPool, type PortRange } from "./port-pool.ts";
import { addressOfSlot, type Subnet, slotCount, subnetOf } from "./subnet.ts";

/**
 * Room network: an address for each run on a bridge of ours, and its port published on the host's loopback. It
 * knows nothing of procs; a lease names all that is taken.
 *
 * INVARIANTS
 * - We touch one nftables table, one bridge and the cables on it, all named after this daemon's instance.
 * - What stands on the host is a function of the leases: `sweep` makes it so, from whatever was there.
 * - A cable's name and a run's address follow from its slot, so `detach` needs no memory.
 */

const HOST_ADDRESS = "127.0.0.1";

export interface NetworkOptions {
  readonly instance: string;
  /** This daemon's index in the host-wide registry. */
  readonly index: number;
  readonly portRange: PortRange;
}

export class BridgeNetwork implements Network {
  readonly slotCount = slotCount;
  readonly #index: number;
  readonly #names: NetworkNames;
  readonly #subnet: Subnet;
  readonly #ports: PortPool;
  /** What is published now, by slot: what the table must say if somebody has flushed it. */
  readonly #leases = new Map<number, NetworkLease>();
  /** nft takes one transaction after another in any case; waiting here keeps their order ours. */
  readonly #firewall = new Lane();

  constructor({ instance, index, portRange }: NetworkOptions) {
    this.#index = index;
    this.#names = networkNames(instance);
    this.#subnet = subnetOf(index);
    this.#ports = new PortPool(portRange);
  }

  acquirePort(): Promise<number> {
    return this.#ports.acquire();
  }

  /** How many ports of the range nobody here holds; somebody else may. */
  get freePorts(): number {
    return this.#ports.freeCount;
  }

  /** What has gone over the cable of that slot; null where there is none. */
  counters(slot: number): NetworkFigures | null {
    return readCounters(this.#names, slot);
  }

  keepPort(port: number): void {
    this.#ports.keep(port);
  }

  releasePort(port: number): void {
    this.#ports.release(port);
  }

  async attach(lease: NetworkLease & { readonly pid: number }): Promise<void> {
    const { slot, pid } = lease;
    await plugIn(this.#names, { slot, pid, address: addressOfSlot(this.#index, slot), subnet: this.#subnet });
    this.#leases.set(slot, lease);
    await this.#change(publishText(this.#names, this.#published(lease)));
  }

  async detach(lease: NetworkLease): Promise<void> {
    this.#leases.delete(lease.slot);
    await this.#change(unpublishText(this.#names, this.#published(lease)));
    await unplug(this.#names, lease.slot);
  }

  async sweep(live: readonly NetworkLease[]): Promise<void> {
    this.#leases.clear();
    for (const lease of live) this.#leases.set(lease.slot, lease);
    await raiseBridge(this.#names, this.#subnet);
    await this.#firewall.run(() => this.#rewrite());
    for (const slot of await pluggedSlots(this.#names)) {
      if (!this.#leases.has(slot)) await unplug(this.#names, slot);
    }
  }

  /** Takes everything off the host, for a daemon that ends without procs. */
  async remove(): Promise<void> {
    for (const slot of await pluggedSlots(this.#names)) await unplug(this.#names, slot);
    await removeBridge(this.#names);
    await this.#firewall.run(() => applyFirewall(removeTableText(this.#names)));
  }

  async nameFiles({ hostname, slot }: { hostname: string; slot: number | null }) {
    const address = slot === null ? null : addressOfSlot(this.#index, slot);
    return {
      hosts: hostsText(hostname, address),
      resolvConf: slot === null ? "" : resolvConfText(await hostResolving()),
    };
  }

  addressOf(port: number): string {
    return `${HOST_ADDRESS}:${port}`;
  }

  #published({ slot, port }: NetworkLease): Published {
    return { hostAddress: HOST_ADDRESS, port, procAddress: addressOfSlot(this.#index, slot) };
  }

  /** Changes an element; where the table is not what it should be (somebody flushed it), writes all of it anew. */
  #change(text: string): Promise<void> {
    return this.#firewall.run(() => applyFirewall(text).catch(() => this.#rewrite()));
  }

  async #rewrite(): Promise<void> {
    const { nameservers: resolvers } = await hostResolving();
    const published = [...this.#leases.values()].map((lease) => this.#published(lease));
    await applyFirewall(tableText({ names: this.#names, subnet: this.#subnet, resolvers }, published));
  }
}
