import type { CheckResult } from "../host.ts";

interface Finding {
  readonly name: string;
  readonly found: string;
}

export function ok({ name, found }: Finding): CheckResult {
  return { name, status: "ok", found, cure: null, packages: [] };
}

/** Something for a person to do. */
export function byHand(
  status: "warn" | "fail",
  { name, found, cure }: Finding & { cure: string },
): CheckResult {
  return { name, status, found, cure, packages: [] };
}

/** Something that root may do at any time without asking, told as the line of shell that does it. */
export function byCommand(
  status: "warn" | "fail",
  { name, found, shell }: Finding & { shell: string },
): CheckResult {
  return { name, status, found, cure: shell, packages: [], commands: [["sh", "-c", shell]] };
}

/** `1.2.10` against `1.2.9`; what is not a number counts as 0. */
export function isAtLeast(version: string, wanted: string): boolean {
  const have = numbersOf(version);
  for (const [index, number] of numbersOf(wanted).entries()) {
    const mine = have[index] ?? 0;
    if (mine !== number) return mine > number;
  }
  return true;
}

function numbersOf(version: string): number[] {
  const [plain = ""] = /\d+(\.\d+)*/.exec(version) ?? [];
  return plain.split(".").map(Number);
}
