import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { execCommand, execProcess } from "../../src/isolation/exec.ts";
import type { OciProcess } from "../../src/isolation/oci.ts";
import { tryCommand } from "../../src/lib/run-command.ts";
import { stretched, until } from "../until.ts";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { type Facts, parseFacts } from "./probe-facts.ts";
import { isGone, linesOf, runProc, untilExited, untilLine } from "./proc-calls.ts";
import { type Container, containerOfProc } from "./run-of-proc.ts";

/** What differs from one process of a container to the next. */
const ownToEach = ["pids", "environment"];

test("a process run beside an app is as confined as the app", async (context) => {
  await using daemon = await startDaemon();
  const { client } = daemon;
  const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
  const probe = await runProc(client, { image, command: ["python3", "probe.py"] });
  await untilExited(client, probe.id);
  const ofApp = parseFacts(await linesOf(client, probe.id));
  await client.deleteProc(probe.id, { graceMs: 0 });
  await until("it is gone", () => isGone(client, probe.id));

  const { id } = await runProc(client, { image, command: ["python3", "obey.py"] });
  await untilLine(client, id, /^ready$/);
  const container = await containerOfProc(daemon.places, id);
  const root = join(daemon.places.runDir, "runtime");
  const argv = ["python3", "probe.py"];

  await context.test("case 28: by its complete process file it has the same facts as the app", async () => {
    const facts = await exec({ root, ...container }, execProcess(container.config.process, { argv }));
    for (const [name, fact] of Object.entries(ofApp))
      if (!ownToEach.includes(name))
        assert.deepEqual(comparable(facts, name), comparable(ofApp, name), `${name} ${fact}`);
  });

  await context.test("case 28: by the runtime's own ways it has not, so the probe would tell", async () => {
    const { status, limits, oomScoreAdj } = await execBare({ root, ...container }, argv);
    assert.notDeepEqual(status["Uid"], ofApp.status["Uid"]);
    assert.deepEqual(status["NoNewPrivs"], ["0"]);
    assert.notDeepEqual(limits["RLIMIT_CORE"], ofApp.limits["RLIMIT_CORE"]);
    assert.notEqual(oomScoreAdj.is, ofApp.oomScoreAdj.is);
  });

  await context.test("case 19: the host's devices are the host's after all that", async () => {
    for (const name of ["null", "zero", "tty", "urandom"]) {
      const { uid, gid, mode } = await stat(`/dev/${name}`);
      assert.deepEqual([uid, gid, (mode & 0o777).toString(8)], [0, name === "tty" ? gid : 0, "666"], name);
    }
  });
});

/** With the directory in which the runtime keeps its state. */
type RootedContainer = Container & { readonly root: string };

async function exec(container: RootedContainer, process: OciProcess): Promise<Facts> {
  const { root, id, dir } = container;
  const processFile = join(dir, "exec.json");
  await writeFile(processFile, JSON.stringify(process));
  const argv = execCommand(["crun", `--root=${root}`], { process, processFile, containerId: id });
  return await factsOf(argv);
}

/** What becomes of a process whose file names a program only, and a user. */
async function execBare({ root, id, dir, config }: RootedContainer, args: readonly string[]): Promise<Facts> {
  const processFile = join(dir, "exec.json");
  const { cwd, env } = config.process;
  await writeFile(processFile, JSON.stringify({ args, cwd, env, user: { uid: 0, gid: 0 } }));
  return await factsOf(["crun", `--root=${root}`, "exec", "--process", processFile, id]);
}

async function factsOf(argv: readonly string[]): Promise<Facts> {
  // Pipes: crun gives a /dev/null that it finds there to the container's root.
  const { stdout, stderr } = await tryCommand(argv, { input: "", timeoutMs: stretched(60_000) });
  return parseFacts([...stdout.split("\n"), ...stderr.split("\n")]);
}

/** Without what is the proc's rather than the sandbox's: numbers of namespaces and ids, and what lies where. */
function comparable(facts: Facts, name: string): unknown {
  if (name === "namespaces") return Object.keys(facts.namespaces);
  if (name === "idMaps") return facts.idMaps.uid.map(([inside, , size]) => [inside, size]);
  const pairs: [string, unknown][] = Object.entries(facts);
  return pairs.find(([key]) => key === name)?.[1];
}
