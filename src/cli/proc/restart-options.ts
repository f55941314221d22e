import type { ProcSpec } from "../../contract/proc.ts";
import { restartPolicies } from "../../contract/restart.ts";
import type { Options, OptionTable } from "../command.ts";
import { UsageError } from "../errors.ts";

/** What comes after a proc's end, and when that is: options of `run`. */
export const restartOptions = {
  restart: {
    type: "string",
    value: "POLICY[:N]",
    help: `${restartPolicies.join(", ")}; at most N times in a row (default never)`,
  },
  ttl: { type: "string", value: "TIME", help: "end it after this long (default never)" },
} as const satisfies OptionTable;

/** Those that were given. Errors: UsageError. */
export function readRestart(options: Options): Pick<ProcSpec, "restart" | "ttlMs"> {
  const ttlMs = options.durationMs("ttl");
  const restart = policyOf(options.text("restart"));
  return { ...(restart && { restart }), ...(ttlMs !== undefined && { ttlMs }) };
}

function policyOf(text: string | undefined): ProcSpec["restart"] {
  if (text === undefined) return undefined;
  const [word = "", count] = text.split(/:(.*)/s);
  const policy = restartPolicies.find((candidate) => candidate === word);
  if (policy === undefined || (count !== undefined && !/^[1-9]\d{0,5}$/.test(count))) {
    throw new UsageError(
      `Cannot take --restart "${text}": ${restartPolicies.join(", ")} was wanted, or one of them with a number, on-failure:5`,
    );
  }
  return count === undefined ? { policy } : { policy, maxAttempts: Number(count) };
}
