import { spawnSync } from "node:child_process";
import { findPackageManager } from "../src/host/gather.ts";
import type { Cures } from "../src/host/host.ts";
import { installLine } from "../src/host/packages.ts";

/** How long apt waits for another one on the host to end. */
const APT_WAIT_SECONDS = 300;
const APT = ["apt-get", "-q", "-y", "-o", `DPkg::Lock::Timeout=${APT_WAIT_SECONDS}`];

/** Does what the results allow, saying each step; false where a step failed, which has then told why. */
export async function apply({ packages, commands }: Cures): Promise<boolean> {
  if (packages.length > 0 && !(await install(packages))) return false;
  for (const argv of commands) {
    // What fails here is told by the look afterwards, with its cure.
    run(argv, argv.at(-1) ?? "");
  }
  return true;
}

async function install(packages: readonly string[]): Promise<boolean> {
  const manager = await findPackageManager();
  if (manager !== "apt-get") {
    console.error("setup: Cannot install packages on this distribution: do this, then run the set-up again");
    console.error(`setup:   ${installLine(packages, manager)}`);
    return false;
  }
  return (
    run([...APT, "update"], "apt-get update") &&
    run([...APT, "install", "--no-install-recommends", ...packages], `apt-get install ${packages.join(" ")}`)
  );
}

function run(argv: readonly string[], what: string): boolean {
  console.log(`setup: ${what}`);
  const [program = "", ...args] = argv;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  // Only what goes wrong is worth a newcomer's screen.
  const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status === 0) return true;
  console.error(`setup: Cannot run "${what}": exit code ${status}`);
  console.error(`${stdout}\n${stderr}`.trim().split("\n").slice(-15).join("\n"));
  return false;
}
