import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { shellArgv } from "./shell-line.ts";

/** Lines of one command; the process that was spawned must become the program itself. */
const single = [
  "sleep 1000",
  "  sleep   1000  ",
  "A=1 sleep 1000",
  "A='x y' B=\"$HOME z\" sleep 1000",
  "/bin/sleep 1000 2>&1",
  "sleep 1000 > /dev/null 2>&1 # for a while",
  '"sleep" $NOTHING 1000',
];

for (const line of single) {
  test(`shellArgv() runs "${line}" in the shell's place, so that a signal reaches it`, async () => {
    const child = spawnLine(line);
    const deadline = performance.now() + 5_000;
    let name = "";
    while (name !== "sleep" && performance.now() < deadline) name = await nameOf(child.pid);
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.equal(name, "sleep");
  });
}

/** Lines that must do what they did: each with what it prints and its exit code. */
const others: readonly (readonly [line: string, stdout: string, code: number])[] = [
  ["printf a; printf b", "ab", 0],
  ["true && printf b || printf c", "b", 0],
  ["printf abc | tr b x", "axc", 0],
  ["cd / && pwd", "/\n", 0],
  ["if true; then printf yes; fi", "yes", 0],
  ["( printf sub )", "sub", 0],
  ["exec printf x", "x", 0],
  ["printf '%s' \"$(printf inner)\"", "inner", 0],
  ["A=1", "", 0],
  ["exit 3", "", 3],
  ["export A=2; printf $A", "2", 0],
  ["A=7 printenv A", "7\n", 0],
  ["A=7 B='8 9' printenv B", "8 9\n", 0],
  ["echo 'one\\ntwo'", "one\ntwo\n", 0],
  ["! false", "", 0],
  ["printenv NO_SUCH_NAME", "", 1],
  ["no-such-program --at-all", "", 127],
  ["/etc/passwd", "", 126],
];

for (const [line, stdout, code] of others) {
  test(`shellArgv() leaves what "${line}" does`, () => {
    const [program = "", ...rest] = shellArgv(line);
    const result = spawnSync(program, rest, { encoding: "utf8" });
    assert.deepEqual([result.stdout, result.status], [stdout, code]);
  });
}

function spawnLine(line: string) {
  const [program = "", ...rest] = shellArgv(line);
  return spawn(program, rest, { stdio: "ignore" });
}

async function nameOf(pid: number | undefined): Promise<string> {
  return (await readFile(`/proc/${pid}/comm`, "utf8")).trim();
}
