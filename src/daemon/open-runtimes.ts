import { Runtimes } from "../isolation/runtimes.ts";
import { CannotStart } from "../lib/cannot-start.ts";
import { findProgram } from "../lib/find-program.ts";
import type { DaemonConfig } from "./config.ts";

/** What the daemon itself calls, and for what. */
const tools = [
  ["conmon", "supervises procs"],
  ["ip", "makes their network"],
  ["nft", "publishes their ports"],
  ["nsenter", "looks into them"],
] as const;

/** The programs without which no proc could run, by their names. Errors: CannotStart for the first that is missing. */
export async function findTools(): Promise<Readonly<Record<(typeof tools)[number][0], string>>> {
  const found: Record<string, string> = {};
  for (const [name, purpose] of tools) {
    const path = await findProgram(name);
    if (path === null) {
      throw new CannotStart(
        `Cannot start: there is no ${name}, which ${purpose}; sharku doctor tells how to install it`,
      );
    }
    found[name] = path;
  }
  // One path for each name of the list, by construction.
  return found as Record<(typeof tools)[number][0], string>;
}

/** Errors: CannotStart where the default is not at hand. */
export async function openRuntimes(config: DaemonConfig): Promise<Runtimes> {
  const { stateDir, runDir, runtimes: options, runtimeTimeoutMs: timeoutMs } = config;
  const runtimes = new Runtimes({ stateDir, runDir }, { timeoutMs });
  const choices = await Promise.all(
    options.map(async ({ name, program }) => ({
      name,
      program: program ?? (await findProgram(name)) ?? name,
    })),
  );
  await runtimes.open(choices);
  const [first] = choices;
  if (first !== undefined && runtimes.names[0] === first.name) return runtimes;
  const where =
    first?.program === first?.name ? "there is none on this host" : `${first?.program} is no program`;
  throw new CannotStart(
    `Cannot start: the default runtime is ${first?.name}, and ${where}; install it, or name another by --runtime`,
  );
}
