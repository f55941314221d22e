import type { Info } from "../../contract/host.ts";
import type { Command, Invocation } from "../command.ts";
import { printJson } from "../output/print.ts";
import { escapeControls } from "../output/sanitize.ts";
import { formatAge } from "../output/units.ts";

export const infoCommand: Command = {
  path: ["info"],
  arguments: "",
  argumentCount: [0, 0],
  summary: "Tell about the daemon and its host",
  options: {},
  examples: ["sharku info", "sharku info --json"],
  run: info,
};

async function info(call: Invocation): Promise<number> {
  const { io, paint } = call;
  const found = await call.client.info();
  if (call.json) {
    printJson(io.stdout, found);
    return 0;
  }
  for (const [name, value] of linesOf(found, io.now().getTime()))
    io.stdout.write(`${paint.stdout("dim", name.padEnd(12))}${escapeControls(value)}\n`);
  return 0;
}

function linesOf(info: Info, nowMs: number): [name: string, value: string][] {
  const procs = Object.entries(info.procs).filter(([, count]) => count > 0);
  return [
    ["hypervisor", info.name],
    ["version", info.version],
    ["instance", info.instance],
    ["up", formatAge(nowMs - Date.parse(info.startedAt))],
    ["addresses", info.addresses.join(", ")],
    ["ports", info.portRange],
    ...info.runtimes.map((runtime): [string, string] => ["runtime", runtimeLine(runtime)]),
    ["cgroups", info.cgroup],
    ["/app", info.appDisk.kind === "none" ? `without a limit: ${info.appDisk.reason}` : info.appDisk.reason],
    ["procs", procs.map(([state, count]) => `${count} ${state}`).join(", ") || "none"],
  ];
}

/** One line: what it is, and what a proc by it has to do without. */
export function runtimeLine(runtime: Info["runtimes"][number]): string {
  const { name, version, path, usable, isDefault, features, problems } = runtime;
  const lacking = Object.entries(features).filter(([, has]) => !has);
  const told = usable
    ? lacking.length > 0 && `without ${lacking.map(([feature]) => inWords[feature] ?? feature).join(", ")}`
    : `not usable: ${problems[0] ?? "nobody knows why"}`;
  return [`${name} ${version}${isDefault ? " (default)" : ""}`, path, told].filter(Boolean).join(", ");
}

/** The features, as docs/runtimes.md tells of them. */
const inWords: Readonly<Record<string, string>> = {
  mappedBinds: "mapped owners",
  readyMadeSeccomp: "a filter compiled ahead",
  overlayMounts: "overlays",
  tmpfsModes: "modes of /tmp",
  makesMountpoints: "mountpoints of its own",
  recursiveReadOnly: "read-only submounts",
};
