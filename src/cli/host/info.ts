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
    ["runtime", `${info.runtime.name} ${info.runtime.version}`],
    ["cgroups", info.cgroup],
    ["/app", info.appDisk.kind === "none" ? `without a limit: ${info.appDisk.reason}` : info.appDisk.reason],
    ["procs", procs.map(([state, count]) => `${count} ${state}`).join(", ") || "none"],
  ];
}
