import assert from "node:assert/strict";
import { test } from "node:test";
import type { Proc } from "../../src/contract/proc.ts";
import type { Progress } from "../../src/contract/template.ts";
import { until } from "../until.ts";
import { EXAMPLES } from "./archive.ts";
import { commandLineOf } from "./command-line.ts";
import { startDaemon } from "./harness.ts";
import { assertSame, takeLedger } from "./ledger.ts";
import { ask } from "./proc-calls.ts";

/** The way that the README shows, on a real daemon; Debian's mirror must answer. */

test("a template made by debootstrap with python3 runs a Python app, whose limits change while it runs", async (context) => {
  await using daemon = await startDaemon();
  const { call } = commandLineOf(daemon);
  const before = await takeLedger(daemon.places);

  await context.test("a suite that does not exist is told, and nothing is left", async () => {
    const { code, err } = await call("template create py --debootstrap no-such-suite");
    assert.equal(code, 1);
    assert.match(err, /no-such-suite/);
    await assertSame(before, daemon.places);
  });

  await context.test("it is built, and tells how far it is", async () => {
    const made = await call("template create py --debootstrap bookworm --packages python3 --json");
    assert.equal(made.code, 0, made.err);
    const records = made.io.stdout.lines.map((line) => JSON.parse(line));
    const steps: Progress[] = records.slice(0, -1).map(({ progress }) => progress);
    assert.equal(records.at(-1).template.name, "py");
    const percents = steps.map(({ percent }) => percent).filter((percent) => percent !== null);
    assert.ok(percents.length > 10, `${percents.length} steps with a percent`);
    assert.deepEqual(
      percents,
      percents.toSorted((a, b) => a - b),
      "it never goes back",
    );
    const phases = new Set(steps.map(({ phase }) => phase));
    for (const phase of ["downloading", "unpacking", "configuring"] as const)
      assert.ok(phases.has(phase), [...phases].join(", "));
  });

  await context.test("what it lacks is told with a cure, which cures it", async () => {
    const { out } = await call("template inspect py");
    assert.match(out, /\nsuite +bookworm \(minbase\)\n.*\npackages +python3\n/s);
    const [, cure = ""] = /warn {2}certificates.*\n +cure: sharku (.*)\n/.exec(out) ?? [];
    const cured = await call(cure);
    assert.equal(cured.code, 0, cured.err);
    assert.match((await call("template inspect py")).out, /ok {4}certificates/);
  });

  await context.test("an app runs on it, by the Python of the template", async () => {
    const run = await call(`run ${EXAMPLES}/weather -d --app weather --template py --pids 60`);
    assert.equal(run.code, 0, run.err);
    const [proc] = JSON.parse((await call("ps weather --json")).out);
    await until("the app listens", async () => await answers(proc));
    assert.match(await ask(proc), /Python 3\./);
    const sees = [
      "run",
      "--rm",
      "--template",
      "py",
      "--",
      "test -e /usr/sbin/debootstrap || echo not the host",
    ];
    assert.equal((await call(sees)).out, "not the host\n");
    assert.match((await call("template ls")).out, /\npy +from +ready +\d+M +\S+ +1 /);
  });

  await context.test("its limits change live, and the app goes on", async () => {
    const changed = await call("limits weather --memory 1G --cpus 0.5 --pids 99");
    assert.match(changed.out, /: memory 1G \(was 512M\), cpus 0\.5 \(was all\), pids 99 \(was 60\)\n$/);
    const [proc] = JSON.parse((await call("ps weather --json")).out);
    assert.deepEqual([proc.limits.memoryBytes, proc.limits.cpus, proc.limits.pids], [2 ** 30, 0.5, 99]);
    await ask(proc);
    const lowered = await call("limits weather --memory 4M");
    assert.deepEqual([lowered.code, /Cannot lower --memory of web\.1/.test(lowered.err)], [1, true]);
    assert.match(
      (await call("events")).out,
      /changed +weather web\.1 \(\w+\): memory 1G, cpus 0\.5, pids 99\n/,
    );
  });

  await context.test("it is removed once nobody uses it, and nothing is left", async () => {
    assert.match((await call("template rm py")).err, /; see: sharku ps\n$/);
    assert.equal((await call("rm weather --grace 0")).code, 0);
    assert.equal((await call("template rm py")).out, "py is removed\n");
    const [{ digest }] = JSON.parse((await call("image ls --json")).out);
    assert.equal((await call(`image rm ${digest}`)).code, 0);
    await assertSame(before, daemon.places);
  });
});

async function answers(proc: Proc): Promise<boolean> {
  return await ask(proc).then(
    () => true,
    () => false,
  );
}
