import { type Rule, withLinux } from "../bundle.ts";

/** All seven, all new, all made by the runtime. */
export const namespacesRule: Rule = (config) =>
  withLinux(config, {
    namespaces: ["pid", "network", "ipc", "uts", "mount", "user", "cgroup"].map((type) => ({ type })),
  });
