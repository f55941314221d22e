import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { FetchRules } from "../lib/address-rules.ts";
import { CannotStart } from "../lib/cannot-start.ts";
import { type EventOptions, parseEventOptions } from "./event-options.ts";
import { parseFetchRules } from "./fetch-rules.ts";
import { type GilliamListen, parseGilliamListen } from "./gilliam-options.ts";
import { type ImageOptions, parseImageOptions } from "./image-options.ts";

/** What `sharku serve` is told, by options or by SHARKU_… variables; the option wins. */
export interface DaemonConfig {
  readonly stateDir: string;
  readonly runDir: string;
  readonly socket: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly portRange: { readonly first: number; readonly last: number };
  readonly name: string;
  /** The default first. */
  readonly runtimes: readonly RuntimeOption[];
  readonly runtimeTimeoutMs: number;
  /** Runs procs also where the host has no user namespaces for them. */
  readonly insecureNoUserns: boolean;
  /** Where images and callbacks may go to, and where not, beside the rules for everybody. */
  readonly fetchRules: FetchRules;
  readonly images: ImageOptions;
  /** How many times the host's memory the limits of all procs may come to; null where nothing bounds that. */
  readonly memoryOvercommit: number | null;
  readonly events: EventOptions;
  readonly gilliam: GilliamListen;
}

/** A runtime by its name; the program is looked for by that name where none is given. */
export interface RuntimeOption {
  readonly name: string;
  readonly program: string | null;
}

export const serveHelp = `Usage: sharku serve [OPTION]…

Runs the hypervisor: a daemon that runs apps for others who ask it over REST. Needs root.

Options (each also as a variable, --state-dir as SHARKU_STATE_DIR and so on):
  --state-dir DIR     what must survive a reboot       (/var/lib/sharku)
  --run-dir DIR       what need not                    (/run/sharku)
  --socket PATH       socket for callers on this host  (<run-dir>/sharku.sock)
  --listen HOST:PORT  address for callers with a token (127.0.0.1:7420)
  --port-range A-B    ports that procs are given       (10000-19999)
  --name NAME         name of this hypervisor          (the host's)
  --runtime NAME      runtime of procs that name none  (crun)
  --add-runtime N=P   a runtime N by its path P; may be given again, or with commas between (none)
  --runtime-timeout S seconds that one call of a runtime may take (30)
  --fetch-allow CIDR  let images and callbacks go to link-local or metadata addresses too (none)
  --fetch-deny CIDR   never let them go there; wins; both may be given again, or with commas between (none)
  --image-bytes SIZE  what the files of an image may come to (1G)
  --image-files N     how many files it may have   (200000)
  --image-water H-L   unused images go when the disk is H % full, in bytes or files, down to L % (85-80)
  --image-grace TIME  one that came or was used less than so long ago stays (10m)
  --memory-overcommit N  refuse procs where all memory limits come to more than N times the host's (none)
  --events-keep N     so many events are kept, the newest (100000)
  --events-keep-days N and none that is older than so many days (7)
  --gilliam-listen HOST:PORT the 2013 protocol alone: whoever reaches it runs commands here, without a token (none)
  --insecure-gilliam  let --gilliam-listen be an address that other hosts reach
  --insecure-no-userns
                      run procs also on a host without user namespaces: less holds them, see docs/security.md
  --help              this text

The token for --listen is in <state-dir>/admin.token. SIGTERM ends the daemon; its procs run on, and the next
start finds them. Exit code 78: it cannot start, and the one line on stderr says why.
`;

