import type { CheckName, HealthChecks } from "../contract/health.ts";
import type { Listener } from "./needs.ts";

/** Words for the proc's owner: what a check found, and what to change in the app. */

/** Why nothing takes connections on its PORT, as far as what it listens on tells. */
export function explainRefusal(port: number, listeners: readonly Listener[]): string {
  const onPort = listeners.filter((one) => one.port === port);
  const loopback = onPort.find(({ scope }) => scope === "loopback");
  const any6 = onPort.find(({ scope, family }) => scope === "any" && family === 6);
  const bind = `bind 0.0.0.0 and the port in $PORT`;
  if (onPort.some(({ scope, family }) => scope === "any" && family === 4))
    return "it has only just begun to listen";
  if (loopback !== undefined)
    return `it listens on ${loopback.text} only, where nobody outside of it reaches it; bind 0.0.0.0 instead`;
  if (any6 !== undefined) return `it listens on ${any6.text} for IPv6 only; bind 0.0.0.0 instead`;
  const [elsewhere] = onPort.length > 0 ? onPort : listeners;
  if (elsewhere !== undefined)
    return `it listens on ${elsewhere.text}, and not on its PORT, which is ${port}; ${bind}`;
  return `nothing listens on its PORT, which is ${port}; ${bind}`;
}

/** Why a run is ended, or called unhealthy. What the app itself answered stays out: it may hold secrets. */
export function explainVerdict(
  checks: HealthChecks,
  { check, failures, output }: { check: CheckName; failures: number; output: string },
): string {
  const why = firstLine(output);
  const { http } = checks[check] ?? {};
  if (check === "startup") {
    const limit = seconds(checks.startup?.timeoutMs ?? 0);
    return http === undefined
      ? `It took no connection on its PORT within ${limit} (${why})`
      : `GET ${http} was not answered well within ${limit} (${why})`;
  }
  const what = http === undefined ? "A connection to its PORT" : `GET ${http}`;
  return `${what} failed ${failures === 1 ? "once" : `${failures} times in a row`} (${why})`;
}

function firstLine(output: string): string {
  return output.split("\n")[0] ?? "";
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
