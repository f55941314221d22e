import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event, Proc, SharkuClient } from "../../src/client/client.ts";
import { type ExitReason, finalStates, mayMove, type ProcState } from "../../src/contract/states.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { until } from "../until.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { assertSame, type Ledger, takeLedger } from "./ledger.ts";
import { ask, eventsSoFar, isGone, linesOf, untilExited, untilLine, untilRunning } from "./proc-calls.ts";
import { pidsOfProc } from "./processes.ts";

/** How many lines an obedient server prints while the daemon is dead; more than one pipe buffer. */
const LINES_WHILE_DEAD = 4000;

/** The mix: twenty procs. */
const mix = {
  web: { count: 5, command: ["python3", "obey.py"] },
  printer: { count: 4, command: ["python3", "print-forever.py"] },
  exits0: { count: 3, command: ["python3", "obey.py"] },
  exits3: { count: 2, command: ["python3", "obey.py"] },
  signaled: { count: 2, command: ["python3", "obey.py"] },
  killed: { count: 1, command: ["python3", "obey.py"] },
  ignorer: { count: 2, command: ["python3", "ignore-sigterm.py"] },
  stopping: { count: 1, command: ["python3", "ignore-sigterm.py"] },
} as const;
type Kind = keyof typeof mix;

/** How each of those ends that end while the daemon is dead. */
const ends: readonly (readonly [Kind, path: string, code: number, reason: ExitReason])[] = [
  ["exits0", "/exit/0", 0, "completed"],
  ["exits3", "/exit/3", 3, "crashed"],
  ["signaled", "/signal/11", 139, "signaled"],
  ["killed", "/signal/9", 137, "signaled"],
];

test("twenty procs live through a daemon that is killed and started again, and leave nothing when deleted", async (context) => {
  await using daemon = await startDaemon();
  const { client, places } = daemon;
  await daemon.stop();
  const before = await takeLedger(places);
  await daemon.start();

  const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
  const procs = await startMix(client, image);
  await context.test("all twenty run at once", () => allSpeak(client, procs));
  const pidsBefore = await pidsOfAll(procs);
  assertHoldsMuch(await takeLedger(places));
  await client.stopProc(one(procs.stopping).id, { graceMs: 1 });

  await daemon.kill9();
  const diedAt = systemClock.now().toISOString();
  await actWhileDead(procs);
  const bornAt = systemClock.now().toISOString();
  await daemon.start();

  await context.test("what ran runs on, with the same pids, and answers on its port", async () => {
    const alive = [...procs.web, ...procs.printer, ...procs.ignorer];
    for (const { id } of alive) {
      assert.equal((await client.getProc(id)).state, "running");
      assert.deepEqual(await pidsOfProc(id), pidsBefore.get(id));
    }
    for (const proc of procs.web) assert.match(await ask(proc), /^\d+$/m);
  });

  await context.test("what ended meanwhile is told as it ended", async () => {
    for (const [kind, , code, reason] of ends) {
      for (const { id } of procs[kind]) {
        const { exit, state } = await untilExited(client, id);
        assert.deepEqual([exit?.code, exit?.reason, exit?.oom], [code, reason, false], `${kind} ${id}`);
        assert.equal(state, reason === "completed" ? "done" : "fail");
      }
    }
  });

  await context.test("a stop that was under way is carried on to its end", async () => {
    const { state, exit } = await untilExited(client, one(procs.stopping).id);
    assert.deepEqual([state, exit?.reason, exit?.killed, exit?.code], ["done", "stopped", true, 137]);
  });

  await context.test("one that ignores SIGTERM is killed after its grace", async () => {
    for (const { id } of procs.ignorer) await client.stopProc(id, { graceMs: 300 });
    for (const { id } of procs.ignorer) {
      const { exit } = await untilExited(client, id);
      assert.deepEqual([exit?.reason, exit?.killed], ["stopped", true]);
      assert.deepEqual((await linesOf(client, id)).slice(0, 2), ["ready", "no"]);
    }
  });

  await context.test("every line is there once, in order", async () => {
    for (const { id } of procs.web)
      assert.deepEqual(await linesOf(client, id), ["ready", ...numbered(LINES_WHILE_DEAD)]);
    for (const { id } of procs.printer) await client.stopProc(id);
    for (const { id } of procs.printer) {
      const { exit } = await untilExited(client, id);
      assert.deepEqual([exit?.code, exit?.reason], [0, "stopped"]);
      const lines = await linesOf(client, id);
      const count = lines.length - 1;
      const whileDead = await Array.fromAsync(client.procLogs(id, { since: diedAt, until: bornAt }));
      assert.ok(whileDead.length > 0 && whileDead.length < count, "it printed while the daemon was dead");
      assert.deepEqual(lines, [...numbered(count), `printed ${count}`]);
    }
  });

  for (const { id } of Object.values(procs).flat()) await client.deleteProc(id, { graceMs: 0 });
  for (const { id } of Object.values(procs).flat()) await until(`${id} is gone`, () => isGone(client, id));

  await context.test("the journal has no gap, and one last state for each proc", async () => {
    assertJournal(await eventsSoFar(client), Object.values(procs).flat());
  });

  await client.deleteImage(image);
  await daemon.stop();
  await context.test("the host is as it was", () => assertSame(before, places));
});

