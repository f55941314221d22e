import { spawnSync } from "node:child_process";
import { type CheckResult, cures, runChecks } from "../src/host/host.ts";
import { apply } from "./apply.ts";

/**
 * The host's part of the set-up, as root: looks, cures what it may, looks again, and tells what is left. Only one
 * at a time on a host: where something is to be done, it starts itself once more under a lock.
 */
const LOCK_FILE = "/run/sharku-setup.lock";
const LOCKED = "--locked";

/** Puts in place what the tests need beyond what the program does. */
const FOR_TESTS = "--for-tests";

async function main(args: readonly string[]): Promise<number> {
  const forTests = args.includes(FOR_TESTS);
  const before = await runChecks({ forTests });
  const wanted = cures(before);
  if (wanted.packages.length === 0 && wanted.commands.length === 0) return tell(before);
  if (!args.includes(LOCKED)) return againUnderLock(args);
  if (!(await apply(wanted))) return 1;
  return tell(await runChecks({ forTests }));
}

function againUnderLock(args: readonly string[]): number {
  const argv = [LOCK_FILE, process.execPath, import.meta.filename, ...args, LOCKED];
  const { status, error } = spawnSync("flock", ["--close", ...argv], { stdio: "inherit" });
  if (error) console.error(`setup: Cannot run "flock": ${error.message}, install the package util-linux`);
  return status ?? 1;
}

function tell(results: readonly CheckResult[]): number {
  const open = results.filter((result) => result.status !== "ok");
  for (const { name, status, found, cure } of open) {
    console.log(`setup: ${status === "fail" ? "wrong" : "note"}: ${name}: ${found}`);
    if (cure !== null) console.log(`setup:   to do: ${cure}`);
  }
  const failed = open.filter(({ status }) => status === "fail").length;
  console.log(
    failed === 0 ? "setup: everything needed is here" : `setup: ${failed} left for you to do, see above`,
  );
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
