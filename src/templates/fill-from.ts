import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SharkuError } from "../contract/errors.ts";
import type { Derivation } from "../contract/template.ts";
import type { TemplateFiles } from "../procs/needs.ts";
import { judgeVersion } from "./host-paths.ts";
import { type Explain, failure, runJob } from "./outcome.ts";
import { AptReader } from "./progress.ts";
import { openProxies } from "./proxies.ts";
import type { VersionRecord } from "./record.ts";
import { COPY, FETCH_PACKAGES, INSTALL_PACKAGES, RUN_SCRIPT } from "./scripts.ts";
import { type BuildSite, type Fill, shell, standOn } from "./site.ts";

/** The version that is built upon. */
export interface Base {
  readonly record: VersionRecord;
  readonly treeDir: string;
}

/**
 * Fills the tree with another template's files, then adds packages and lets a script change them. The other stays as
 * it is: all is copied, since a script may write into any file.
 * Errors: `build-failed`, `disk-full`.
 */
export function fillFrom(spec: Derivation, base: Base): Fill {
  return async (site) => {
    const network = spec.network ?? "host";
    const packages = [...new Set(spec.packages ?? [])];
    const { name, version } = base.record;
    site.teller.tell("unpacking", `Copying ${name}`, 0);
    const root = await copyBase(site, base);
    if (packages.length > 0) await addPackages(site, { root, packages });
    if (spec.script !== undefined) await runScript(site, { root, script: spec.script, network });
    const what = [packages.join(", "), spec.script === undefined ? "" : "a script"].filter(Boolean);
    return {
      kind: "from",
      description: `${name} with ${what.length === 0 ? "nothing more" : what.join(" and ")}`,
      source: { from: { template: name, version, packages, network, scriptDigest: digestOf(spec.script) } },
      sourcesList: "",
    };
  };
}

async function copyBase(site: BuildSite, { record, treeDir }: Base): Promise<TemplateFiles> {
  const wrong = await judgeVersion(record, site.needs.ownDirs);
  if (wrong !== null)
    throw new SharkuError("build-failed", `Cannot copy template "${record.name}": ${wrong}`);
  const parts = [{ source: treeDir, to: "/" }].concat(
    (record.source.directory?.binds ?? []).map(({ source, destination }) => ({ source, to: destination })),
  );
  const places = parts.map((part, index) => ({ ...part, seen: `/tmp/base-${index}` }));
  const { lines } = await runJob(
    {
      jobId: site.jobId,
      argv: shell(COPY, ...places.flatMap(({ seen, to }) => [seen, to])),
      root: "tools",
      binds: [
        { source: site.treeDir, destination: "/mnt", writable: true },
        ...places.map(({ source, seen }) => ({ source, destination: seen, writable: false })),
      ],
      network: "none",
      signal: site.signal,
    },
    { sandbox: site.needs.sandbox, explain: () => ["build-failed", `Cannot copy template "${record.name}"`] },
  );
  return await standOn(site, lines);
}

async function addPackages(
  site: BuildSite,
  { root, packages }: { readonly root: TemplateFiles; readonly packages: readonly string[] },
): Promise<void> {
  const { jobId, signal, teller, needs } = site;
  const job = { jobId, signal, root };
  const down = new AptReader(teller, { phase: "downloading", from: 5, to: 45 });
  await runJob(
    {
      ...job,
      argv: shell(FETCH_PACKAGES, ...packages),
      network: "host",
      env: openProxies(needs.proxyEnv),
      onLine: down.add,
    },
    { sandbox: needs.sandbox, explain: explainPackages(packages) },
  );
  const install = new AptReader(teller, { phase: "installing", from: 45, to: 85 });
  await runJob(
    { ...job, argv: shell(INSTALL_PACKAGES, ...packages), network: "none", onLine: install.add },
    { sandbox: needs.sandbox, explain: explainPackages(packages) },
  );
}

function explainPackages(packages: readonly string[]): Explain {
  const what = `Cannot install ${packages.map((name) => `"${name}"`).join(", ")}`;
  return ({ end }) => [
    "build-failed",
    end.code === 69 ? `${what}: the template has no apt-get, wanted one of Debian's kind` : what,
  ];
}

/** Where the script is seen in the sandbox. */
const SCRIPT = "/tmp/sharku-script";

async function runScript(
  site: BuildSite,
  {
    root,
    script,
    network,
  }: { readonly root: TemplateFiles; readonly script: string; readonly network: "host" | "none" },
): Promise<void> {
  const { jobId, signal, teller, needs, workDir } = site;
  teller.tell("running", "Running the script", 85);
  const source = join(workDir, "script");
  await writeFile(source, script, { mode: 0o644 });
  const output = await runJob(
    {
      ...{ jobId, signal, root, network },
      argv: shell(RUN_SCRIPT, SCRIPT),
      binds: [{ source, destination: SCRIPT, writable: false }],
      env: network === "host" ? openProxies(needs.proxyEnv) : {},
      onLine: (line) => teller.tell("running", line),
    },
    {
      sandbox: needs.sandbox,
      explain: ({ end }) => [
        "build-failed",
        `Cannot build the template: the script ended with code ${end.code}`,
      ],
    },
  );
  const [stray] = output.end.strays ?? [];
  if (stray === undefined) return;
  const words = `Cannot keep "/${stray}": the script made it at the top, where a template has the directories of its base only; use one of those`;
  throw failure({ end: { code: 0, stderr: "" }, lines: [] }, () => ["build-failed", words]);
}

function digestOf(script: string | undefined): string | null {
  return script === undefined ? null : `sha256:${createHash("sha256").update(script).digest("hex")}`;
}
