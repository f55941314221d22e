import type { HealthSpec } from "../../contract/health.ts";
import type { Invocation } from "../command.ts";
import { UsageError } from "../errors.ts";

/** The checks of a proc, as options of `run`. */

const NONE = "none";

export const healthOptions = {
  startup: {
    type: "string",
    value: "TIME",
    help: "how long it may take to answer on its PORT, or none (default 60s for web, else none)",
  },
  liveness: { type: "string", value: "PATH", help: "a path to GET, and start again where that fails" },
  readiness: { type: "string", value: "PATH", help: "a path to GET, and be ready where that passes" },
} as const;

/** What the options ask for; undefined where they say nothing, and the daemon's default holds. */
export function readHealth({ options }: Invocation, process: string | null): HealthSpec | undefined {
  const startup = options.text("startup");
  const liveness = options.text("liveness");
  const readiness = options.text("readiness");
  if (startup === undefined && liveness === undefined && readiness === undefined) return undefined;
  for (const [name, path] of Object.entries({ liveness, readiness }))
    if (path !== undefined && !path.startsWith("/"))
      throw new UsageError(`Cannot take --${name} "${path}": a path such as /up was wanted`);
  const timeoutMs = startup === undefined || startup === NONE ? undefined : options.durationMs("startup");
  // What is asked for stands in place of the default, so a web process needs it said again.
  const isChecked = timeoutMs !== undefined || (startup === undefined && process === "web");
  return {
    ...(isChecked && { startup: timeoutMs === undefined ? {} : { timeoutMs } }),
    ...(liveness !== undefined && { liveness: { http: liveness } }),
    ...(readiness !== undefined && { readiness: { http: readiness } }),
  };
}