const options = {
  "state-dir": { type: "string" },
  "run-dir": { type: "string" },
  socket: { type: "string" },
  listen: { type: "string" },
  "port-range": { type: "string" },
  name: { type: "string" },
  runtime: { type: "string" },
  "add-runtime": { type: "string", multiple: true },
  "runtime-timeout": { type: "string" },
  "fetch-allow": { type: "string", multiple: true },
  "fetch-deny": { type: "string", multiple: true },
  "image-bytes": { type: "string" },
  "image-files": { type: "string" },
  "image-water": { type: "string" },
  "image-grace": { type: "string" },
  "memory-overcommit": { type: "string" },
  "events-keep": { type: "string" },
  "events-keep-days": { type: "string" },
  "gilliam-listen": { type: "string" },
  "insecure-gilliam": { type: "boolean" },
  "insecure-no-userns": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Reads arguments and environment; `help` where only that is asked for. Errors: CannotStart. */
export function parseConfig(argv: readonly string[], env: NodeJS.ProcessEnv): DaemonConfig | "help" {
  const values = parseValues(argv);
  if (values.help === true) return "help";
  const pick = (name: keyof typeof values, fallback: string): string => {
    const given = values[name];
    if (Array.isArray(given)) return given.join(",");
    if (typeof given === "string") return given;
    return env[`SHARKU_${name.toUpperCase().replaceAll("-", "_")}`] || fallback;
  };
  const runDir = parseDirectory(pick("run-dir", "/run/sharku"));
  const isSet = (name: "insecure-no-userns" | "insecure-gilliam") =>
    values[name] === true || pick(name, "") === "1";
  return {
    stateDir: parseDirectory(pick("state-dir", "/var/lib/sharku")),
    runDir,
    socket: resolve(pick("socket", join(runDir, "sharku.sock"))),
    listen: parseListen(pick("listen", "127.0.0.1:7420")),
    portRange: parsePortRange(pick("port-range", "10000-19999")),
    name: pick("name", hostname()),
    runtimes: parseRuntimes(pick("runtime", "crun"), pick("add-runtime", "")),
    memoryOvercommit: parseOvercommit(pick("memory-overcommit", "none")),
    insecureNoUserns: isSet("insecure-no-userns"),
    fetchRules: parseFetchRules({ allow: pick("fetch-allow", ""), deny: pick("fetch-deny", "") }),
    images: parseImageOptions(pick),
    events: parseEventOptions(pick),
    gilliam: parseGilliamListen(pick("gilliam-listen", ""), isSet("insecure-gilliam")),
    runtimeTimeoutMs: parseSeconds(pick("runtime-timeout", "30")) * 1000,
  };
}

function parseValues(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: false }).values;
  } catch (cause) {
    const words = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new CannotStart(`Cannot start: ${words}, see sharku serve --help`, { cause });
  }
}

/** Paths below it stand in the options of mounts, where these letters part one option from the next. */
function parseDirectory(text: string): string {
  // What a variable that is not set leaves behind; it would mean the current directory.
  if (text === "")
    throw new CannotStart("Cannot use an empty directory name: name a directory or leave the option out");
  const dir = resolve(text);
  const wrong = /[,:"\\\p{Cc}]/u.exec(dir)?.[0];
  if (wrong === undefined) return dir;
  throw new CannotStart(
    `Cannot use directory ${JSON.stringify(dir)}: it has ${JSON.stringify(wrong)} in its name, wanted none of , : " \\ and control characters`,
  );
}

/** Only loopback: any other address needs TLS, which this version does not speak. */
function parseListen(text: string): DaemonConfig["listen"] {
  const match = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\]):(\d+)$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port < 1 || port > 65535) {
    throw new CannotStart(
      `Cannot listen on "${text}": it is no loopback address with a port, wanted one like 127.0.0.1:7420`,
    );
  }
  // An address, not a name: callbacks are kept from it by what they connect to.
  const host = match[1] === "localhost" ? "127.0.0.1" : match[1].replace(/[[\]]/g, "");
  return { host, port };
}

function parsePortRange(text: string): DaemonConfig["portRange"] {
  const match = /^(\d+)-(\d+)$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || first < 1024 || last > 65535 || first > last) {
    throw new CannotStart(
      `Cannot use port range "${text}": wanted two ports from 1024 to 65535, the lower one first, like 10000-19999`,
    );
  }
  return { first, last };
}

/** The runtimes that are looked for by name; the others are added by their paths. */
const BUILT_IN = ["crun", "runc", "runsc"];

const RUNTIME_NAME = /^[a-z0-9][a-z0-9._-]{0,31}$/;

function parseRuntimes(standard: string, added: string): RuntimeOption[] {
  const options = new Map<string, RuntimeOption>(BUILT_IN.map((name) => [name, { name, program: null }]));
  for (const word of added.split(",").filter(Boolean)) {
    const [, name = "", program = ""] = /^([^=]*)=(.*)$/.exec(word) ?? [];
    if (!RUNTIME_NAME.test(name) || !program.startsWith("/")) {
      throw new CannotStart(
        `Cannot add runtime "${word}": wanted a name of small letters, digits, dots and dashes, and the program's whole path, like kata=/opt/kata/bin/kata`,
      );
    }
    options.set(name, { name, program });
  }
  const first = options.get(standard);
  if (first === undefined) {
    throw new CannotStart(
      `Cannot use runtime "${standard}": it is none of ${[...options.keys()].join(", ")}, wanted one of these or one named by --add-runtime`,
    );
  }
  return [first, ...[...options.values()].filter((option) => option !== first)];
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds >= 0.1 && seconds <= 3600) return seconds;
  throw new CannotStart(`Cannot use runtime timeout "${text}": wanted seconds from 0.1 to 3600, like 30`);
}

function parseOvercommit(text: string): number | null {
  if (text === "none") return null;
  const factor = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && factor >= 0.1 && factor <= 1000) return factor;
  throw new CannotStart(
    `Cannot use memory overcommit "${text}": wanted a number from 0.1 to 1000, like 1.5, or none`,
  );
}
