import { type Event, eventTypes, type Gap } from "../../contract/event.ts";
import type { Proc } from "../../contract/proc.ts";
import { Label } from "../../contract/words.ts";
import type { Command, Invocation } from "../command.ts";
import { findOneProc } from "../find-procs.ts";
import { escapeControls } from "../output/sanitize.ts";
import type { Cell } from "../output/table.ts";
import { formatSize } from "../output/units.ts";
import { hasEnded } from "./await-proc.ts";
import { stateCell } from "./describe.ts";
import { describeLiveLimits } from "./limit-options.ts";

export const eventsCommand: Command = {
  path: ["events"],
  arguments: "[ID]",
  argumentCount: [0, 1],
  summary: "Print what has happened to all procs, or to one",
  options: {
    follow: { type: "boolean", short: "f", help: "go on as things happen" },
    after: { type: "string", value: "NUMBER", help: "only events after this one" },
    app: { type: "string", value: "APP", help: "of this app only" },
    type: { type: "string", value: "TYPE", help: `one of ${eventTypes.join(", ")}` },
  },
  examples: ["sharku events -f", "sharku events 3f2a", "sharku events --after 120 --json"],
  run: events,
};

async function events(call: Invocation): Promise<number> {
  const { client, options } = call;
  const after = options.integer("after");
  const [app, type] = [options.label("app", Label), options.choice("type", eventTypes)];
  const query = { follow: options.flag("follow"), ...(after !== undefined && { after }) };
  const [word] = call.args;
  const proc = word === undefined ? {} : { proc: (await findOneProc(client, word)).id };
  const filter = { ...query, ...proc, ...(app && { app }), ...(type && { type }) };
  const stream = client.events(filter, { onGap: (gap) => call.io.stdout.write(gapLine(gap, call)) });
  for await (const event of stream)
    call.io.stdout.write(call.json ? `${JSON.stringify(event)}\n` : lineOf(event, call));
  return 0;
}

function gapLine(gap: Gap["gap"], { json }: Invocation): string {
  if (json) return `${JSON.stringify({ gap })}\n`;
  return `${"-".padStart(5)}  events ${gap.from} to ${gap.to} are kept no more\n`;
}

function lineOf(event: Event, call: Invocation): string {
  const { paint } = call;
  const { proc } = event;
  const { text, style, more } = describe(event);
  const what = style ? paint.stdout(style, text.padEnd(9)) : text.padEnd(9);
  const number = String(event.seq).padStart(5);
  return `${number}  ${paint.stdout("dim", event.time)}  ${what}  ${proc.app} ${proc.name} (${proc.id})${more}\n`;
}

function describe({ type, proc }: Event): Cell & { more: string } {
  switch (type) {
    case "proc.deleted":
      return { text: "deleted", style: "dim", more: "" };
    case "proc.image": {
      const { digest = null, bytes = null } = proc.image ?? {};
      const size = bytes === null ? "" : ` (${formatSize(bytes)})`;
      return { text: "image", more: `: ${digest ?? "it"} is here${size}` };
    }
    case "proc.changed":
      return { text: "changed", more: `: ${describeLiveLimits(proc.limits)}` };
    case "proc.disk-full":
      return {
        text: "disk-full",
        style: "red",
        more: `: its /app holds all that it may, in bytes (${formatSize(proc.limits.appBytes)}) or in files`,
      };
    case "proc.ready":
      return { text: "ready", style: "green", more: "" };
    case "proc.healthy":
      return { text: "healthy", style: "green", more: "" };
    case "proc.unready":
    case "proc.unhealthy":
      return {
        text: type.slice("proc.".length),
        style: "red",
        more: `: see GET ${proc.links.health} for what its checks found`,
      };
    case "proc.memory-high":
      return {
        text: "mem-high",
        style: "yellow",
        more: `: it uses more than nine tenths of its memory (${formatSize(proc.limits.memoryBytes)})`,
      };
    case "proc.pids-limit":
      return {
        text: "pids-limit",
        style: "yellow",
        more: `: it was refused a process, it has all that it may (${proc.limits.pids})`,
      };
    case "proc.oom":
      return {
        text: "oom",
        style: "yellow",
        more: `: a process of it was killed for want of memory (${formatSize(proc.limits.memoryBytes)}), and it goes on`,
      };
    default:
      return { ...stateCell(proc), more: whyEnded(proc) };
  }
}

/** Of an end, or of a run that another follows; the end of a run before this one is not told again. */
function whyEnded(proc: Proc): string {
  const message = hasEnded(proc) || proc.state === "backoff" ? proc.exit?.message : undefined;
  return message ? `: ${escapeControls(message)}` : "";
}
