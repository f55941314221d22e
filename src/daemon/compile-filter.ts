import { join } from "node:path";
import type { FastifyBaseLogger } from "fastify";
import type { HostFacts } from "../isolation/bundle.ts";
import { seccompProfile } from "../isolation/rules/seccomp.ts";
import type { IsolationDirs } from "../isolation/run-paths.ts";
import { compileFilter } from "../isolation/seccomp-filter.ts";

/** The facts with the filter compiled; without, where this host cannot, and runtimes compile it at each start. */
export async function withFilter(
  facts: HostFacts,
  { dirs, log }: { dirs: IsolationDirs; log: FastifyBaseLogger },
): Promise<HostFacts> {
  try {
    const file = join(dirs.runDir, `filter-${process.pid}.bpf`);
    const { base64, unknown } = await compileFilter(seccompProfile(facts.seccompArch), file);
    // They answer ENOSYS, as every call that is not listed does, so nothing comes to be allowed by it.
    log.debug({ unknown }, "libseccomp does not know these calls");
    return { ...facts, seccompFilter: base64 };
  } catch (fault) {
    log.warn({ err: fault }, "no compiled seccomp filter; runtimes compile it at each start");
    return facts;
  }
}
