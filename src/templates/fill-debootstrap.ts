import { access, copyFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { SharkuError } from "../contract/errors.ts";
import type { Debootstrap, TemplateSource } from "../contract/template.ts";
import { readAptSources, readHostSuite, sourceFor, sourcesList } from "./apt-sources.ts";
import { hostArch } from "./host-arch.ts";
import { askMirror, type MirrorNeeds } from "./mirror.ts";
import { type Explain, lastWords, runJob } from "./outcome.ts";
import { DebootstrapReader } from "./progress.ts";
import { hasCredentials, isProxied, withoutCredentials } from "./proxies.ts";
import { CONFIGURE_DEBIAN, FETCH_DEBIAN } from "./scripts.ts";
import { type BuildSite, type Fill, shell, standOn } from "./site.ts";

/** What a host without apt takes Debian from. */
const DEBIAN = "http://deb.debian.org/debian";

const KEYRING_BYTES_MAX = 4 * 1024 * 1024;

type Resolved = NonNullable<TemplateSource["debootstrap"]>;

/**
 * Fills the tree with a distribution's packages. The first stage has the network and runs nothing of what it fetches;
 * the second runs the packages' own scripts and has none.
 * Errors: `invalid-request`, `bad-mirror`, `unknown-suite`, `build-failed`, `disk-full`.
 */
export function fillDebootstrap(spec: Debootstrap): Fill {
  return async (site) => {
    const { teller, signal, needs, hostRoot } = site;
    const sources = await readAptSources(hostRoot);
    const hostSuite = await readHostSuite(hostRoot);
    const source = resolve(spec, { sources, hostSuite });
    const keyring = await takeKeyring(site, source.keyring);
    teller.tell("checking", `Asking ${source.mirror} for ${source.suite}`, 0);
    const origin = await originOf(source, { fetch: needs.fetch, signal, proxyEnv: needs.proxyEnv });
    const script = await scriptFor(hostRoot, { suite: source.suite, origin });
    const reader = new DebootstrapReader(teller);
    const job = { jobId: site.jobId, signal, onLine: reader.add };
    const env = needs.proxyEnv;

    const fetched = await runJob(
      {
        ...job,
        argv: shell(FETCH_DEBIAN, ...argumentsFor(source, { keyring: keyring !== null, script })),
        root: "tools",
        binds: [
          { source: site.treeDir, destination: "/mnt", writable: true },
          ...(keyring === null ? [] : [{ source: keyring, destination: KEYRING, writable: false }]),
        ],
        network: "host",
        env,
      },
      { sandbox: needs.sandbox, explain: explainFetch(source) },
    );
    const root = await standOn(site, fetched.lines);
    await runJob(
      { ...job, argv: shell(CONFIGURE_DEBIAN), root, network: "none" },
      { sandbox: needs.sandbox, explain: explainConfigure },
    );
    const packages = source.packages.length === 0 ? "" : ` with ${source.packages.join(", ")}`;
    return {
      kind: "debootstrap",
      description: `${source.suite} of ${source.mirror}${packages}`,
      source: { debootstrap: source },
      sourcesList: sourcesList(source, { sources, hostSuite }),
    };
  };
}

/** Where the keyring is seen in the sandbox. */
const KEYRING = "/tmp/keyring.gpg";

function resolve(
  spec: Debootstrap,
  { sources, hostSuite }: { sources: Awaited<ReturnType<typeof readAptSources>>; hostSuite: string },
): Resolved {
  const host = spec.mirror === undefined ? sourceFor(spec.suite, sources, hostSuite) : null;
  const arch = spec.arch ?? hostArch();
  if (arch !== hostArch()) {
    const detail = `is not what this host runs, wanted ${hostArch()}`;
    throw new SharkuError("invalid-request", `Cannot build for "${arch}": it ${detail}`, {
      faults: [{ pointer: "/debootstrap/arch", detail }],
    });
  }
  const mirror = spec.mirror ?? host?.mirror ?? DEBIAN;
  assertOpen(mirror, spec.suite);
  return {
    suite: spec.suite,
    mirror,
    variant: spec.variant ?? "minbase",
    packages: [...new Set(spec.packages ?? [])],
    components: spec.components ?? (host?.components.length ? [...host.components] : ["main"]),
    arch,
    keyring: spec.keyring ?? null,
  };
}

/** Apps read the sources.list of their template, and everybody who may call its record. */
function assertOpen(mirror: string, suite: string): void {
  if (!hasCredentials(mirror)) return;
  const detail = "has credentials in the host's sources of apt, which apps could read, wanted one without";
  throw new SharkuError(
    "invalid-request",
    `Cannot take "${suite}" from mirror "${withoutCredentials(mirror)}": it ${detail}`,
    { faults: [{ pointer: "/debootstrap/mirror", detail }] },
  );
}

/** Who makes the suite, or at least seems to: what goes by a proxy is left to debootstrap, which asks it. */
async function originOf(
  source: Resolved,
  { proxyEnv, ...asking }: MirrorNeeds & { readonly proxyEnv: Readonly<Record<string, string>> },
): Promise<string> {
  const asked = isProxied(source.mirror, proxyEnv) ? null : await askMirror(source, asking);
  return asked?.origin ?? (/ubuntu/i.test(source.mirror) ? "Ubuntu" : "");
}

/** A copy of the keyring that the sandbox may read; null where debootstrap is to choose. */
async function takeKeyring({ workDir }: BuildSite, path: string | null): Promise<string | null> {
  if (path === null) return null;
  const stats = await stat(path).catch(() => null);
  if (!stats?.isFile() || stats.size > KEYRING_BYTES_MAX) {
    const detail = stats === null ? "does not exist on this host" : "is no keyring file";
    throw new SharkuError("invalid-request", `Cannot use keyring "${path}": it ${detail}`, {
      faults: [{ pointer: "/debootstrap/keyring", detail }],
    });
  }
  const copy = join(workDir, "keyring.gpg");
  await copyFile(path, copy);
  return copy;
}

/** A suite that is newer than the host's debootstrap is made as the newest that it knows of the same maker. */
async function scriptFor(
  hostRoot: string,
  { suite, origin }: { suite: string; origin: string },
): Promise<string | null> {
  const scripts = "usr/share/debootstrap/scripts";
  const isKnown = await access(join(hostRoot, scripts, suite)).then(
    () => true,
    () => false,
  );
  if (isKnown) return null;
  return `/${scripts}/${origin === "Ubuntu" ? "gutsy" : "sid"}`;
}

function argumentsFor(
  { suite, mirror, variant, packages, components, arch }: Resolved,
  { keyring, script }: { readonly keyring: boolean; readonly script: string | null },
): string[] {
  return [
    // Without it, a suite whose keyring is missing would be taken unsigned.
    "--force-check-gpg",
    `--arch=${arch}`,
    `--components=${components.join(",")}`,
    ...(variant === "standard" ? [] : [`--variant=${variant}`]),
    ...(packages.length === 0 ? [] : [`--include=${packages.join(",")}`]),
    ...(keyring ? [`--keyring=${KEYRING}`] : []),
    suite,
    "/mnt",
    mirror,
    ...(script === null ? [] : [script]),
  ];
}

function explainFetch({ suite, mirror }: Resolved): Explain {
  return (output) => {
    if (output.end.code === 69)
      return [
        "build-failed",
        "Cannot build the template: debootstrap is not installed on this host, install it",
      ];
    const words = lastWords(output);
    if (/Failed getting release file|Couldn't download/.test(words))
      return ["bad-mirror", `Cannot fetch "${suite}" from "${mirror}", wanted all of its packages`];
    return ["build-failed", `Cannot build the template: debootstrap stopped`];
  };
}

const explainConfigure: Explain = () => [
  "build-failed",
  "Cannot build the template: the packages could not be configured",
];
