import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../lib/run-command.ts";
import { openStore } from "./store.ts";

const programs = join(import.meta.dirname, "../../test/programs");

const KILLS = 4;

/** Each round is killed after some answers more, so that the kills fall at different moments. */
const ANSWERS_PER_ROUND = 150;

test("every answered change is there after kill -9, and the numbers have no gap", async () => {
  const stateDir = await mkdtemp(join(tmpdir(), "sharku-kill-"));
  const answered = new Map<string, number>();
  try {
    for (let round = 0; round < KILLS; round += 1)
      for (const [id, seq] of await commitUntilKilled(stateDir, {
        name: `r${round}`,
        answers: ANSWERS_PER_ROUND * (round + 1),
      }))
        answered.set(id, seq);

    const store = await openStore({ stateDir });
    const { procs, seq } = await store.load();
    const events = [];
    for (let after = 0; after < seq; after += 500)
      events.push(...(await store.readEvents({ after, limit: 500 })).events);
    await store.close();

    assert(answered.size >= ANSWERS_PER_ROUND * KILLS);
    const found = new Map(events.map((event) => [event.id, event.seq]));
    for (const [id, number] of answered) assert.equal(found.get(id), number, id);
    assert.deepEqual(
      events.map((event) => event.seq),
      Array.from({ length: seq }, (_, index) => index + 1),
    );
    // A record and its event are one transaction: neither is there without the other.
    assert.deepEqual(procs.map(({ id }) => id).sort(), [...found.keys()].sort());
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
});

async function commitUntilKilled(stateDir: string, { name, answers }: { name: string; answers: number }) {
  const child = spawn(process.execPath, [join(programs, "commit-forever.ts"), stateDir, name], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (text.split("\n").length > answers) child.kill("SIGKILL");
  });
  const [, signal] = await ended;
  assert.equal(signal, "SIGKILL");
  // The last line may be cut.
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => line.split(" "))
    .map(([id = "", seq = ""]) => [id, Number(seq)] as const);
}

test("commit() answers disk-full where the disk is full, keeps what it answered, and goes on when there is space", async () => {
  const stateDir = await mkdtemp(join(tmpdir(), "sharku-full-"));
  try {
    // In a mount namespace of its own, which goes with the program: the host sees no mount.
    const script = `mount -t tmpfs -o size=4m none "$1" && exec "$2" "$3" "$1" "$1/filler"`;
    const argv = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"];
    const { stdout } = await runCommand(
      [...argv, stateDir, process.execPath, join(programs, "fill-store.ts")],
      {
        timeoutMs: 60_000,
      },
    );

    assert.deepEqual(JSON.parse(stdout), {
      code: "disk-full",
      readable: true,
      after: true,
      same: true,
      gapless: true,
      many: true,
    });
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
});
