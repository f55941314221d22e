import { Limits, type LiveLimits } from "../../contract/proc.ts";
import type { Options, OptionTable } from "../command.ts";
import { formatSize } from "../output/units.ts";

/** The options that bound a proc, and how limits are told; `run` and `limits` share them. */

/** What may also be changed while a proc runs. */
export const liveLimitOptions = {
  memory: { type: "string", short: "m", value: "SIZE", help: "memory it may use (default 512M)" },
  cpus: { type: "string", value: "NUMBER", help: "processors it may use, 0.5 say (default all)" },
  pids: { type: "string", value: "NUMBER", help: "processes and threads it may have (default 256)" },
} as const satisfies OptionTable;

/** What holds from a proc's start to its end. */
export const startLimitOptions = {
  "app-disk": { type: "string", value: "SIZE", help: "what it may write to /app (default 1G)" },
  tmp: { type: "string", value: "SIZE", help: "what it may write to /tmp (default 64M)" },
  "open-files": { type: "string", value: "NUMBER", help: "files it may hold open (default 4096)" },
} as const satisfies OptionTable;

const { memoryBytes, cpus, pids, appBytes, tmpBytes, openFiles } = Limits.properties;

/** Those that were given. Errors: UsageError. */
export function readLiveLimits(options: Options): Partial<LiveLimits> {
  const memory = options.sizeBytes("memory", memoryBytes);
  const processors = readCpus(options);
  const processes = options.integer("pids", pids);
  return {
    ...(memory !== undefined && { memoryBytes: memory }),
    ...(processors !== undefined && { cpus: processors }),
    ...(processes !== undefined && { pids: processes }),
  };
}

/** Those that were given. Errors: UsageError. */
export function readStartLimits(options: Options): Partial<Limits> {
  const app = options.sizeBytes("app-disk", appBytes);
  const tmp = options.sizeBytes("tmp", tmpBytes);
  const files = options.integer("open-files", openFiles);
  return {
    ...(app !== undefined && { appBytes: app }),
    ...(tmp !== undefined && { tmpBytes: tmp }),
    ...(files !== undefined && { openFiles: files }),
  };
}

/** `all` is the way back from a number. */
function readCpus(options: Options): number | null | undefined {
  return options.text("cpus") === "all" ? null : options.number("cpus", cpus.anyOf[0]);
}

/** `memory 1G`, `cpus all`: each limit by the name of its option. */
export function describeLimit(name: keyof LiveLimits, limits: LiveLimits): string {
  if (name === "memoryBytes") return `memory ${formatSize(limits.memoryBytes)}`;
  return name === "cpus" ? `cpus ${limits.cpus ?? "all"}` : `pids ${limits.pids}`;
}

export function describeLiveLimits(limits: LiveLimits): string {
  const names = ["memoryBytes", "cpus", "pids"] as const;
  return names.map((name) => describeLimit(name, limits)).join(", ");
}
