import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type SharkuClient, SharkuError } from "../../src/client/client.ts";
import type { Config, Proc } from "../../src/contract/proc.ts";
import { runChecks } from "../../src/host/host.ts";

const ANSWER_MS_MAX = 30_000;
const GONE_MS_MAX = 60_000;
const GRACE_MS = 5000;
const POLL_MS = 50;

interface Sample {
  readonly app: string;
  readonly interpreter: "node" | "python3";
  readonly config: Config;
}

const samples: readonly Sample[] = [
  { app: "guestbook", interpreter: "node", config: { GREETING: "Welcome" } },
  { app: "weather", interpreter: "python3", config: { TOWN: "Barad-dur" } },
];
const processes = ["web", "worker"] as const;

export interface RunningSample {
  readonly app: string;
  readonly url: string;
  readonly webId: string;
}

/** Sends the samples and starts their processes; those without an interpreter are told and left out. */
export async function startSamples(client: SharkuClient, signal: AbortSignal): Promise<RunningSample[]> {
  const results = await runChecks();
  const runnable = samples.filter(({ app, interpreter }) => {
    const check = results.find(({ name }) => name === `${interpreter} for procs`);
    if (check?.status !== "ok") console.log(`start: without ${app}: ${check?.found}; to do: ${check?.cure}`);
    return check?.status === "ok";
  });
  // One after another, so that each has the same port at every start; then all are waited for together.
  for (const sample of runnable) await createSample(client, { sample, signal });
  return await Promise.all(runnable.map((sample) => untilSampleAnswers(client, { sample, signal })));
}

/** Deletes what this start, or one that was killed, has made, and returns when it is gone. */
export async function removeSamples(client: SharkuClient): Promise<void> {
  const ids = samples.flatMap(({ app }) => processes.map((process) => idOf(app, process)));
  await Promise.all(ids.map((id) => removeProc(client, id)));
}

/** Shows what the web processes say; the workers' beat would push all else off the screen. */
export function followLogs(
  client: SharkuClient,
  on: { samples: readonly RunningSample[]; signal: AbortSignal },
): void {
  for (const { app, webId } of on.samples) {
    const show = async () => {
      for await (const { line } of client.procLogs(webId, { follow: true }, { signal: on.signal })) {
        console.log(`${`${app}.web`.padEnd(14)}| ${line ?? "(bytes that are not UTF-8)"}`);
      }
    };
    show().catch((error: unknown) => console.error(`start: Cannot follow "${webId}": ${error}`));
  }
}

interface Job {
  readonly sample: Sample;
  readonly signal: AbortSignal;
}

async function createSample(client: SharkuClient, { sample, signal }: Job): Promise<void> {
  const { app, config } = sample;
  const { digest } = await client.pushImage(new Blob([pack(app)]), { signal });
  for (const process of processes) {
    const spec = { app, name: `${process}.1`, image: digest, process, config };
    await client.putProc(idOf(app, process), spec, { signal });
  }
}

async function untilSampleAnswers(client: SharkuClient, { sample, signal }: Job): Promise<RunningSample> {
  const { app } = sample;
  const [web] = await Promise.all(
    processes.map((process) => untilRunning(client, { id: idOf(app, process), signal })),
  );
  if (!web?.address) throw new Error(`Cannot show "${app}": its web process has no address`);
  const url = `http://${web.address}`;
  await untilAnswers(`${url}/healthz`, signal);
  return { app, url, webId: web.id };
}

/** The same bytes each time, so that the second start finds the image known. */
function pack(app: string): Buffer<ArrayBuffer> {
  const directory = join(import.meta.dirname, "../../examples", app);
  const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"];
  const { status, stdout, stderr } = spawnSync("tar", ["-c", ...same, "-C", directory, "."]);
  if (status !== 0) throw new Error(`Cannot pack "${directory}": ${stderr}`);
  return Buffer.from(stdout);
}

async function untilRunning(client: SharkuClient, on: { id: string; signal: AbortSignal }): Promise<Proc> {
  const proc = await client.waitProc(on.id, { until: "running" }, { signal: on.signal });
  if (proc.state === "running") return proc;
  throw new Error(`Cannot run "${on.id}": ${proc.exit?.message ?? `it is ${proc.state}`}`);
}

async function untilAnswers(url: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + ANSWER_MS_MAX;
  while (performance.now() < deadline) {
    const answer = await fetch(url, { signal }).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await sleep(POLL_MS, undefined, { signal });
  }
  throw new Error(`Cannot reach "${url}": no answer after ${ANSWER_MS_MAX / 1000} s`);
}

async function removeProc(client: SharkuClient, id: string): Promise<void> {
  const deadline = performance.now() + GONE_MS_MAX;
  try {
    await client.deleteProc(id, { graceMs: GRACE_MS });
    // Ends by the error that says it is gone.
    while (performance.now() < deadline) {
      await client.getProc(id);
      await sleep(POLL_MS);
    }
  } catch (error) {
    if (error instanceof SharkuError && error.code === "proc-not-found") return;
    throw error;
  }
  throw new Error(`Cannot remove "${id}": it was still there after ${GONE_MS_MAX / 1000} s`);
}

function idOf(app: string, process: string): string {
  return `sample-${app}-${process}`;
}
