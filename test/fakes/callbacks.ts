import type { Delivery, ReplayRequest } from "../../src/contract/callback.ts";
import { SharkuError } from "../../src/contract/errors.ts";

/** The callbacks of the daemon in memory: nothing is sent, what a test adds is listed. */
export class FakeCallbacks {
  readonly #items = new Map<string, Delivery[]>();

  add(procId: string, fields: Partial<Delivery> & { seq: number }): void {
    const sample: Delivery = {
      ...{ seq: 1, id: `e${fields.seq}`, type: "proc.state", state: "running", status: "delivered" },
      ...{ time: "2026-01-01T00:00:00.000Z", host: "127.0.0.1:9", attempts: 1, lastWord: "status 204" },
      ...{ lastAttemptAt: null, nextAttemptAt: null, deliveredAt: null },
    };
    this.#items.set(procId, [...(this.#items.get(procId) ?? []), { ...sample, ...fields }]);
  }

  list(procId: string, query: URLSearchParams): unknown {
    const all = this.#of(procId).filter(({ seq }) => seq > Number(query.get("cursor") ?? 0));
    const items = all.slice(0, 2);
    return { items, next: all.length > 2 ? String(items.at(-1)?.seq) : null, seq: 0 };
  }

  replay(procId: string, { from = 1, to = Number.MAX_SAFE_INTEGER }: ReplayRequest): unknown {
    const all = this.#of(procId).filter(({ seq }) => seq >= from && seq <= to);
    return { seqs: all.filter(({ status }) => status !== "waiting").map(({ seq }) => seq) };
  }

  #of(procId: string): Delivery[] {
    const items = this.#items.get(procId);
    if (!items)
      throw new SharkuError("proc-not-found", `Cannot find proc "${procId}": there is none of that id`);
    return items;
  }
}
