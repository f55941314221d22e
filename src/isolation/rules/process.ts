import { INIT, type Rule, readOnlyBind, withMounts, withProcess } from "../bundle.ts";

/**
 * PID 1 is a small init that reaps orphans and passes signals on, because an app as PID 1 does neither and
 * ignores SIGTERM by default.
 */
export const processRule: Rule = (config, { argv, env, cwd, host }) =>
  withMounts(
    withProcess(config, {
      args: [INIT, "--", ...argv],
      env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      cwd,
      oomScoreAdj: 500,
    }),
    [readOnlyBind(host.initPath, INIT)],
  );
