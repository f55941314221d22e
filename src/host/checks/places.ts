import type { HostFacts, InterpreterFacts, PackageManager, PlaceFacts } from "../facts.ts";
import type { CheckResult } from "../host.ts";
import { installLine, packageOf } from "../packages.ts";
import { byHand, ok } from "./result.ts";

const GIB = 1024 ** 3;
/** Below this an image of the allowed size cannot be taken in. */
const FREE_BYTES_WARN = 2 * GIB;
const FREE_BYTES_MIN = GIB / 4;

const SEARCH_BY_OTHERS = 0o001;

export function judgePlaces({ stateDir, interpreters, packageManager }: HostFacts): CheckResult[] {
  const judgeOne = (one: InterpreterFacts) => judgeInterpreter(one, packageManager);
  return [judgeParents(stateDir), judgeSpace(stateDir), ...interpreters.map(judgeOne)];
}

/** The container's root, an ordinary user on the host, mounts what lies below. */
function judgeParents({ path, parents }: PlaceFacts): CheckResult {
  const name = "way to the state directory";
  const closed = parents.find(({ mode }) => (mode & SEARCH_BY_OTHERS) === 0);
  if (!closed) return ok({ name, found: path });
  const found = `${closed.path} cannot be searched by others, so no proc could be mounted below it`;
  return byHand("fail", { name, found, cure: `chmod o+x ${closed.path}, or another --state-dir` });
}

function judgeSpace({ path, freeBytes }: PlaceFacts): CheckResult {
  const name = "free disk space";
  const found = `${(freeBytes / GIB).toFixed(1)} GiB for ${path}`;
  if (freeBytes >= FREE_BYTES_WARN) return ok({ name, found });
  const status = freeBytes < FREE_BYTES_MIN ? "fail" : "warn";
  return byHand(status, { name, found, cure: `free ${FREE_BYTES_WARN / GIB} GiB, or another --state-dir` });
}

/** The built-in template shows /usr only: what lives elsewhere, below a home directory say, is not seen by procs. */
function judgeInterpreter(
  { name: program, inTemplate, onPath }: InterpreterFacts,
  manager: PackageManager | null,
): CheckResult {
  const name = `${program} for procs`;
  if (inTemplate !== null) return ok({ name, found: inTemplate });
  const found = onPath === null ? "none in /usr" : `none in /usr, and procs cannot see ${onPath}`;
  if (program === "python3") {
    const packages = [packageOf(program, manager)];
    return { name, status: "warn", found, cure: installLine(packages, manager), packages };
  }
  // Which Node apps get is for a person to choose.
  const copy = onPath === null ? "" : `cp ${onPath} /usr/local/bin/node, or `;
  return byHand("warn", { name, found, cure: `${copy}install the distribution's package nodejs` });
}
