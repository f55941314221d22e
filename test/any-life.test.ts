import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { restartPolicies } from "../src/contract/restart.ts";
import { finalStates, mayMove } from "../src/contract/states.ts";
import type { Needs } from "../src/procs/needs.ts";
import { Procs } from "../src/procs/procs.ts";
import { World } from "./fakes/world.ts";
import { ManualClock } from "./manual-clock.ts";

/** How often the same is tried with other happenings, and how many of them there are at most in one life. */
const LIVES = 150;
const HAPPENINGS_MAX = 14;

/** So many turns are more than any step takes. */
const TURNS = 60;

/** More time than the longest wait of these lives, and so many of them that every wait after a fault is over. */
const LONG_MS = 120_000;
const LONG_TIMES_MAX = 60;

const ID = "one";

const happening = fc.oneof(
  fc.record({ kind: fc.constant("exit" as const), code: fc.constantFrom(0, 1, 137, 143) }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(10, 1_000, 40_000) }),
  fc.record({ kind: fc.constantFrom("stop", "restart", "unhealthy", "crash", "reboot", "fault" as const) }),
);

const life = fc.record({
  restart: fc.record({ policy: fc.constantFrom(...restartPolicies), maxAttempts: fc.constantFrom(null, 2) }),
  ttlMs: fc.constantFrom(null, 30_000),
  heeds: fc.boolean(),
  happenings: fc.array(fc.tuple(happening, fc.nat(TURNS)), { maxLength: HAPPENINGS_MAX }),
});

describe("whatever happens to a proc", () => {
  it("makes no illegal move, runs nothing twice, and is gone with all it held when it is deleted", async () => {
    await fc.assert(
      fc.asyncProperty(life, async ({ restart, ttlMs, heeds, happenings }) => {
        const host = new Host();
        host.world.codeOnSignal = heeds ? 143 : null;
        await host.start();
        const spec = { app: "shop", name: "web.1", command: "true", restart, ttlMs };
        await host.procs.put(ID, spec);
        for (const [one, turns] of happenings) {
          await host.happen(one);
          await turn(turns);
          assertNothingTwice(host.world);
        }
        await host.deleteAtLast();
        assert.deepEqual([host.world.held(), host.world.procs.size], [[], 0]);
        // A real daemon makes its pool of ports anew at its start; the world's outlives it.
        if (!host.hasDied) assert.equal(host.world.ports.freeCount, 10);
        assertLegal(host.world);
        assertNothingTwice(host.world);
      }),
      { numRuns: LIVES },
    );
  });
});

type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

/** A world with one daemon at a time, that can die at any moment. */
class Host {
  readonly world = new World();
  readonly clock = new ManualClock("2026-01-01T00:00:00Z");
  procs = new Procs(this.world.needs());
  hasDied = false;
  #kill: () => void = () => undefined;

  async start(): Promise<void> {
    const { needs, kill } = mortal({ ...this.world.needs(), clock: this.clock });
    this.#kill = kill;
    this.procs = new Procs(needs);
    await this.procs.open(1);
  }

  async happen(one: Happening): Promise<void> {
    const { world, procs } = this;
    const run = [...world.runs.keys()][0];
    switch (one.kind) {
      case "exit":
        if (run !== undefined && world.containers.get(run)?.status === "running") world.endApp(ID, one.code);
        return;
      case "pass":
        return this.clock.advance(one.ms);
      case "stop":
        return await quietly(procs.stop(ID, {}));
      case "restart":
        return await quietly(procs.restart(ID, {}));
      case "unhealthy":
        return await quietly(procs.endRun(run ?? "none", { why: "unhealthy", message: "it hangs" }));
      case "fault":
        world.failAt = world.calls + 2;
        return;
      default:
        this.#kill();
        this.hasDied = true;
        // What was on its way to the host when it died arrives, before another daemon looks.
        await turn(2);
        if (one.kind === "reboot") {
          world.bootId += "x";
          world.containers.clear();
          world.cables.clear();
          world.published.clear();
        }
        return await this.start();
    }
  }

  async deleteAtLast(): Promise<void> {
    for (let times = 0; times < LONG_TIMES_MAX && this.world.procs.size > 0; times += 1) {
      if (this.procs.has(ID)) await quietly(this.procs.remove(ID, {}));
      await turn(TURNS);
      this.clock.advance(LONG_MS);
      await turn(TURNS);
    }
  }
}

/** A caller that is refused may ask again; what matters is what is there then. */
async function quietly(call: Promise<unknown>): Promise<void> {
  await Promise.race([call.catch(() => undefined), turn(TURNS)]);
}

async function turn(times: number): Promise<void> {
  for (let taken = 0; taken < times; taken += 1) await new Promise((resolve) => setImmediate(resolve));
}

function assertLegal({ events }: World): void {
  const states = events.filter(({ type }) => type === "proc.state").map(({ proc }) => proc.state);
  ["init" as const, ...states].reduce((from, to) => {
    assert.ok(mayMove(from, to), `${from} to ${to}, in ${states.join(" ")}`);
    return to;
  });
  assert.ok(states.every((state, at) => !finalStates.includes(state) || at === states.length - 1));
}

function assertNothingTwice({ starts, containers }: World): void {
  assert.equal(new Set(starts).size, starts.length, "no run is started twice");
  assert.ok(containers.size <= 1, "no two runs at once");
}

/** From the moment of the kill on, no call of it does anything, and none that is under way comes back. */
function mortal(needs: Needs): { needs: Needs; kill: () => void } {
  let isDead = false;
  const never = new Promise<never>(() => undefined);
  const wrap = <T extends object>(room: T): T =>
    new Proxy(room, {
      get: (target, name) => {
        const part: unknown = Reflect.get(target, name);
        if (typeof part !== "function") return part;
        return (...words: unknown[]) => {
          if (isDead) return never;
          const result: unknown = part.apply(target, words);
          return result instanceof Promise
            ? result.then(
                (value) => (isDead ? never : value),
                (fault) => (isDead ? never : Promise.reject(fault)),
              )
            : result;
        };
      },
    });
  return {
    needs: {
      ...needs,
      store: wrap(needs.store),
      isolation: wrap(needs.isolation),
      network: wrap(needs.network),
      logs: wrap(needs.logs),
      clock: wrap(needs.clock),
    },
    kill: () => {
      isDead = true;
    },
  };
}
