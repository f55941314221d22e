import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { hasCredentials } from "./proxies.ts";

/** Where the host's own apt takes packages from: what a build takes where its caller names nothing else. */
export interface AptSource {
  readonly mirror: string;
  readonly suite: string;
  readonly components: readonly string[];
}

/** Beside the suite itself: what mends it. Others, backports say, are for who asks. */
const mendingSuffixes = ["", "-updates", "-security"];

/** All `deb` lines of the host, in sources.list(5)'s two forms. None where the host has no apt. */
export async function readAptSources(hostRoot: string): Promise<AptSource[]> {
  const apt = join(hostRoot, "etc/apt");
  const parts = await readdir(join(apt, "sources.list.d")).catch(() => []);
  const files = ["sources.list", ...parts.sort().map((name) => `sources.list.d/${name}`)];
  const found: AptSource[] = [];
  for (const name of files) {
    const text = await readFile(join(apt, name), "utf8").catch(() => "");
    if (name.endsWith(".sources")) found.push(...parseStanzas(text));
    else if (name.endsWith(".list")) found.push(...parseLines(text));
  }
  return found.filter(({ mirror }) => /^https?:\/\//.test(mirror));
}

export function parseLines(text: string): AptSource[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)/.exec(line);
    if (match === null) return [];
    const [, mirror = "", suite = "", components = ""] = match;
    return [{ mirror, suite, components: wordsOf(components) }];
  });
}

export function parseStanzas(text: string): AptSource[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = fieldsOf(stanza);
    if (!wordsOf(fields.get("types")).includes("deb") || fields.get("enabled") === "no") return [];
    const components = wordsOf(fields.get("components"));
    return wordsOf(fields.get("uris")).flatMap((mirror) =>
      wordsOf(fields.get("suites")).map((suite) => ({ mirror, suite, components })),
    );
  });
}

function fieldsOf(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = "";
  for (const line of stanza.split("\n").filter((text) => !text.startsWith("#"))) {
    const match = /^([A-Za-z-]+):(.*)$/.exec(line);
    if (match) last = (match[1] ?? "").toLowerCase();
    fields.set(last, `${fields.get(last) ?? ""} ${(match?.[2] ?? line).trim()}`.trim());
  }
  return fields;
}

function wordsOf(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter(Boolean);
}

/**
 * Where a suite is taken from: the host's source of that very suite, or the one of the host's own suite, whose mirror
 * has the others of its distribution too; one with credentials where there is no other. Null where the host has none.
 */
export function sourceFor(suite: string, sources: readonly AptSource[], hostSuite: string): AptSource | null {
  const of = (name: string) => {
    const fitting = sources.filter((source) => source.suite === name);
    return fitting.find(({ mirror }) => !hasCredentials(mirror)) ?? fitting[0];
  };
  const source = of(suite) ?? of(hostSuite);
  return source ? { ...source, suite } : null;
}

/**
 * The lines of sources.list(5) for a suite: what it was made of, and where the host has it, what mends it. Apps read
 * them, so that none has credentials.
 */
export function sourcesList(
  made: AptSource,
  { sources, hostSuite }: { readonly sources: readonly AptSource[]; readonly hostSuite: string },
): string {
  const known = sources.some(
    ({ mirror, suite }) => mirror === made.mirror && [made.suite, hostSuite].includes(suite),
  );
  const mending = sources.flatMap((source) => {
    const suffix = mendingSuffixes.find((end) => end !== "" && source.suite === hostSuite + end);
    return known && suffix !== undefined && !hasCredentials(source.mirror)
      ? [{ ...source, suite: made.suite + suffix }]
      : [];
  });
  const lines = [made, ...mending].map(
    ({ mirror, suite }) => `deb ${mirror} ${suite} ${made.components.join(" ")}`,
  );
  return [...new Set(lines)].join("\n");
}

/** The name of the suite that the host itself is, by os-release(5); empty where it has none. */
export async function readHostSuite(hostRoot: string): Promise<string> {
  const text = await readFile(join(hostRoot, "etc/os-release"), "utf8").catch(() => "");
  return /^VERSION_CODENAME="?([A-Za-z0-9._-]+)"?$/m.exec(text)?.[1] ?? "";
}
