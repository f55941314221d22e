import assert from "node:assert/strict";
import { test } from "node:test";
import { CapturedOutput } from "../../../test/fakes/terminal.ts";
import type { Progress } from "../../contract/template.ts";
import { BuildProgress, drawBuildLine } from "./build-progress.ts";
import { makePaint } from "./colors.ts";
import { widthOf } from "./table.ts";

const plain = makePaint(false);

function step(fields: Partial<Progress> = {}): Progress {
  return { phase: "unpacking", percent: 40, message: "Extracting libc6", ...fields };
}

test("drawBuildLine() tells phase, percent, the time that is left and what is done now", () => {
  const shared = { title: "Building py", paint: plain };
  assert.equal(
    drawBuildLine(shared, step(), { elapsedMs: 20_000, columns: 80 }),
    "Building py  ━━━━━━━━────────────  40%  unpacking    30s left  Extracting libc6",
  );
  assert.equal(
    drawBuildLine(shared, step({ percent: null }), { elapsedMs: 20_000, columns: 80 }),
    "Building py  unpacking    Extracting libc6",
  );
  for (const [percent, elapsedMs] of [
    [4, 60_000],
    [40, 100],
    [100, 60_000],
  ] as const)
    assert.doesNotMatch(drawBuildLine(shared, step({ percent }), { elapsedMs, columns: 80 }), /left/);
});

test("drawBuildLine() fits the terminal, and what a package is called controls none", () => {
  const shared = { title: `Building ${"x".repeat(63)}`, paint: plain };
  for (const columns of [60, 79, 80, 200])
    for (const percent of [null, 0, 7, 99, 100]) {
      const message = `Setting up ${"漢".repeat(99)}\u001b[2J`;
      const line = drawBuildLine(shared, step({ phase: "configuring", percent, message }), {
        elapsedMs: 3_600_000,
        columns,
      });
      assert.ok(widthOf(line) < columns, `${columns}: ${line}`);
      assert.ok(!line.includes("\u001b"));
    }
});

test("BuildProgress writes a line for each phase and now and then where it is no terminal", () => {
  const stderr = new CapturedOutput(false);
  let nowMs = 0;
  const io = { stderr, now: () => new Date(nowMs) };
  const progress = new BuildProgress({ io, paint: plain, quiet: false, title: "Building py" });
  for (const [atMs, fields] of [
    [0, { phase: "checking", percent: null }],
    [1000, { phase: "unpacking", percent: 1 }],
    [2000, { phase: "unpacking", percent: 2 }],
    [15_900, { phase: "unpacking", percent: 50 }],
    [16_000, { phase: "unpacking", percent: 60 }],
  ] as const) {
    nowMs = atMs;
    progress.update(step(fields));
  }
  progress.finish("Built py");
  assert.deepEqual(stderr.lines, [
    "Building py: checking",
    "Building py: unpacking, 1%",
    "Building py: unpacking, 60%",
    "Built py (16.0s)",
  ]);
});

test("BuildProgress shows every line of a script, above the bar on a terminal, and who waits for a turn", () => {
  const steps = [
    step({ phase: "checking", percent: null, message: "Waiting for its turn" }),
    step({ phase: "running", percent: 85, message: "Running the script" }),
    step({ phase: "running", percent: 85, message: "one \u001b[2J" }),
    step({ phase: "running", percent: 85, message: "two" }),
    step({ phase: "finishing", percent: 90, message: "Looking it over" }),
  ];
  const show = (isTTY: boolean, quiet = false) => {
    const stderr = new CapturedOutput(isTTY);
    const progress = new BuildProgress({
      ...{ io: { stderr, now: () => new Date(0) }, paint: plain, quiet, title: "Building py" },
    });
    for (const one of steps) progress.update(one);
    return stderr.text;
  };
  assert.equal(
    show(false),
    "Building py: Waiting for its turn\nBuilding py: running, 85%\none \\x1b[2J\ntwo\nBuilding py: finishing, 90%\n",
  );
  const bar = "Building py  ━━━━━━━━━━━━━━━━━───  85%  running";
  const drawn = show(true).split("\r\u001b[K");
  assert.deepEqual(drawn.slice(3, 7), ["one \\x1b[2J\n", bar, "two\n", bar]);
  assert.equal(show(false, true), "");
});

test("BuildProgress redraws a terminal's line no more often than eyes can follow, and leaves it clean", () => {
  const stderr = new CapturedOutput(true);
  let nowMs = 0;
  const io = { stderr, now: () => new Date(nowMs) };
  const progress = new BuildProgress({ io, paint: plain, quiet: false, title: "Building py" });
  for (let percent = 0; percent <= 100; percent += 1) {
    nowMs += 10;
    progress.update(step({ percent }));
  }
  progress.clear();
  const drawn = stderr.text.split("\r\u001b[K");
  assert.ok(drawn.length <= 14, `${drawn.length} times`);
  assert.equal(drawn.at(-1), "");
});
