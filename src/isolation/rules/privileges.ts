import { type Rule, withProcess } from "../bundle.ts";

/** No capability in any set, and no way to gain one by executing something. */
export const privilegesRule: Rule = (config) =>
  withProcess(config, {
    noNewPrivileges: true,
    capabilities: { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] },
  });
