import { chmod, chown } from "node:fs/promises";
import { type Fault, SharkuError } from "../contract/errors.ts";
import type { Check } from "../contract/template.ts";
import { writeEntries } from "./entries.ts";
import { hostArch } from "./host-arch.ts";
import { runJob } from "./outcome.ts";
import { filesOf, skeletonOf, treeOf, type VersionRecord } from "./record.ts";
import { checksOf, judgeMountpoints, type Report, readReport, shownDirs, skeletonEntries } from "./report.ts";
import { FINISH } from "./scripts.ts";
import { type BuildSite, type Filled, shell } from "./site.ts";

/** From when on the build is as good as done. */
const FINISHING = 96;

/**
 * Makes a filled tree one that procs can stand on, looks what is in it, and tries. All that touches the tree happens in
 * the sandbox; here only the lines that it prints are read.
 * Errors: `bad-template` with each thing that is wrong.
 */
export async function finish(
  site: BuildSite,
  {
    filled,
    name,
    version,
    after,
  }: {
    readonly filled: Filled;
    readonly name: string;
    readonly version: string;
    /** When the newest version was made, by the host's clock: it may have been set back since. */
    readonly after: string | null;
  },
): Promise<VersionRecord> {
  const { teller, needs, workDir } = site;
  teller.tell("finishing", "Looking over what is there", FINISHING);
  const destinations = (filled.source.directory?.binds ?? []).map(({ destination }) => destination);
  const report = await lookOver(site, { filled, destinations });
  refuse(judgeMountpoints(report, destinations));
  refuse(judgeSize(report, needs.limits));
  await writeEntries(skeletonOf(workDir), skeletonEntries(report, destinations));
  // The mounter in a proc's user namespace is nobody here, and has to reach the skeleton.
  await chmod(workDir, 0o711);
  const record = {
    name,
    kind: filled.kind,
    version,
    description: filled.description,
    arch: report.arch,
    createdAt: later(needs.clock.now(), after),
    bytes: report.bytes,
    files: report.files,
    source: filled.source,
    dirs: shownDirs(report),
  };
  teller.tell("finishing", "Trying it", FINISHING + 2);
  const trial = report.found.has("shell") ? await tryOut(site, record) : "it has no /bin/sh";
  const checks = checksOf(report, { hostArch: hostArch(), trial });
  refuse(failuresOf(checks));
  return { ...record, checks };
}

/** Versions are told apart by when they were made, so each is later than the one before. */
function later(now: Date, after: string | null): string {
  const ms = after === null ? 0 : Date.parse(after) + 1;
  return new Date(Math.max(now.getTime(), ms)).toISOString();
}

async function lookOver(
  site: BuildSite,
  { filled, destinations }: { readonly filled: Filled; readonly destinations: readonly string[] },
): Promise<Report> {
  const isOwn = filled.source.directory === undefined;
  const source = treeOf(site.workDir, filled);
  const inTree = destinations.map((path) => path.slice(1));
  const { lines } = await runJob(
    {
      jobId: site.jobId,
      argv: shell(FINISH, isOwn ? "own" : "look", filled.sourcesList, ...inTree),
      root: "tools",
      binds: [{ source, destination: "/mnt", writable: isOwn }],
      network: "none",
      signal: site.signal,
    },
    { sandbox: site.needs.sandbox, explain: () => ["bad-template", "Cannot look over the template's files"] },
  );
  const report = readReport(lines);
  // Its own directory only, which the tree cannot have made a link. gVisor goes through it as nobody; where users of the
  // host could write to what is in it, it stays closed.
  if (isOwn) {
    await chown(source, 0, 0);
    await chmod(source, report.found.has("owners") ? 0o711 : 0o700);
  }
  return report;
}

/** Null where a container as a proc has one starts on it, else the runtime's words. */
async function tryOut(site: BuildSite, record: Omit<VersionRecord, "checks">): Promise<string | null> {
  const { code, stderr } = await site.needs.sandbox.try({
    jobId: site.jobId,
    argv: ["/bin/sh", "-c", ":"],
    template: filesOf(site.workDir, record),
    onLine: () => undefined,
    signal: site.signal,
  });
  site.signal.throwIfAborted();
  if (code === 0) return null;
  const words = stderr.trim().split("\n").slice(-3).join("; ");
  return words === "" ? `/bin/sh ended with code ${code}` : words.slice(0, 500);
}

function judgeSize({ bytes, files }: Report, limits: { treeBytesMax: number; filesMax: number }): Fault[] {
  const faults: Fault[] = [];
  if ((bytes ?? 0) > limits.treeBytesMax)
    faults.push({
      pointer: "",
      detail: `its files have ${bytes} bytes, wanted at most ${limits.treeBytesMax}`,
    });
  if ((files ?? 0) > limits.filesMax)
    faults.push({ pointer: "", detail: `it has ${files} files, wanted at most ${limits.filesMax}` });
  return faults;
}

function failuresOf(checks: readonly Check[]): Fault[] {
  return checks.flatMap(({ status, found }) => (status === "fail" ? [{ pointer: "", detail: found }] : []));
}

function refuse(faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  const words = faults.map(({ detail }) => detail).join("; ");
  throw new SharkuError("bad-template", `Cannot use the template's files: ${words}`, { faults });
}