async function startMix(client: SharkuClient, image: string): Promise<Record<Kind, Proc[]>> {
  const created = Object.entries(mix).map(async ([kind, { count, command }]) => {
    const specs = Array.from({ length: count }, (_, index) => ({
      ...{ app: "mix", name: `${kind.toLowerCase()}.${index}`, image, command: [...command] },
    }));
    return [kind, await Promise.all(specs.map((spec) => client.createProc(spec)))] as const;
  });
  // `fromEntries` forgets that the keys are the table's own.
  return Object.fromEntries(await Promise.all(created)) as Record<Kind, Proc[]>;
}

async function allSpeak(client: SharkuClient, procs: Record<Kind, Proc[]>): Promise<void> {
  await Promise.all(
    Object.values(procs)
      .flat()
      .map(async ({ id }) => {
        await untilRunning(client, id);
        await untilLine(client, id, /^(ready|line 1)$/);
      }),
  );
}

async function pidsOfAll(procs: Record<Kind, Proc[]>): Promise<Map<string, number[]>> {
  const entries = Object.values(procs)
    .flat()
    .map(async ({ id }) => [id, await pidsOfProc(id)] as const);
  const pids = new Map(await Promise.all(entries));
  for (const [id, found] of pids) assert.equal(found.length, 2, `${id} has its init and its command`);
  return pids;
}

/** So that a ledger which sees nothing cannot be the same before and after. */
function assertHoldsMuch(ledger: Ledger): void {
  for (const kind of ["cgroups", "interfaces", "processes", "networkNamespaces"] as const)
    assert.ok((ledger[kind] ?? []).length >= 20, `20 procs show among the ${kind}`);
  assert.match((ledger["firewall"] ?? []).join(), /published/);
}

/** Ports go on to be forwarded with nobody there who forwards: the kernel does. */
async function actWhileDead(procs: Record<Kind, Proc[]>): Promise<void> {
  await Promise.all(procs.web.map((proc) => ask(proc, `/print/${LINES_WHILE_DEAD}`)));
  for (const [kind, path] of ends) {
    for (const proc of procs[kind]) {
      await ask(proc, path);
      await until(`${proc.id} has ended`, async () => (await pidsOfProc(proc.id)).length === 0);
    }
  }
}

function assertJournal(events: readonly Event[], procs: readonly Proc[]): void {
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, index) => index + 1),
  );
  assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
  for (const { id } of procs) {
    const own = events.filter(({ procId }) => procId === id);
    assert.deepEqual([own.at(0)?.type, own.at(-1)?.type], ["proc.created", "proc.deleted"]);
    const states = own.slice(0, -1).map(({ proc }) => proc.state);
    assert.equal(states.filter((state) => finalStates.includes(state)).length, 1, `${id}: ${states}`);
    assertLegal(states);
  }
}

function assertLegal(states: readonly ProcState[]): void {
  for (const [index, to] of states.entries()) {
    const from = states[index - 1];
    if (from !== undefined) assert.ok(mayMove(from, to), `from ${from} to ${to}`);
  }
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `line ${index + 1}`);
}

function one<T>(list: readonly T[]): T {
  const [first] = list;
  assert(first !== undefined);
  return first;
}
