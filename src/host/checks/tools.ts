import { type HostFacts, type ToolName, toolNames } from "../facts.ts";
import type { CheckResult } from "../host.ts";
import { installLine, packageOf } from "../packages.ts";
import { byHand, isAtLeast, ok } from "./result.ts";

const NODE_MIN = "24";

export interface JudgeOptions {
  /** Whether the project's own tests are to run here, which try more than most hosts need. */
  readonly forTests?: boolean;
}

interface Wanted {
  readonly purpose: string;
  /** The oldest version that can do it; without one, any can. */
  readonly min?: string;
  /** A word that `--version` has to say. */
  readonly maker?: string;
  /** Without it procs run all the same. */
  readonly optional?: true;
  /** Nobody lacks it who does not ask for it; the tests do. */
  readonly choice?: true;
  /** Only the tests run it, and nobody else hears of it. */
  readonly testsOnly?: true;
}

/** What Sharku runs, and for what. crun 1.8 and conmon 2.1 are the oldest tried. */
const wanted: Readonly<Record<ToolName, Wanted>> = {
  crun: { purpose: "makes the containers", min: "1.8" },
  runc: { purpose: "makes containers for procs that ask for it", optional: true, choice: true },
  runsc: { purpose: "makes containers with a kernel of their own", optional: true, choice: true },
  conmon: { purpose: "supervises them", min: "2.1" },
  catatonit: { purpose: "is the first process in them" },
  ip: { purpose: "makes their network" },
  nft: { purpose: "publishes their ports", min: "1.0" },
  nsenter: { purpose: "looks into them" },
  tar: { purpose: "unpacks images", maker: "GNU" },
  gzip: { purpose: "unpacks images" },
  zstd: { purpose: "unpacks images" },
  xz: { purpose: "unpacks images" },
  mke2fs: { purpose: "bounds what procs write to /app", optional: true },
  debootstrap: { purpose: "makes templates", optional: true },
  bsdtar: { purpose: "packs archives that the tests unpack", testsOnly: true },
  git: { purpose: "packs archives that the tests unpack", testsOnly: true },
};

export function judgeTools(facts: HostFacts, { forTests = false }: JudgeOptions = {}): CheckResult[] {
  const named = toolNames.filter((tool) => forTests || !wanted[tool].testsOnly);
  const tools = named.map((tool) => judgeTool(tool, { facts, forTests }));
  return [judgeRights(facts), judgeNode(facts), ...tools];
}

/** The tools whose version matters, so that no other is asked for it. */
export function needsVersion(tool: ToolName): boolean {
  return wanted[tool].min !== undefined || wanted[tool].maker !== undefined;
}

function judgeRights({ uid }: HostFacts): CheckResult {
  if (uid === 0) return ok({ name: "root", found: "running as root" });
  const found = `running as uid ${uid}, so part of this cannot be seen`;
  return byHand("warn", {
    name: "root",
    found,
    cure: "run it as root, by sudo for one; sharku serve needs root",
  });
}

function judgeNode({ nodeVersion }: HostFacts): CheckResult {
  const name = "node";
  if (isAtLeast(nodeVersion, NODE_MIN)) return ok({ name, found: nodeVersion });
  return byHand("fail", { name, found: nodeVersion, cure: `install Node ${NODE_MIN} or newer` });
}

function judgeTool(
  tool: ToolName,
  { facts: { tools, packageManager }, forTests }: { facts: HostFacts; forTests: boolean },
): CheckResult {
  const { purpose, min, maker, optional, choice } = wanted[tool];
  const status = optional ? "warn" : "fail";
  const packages = [packageOf(tool, packageManager)];
  const cure = installLine(packages, packageManager);
  const seen = tools[tool];
  if (seen === null && choice && !forTests) return ok({ name: tool, found: `not here; it ${purpose}` });
  if (seen === null) return { name: tool, status, found: `missing, it ${purpose}`, cure, packages };
  if (maker !== undefined && !seen.version.includes(maker)) {
    return { name: tool, status, found: `${seen.path} is not that of ${maker}`, cure, packages };
  }
  const found = shortVersion(seen.version) ?? seen.path;
  if (min === undefined || isAtLeast(seen.version, min)) return ok({ name: tool, found });
  // The package manager has nothing newer, else it would be here.
  return byHand(status, { name: tool, found, cure: `install ${tool} ${min} or newer, it ${purpose}` });
}

function shortVersion(line: string): string | null {
  return /\d+(\.\d+)+/.exec(line)?.[0] ?? null;
}
