import type { RuntimeFamily } from "./runtime-family.ts";

/** A fault of a runtime that was made public, and the versions without it. */
interface KnownFault {
  readonly family: RuntimeFamily;
  readonly name: string;
  /** The first fixed version of each line that was mended, the oldest first. */
  readonly fixedIn: readonly string[];
  readonly what: string;
}

/**
 * Distributions mend faults without taking a new version, so a version alone cannot tell: what is told is what to
 * look up. That a proc has a user namespace of its own, and no say in its root, keeps most of these from it.
 */
const known: readonly KnownFault[] = [
  { family: "runc", name: "CVE-2024-21626", fixedIn: ["1.1.12"], what: "leaks a directory of the host" },
  {
    family: "runc",
    name: "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881",
    fixedIn: ["1.2.8", "1.3.3"],
    what: "can be led to mount or write elsewhere by a root with links of the tenant's",
  },
  {
    family: "crun",
    name: "crun issue 1845",
    fixedIn: ["1.24"],
    what: "gives the host's /dev/null to the container's root; Sharku takes it back before the command runs",
  },
];

/** What is known against that version, each in a line. */
export function faultsOf({ family, version }: { family: RuntimeFamily; version: string }): string[] {
  if (!/^\d+\.\d+/.test(version)) return [];
  return known
    .filter((fault) => fault.family === family && !isMended(version, fault.fixedIn))
    .map(
      ({ name, fixedIn, what }) =>
        `${name}: ${what}; mended in ${fixedIn.join(" and ")}, or by your distribution: check there`,
    );
}

/** A version is compared with the fix of its own line, and where its line has none, with the newest. */
function isMended(version: string, fixedIn: readonly string[]): boolean {
  const line = version.split(".").slice(0, 2).join(".");
  const fix = fixedIn.find((one) => one.startsWith(`${line}.`)) ?? fixedIn.at(-1);
  return fix !== undefined && compare(version, fix) >= 0;
}

function compare(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (const index of [0, 1, 2]) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): number[] {
  const [plain = ""] = /^\d+(\.\d+)*/.exec(version) ?? [];
  return plain.split(".").map(Number);
}
