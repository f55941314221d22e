import { SharkuError } from "../contract/errors.ts";
import {
  checkNames,
  defaultLiveness,
  defaultReadiness,
  defaultStartup,
  defaultWebChecks,
  type HealthChecks,
  noChecks,
} from "../contract/health.ts";
import { defaultNetwork, type ProcSpec } from "../contract/proc.ts";

/**
 * The checks that a proc is to have. A web process that nobody says anything of is to take connections on its PORT;
 * whatever is said stands in place of that. Errors: `invalid-request`.
 */
export function healthOf(spec: Pick<ProcSpec, "health" | "process" | "network">): HealthChecks {
  const { health } = spec;
  const isReached = { ...defaultNetwork, ...spec.network }.mode !== "none";
  if (health === undefined) return spec.process === "web" && isReached ? defaultWebChecks : noChecks;
  for (const name of checkNames) {
    const check = health?.[name];
    if (check == null) continue;
    if (!isReached)
      throw fault(
        `/health/${name}`,
        `Cannot check ${name}: the proc has network mode "none", so that nothing reaches it; leave the check out, or take mode "private"`,
      );
    if (check.tcp !== undefined && check.http !== undefined)
      throw fault(
        `/health/${name}`,
        `Cannot check ${name} by tcp and http together: one of the two was wanted`,
      );
  }
  const { startup, liveness, readiness } = health ?? {};
  return {
    startup: startup ? { ...defaultStartup, ...targeted(startup) } : null,
    liveness: liveness ? { ...defaultLiveness, ...targeted(liveness) } : null,
    readiness: readiness ? { ...defaultReadiness, ...targeted(readiness) } : null,
  };
}

/** A connection is what is wanted where nothing else is. */
function targeted<T extends { http?: string; tcp?: true }>(check: T): T {
  return check.http === undefined ? { ...check, tcp: true } : check;
}

function fault(pointer: string, detail: string): SharkuError {
  return new SharkuError("invalid-request", detail, { faults: [{ pointer, detail }] });
}
