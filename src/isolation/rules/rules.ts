import type { Rule } from "../bundle.ts";
import { abilitiesRule } from "./abilities.ts";
import { idsRule } from "./ids.ts";
import { kernelFilesystemsRule } from "./kernel-filesystems.ts";
import { cgroupLimitsRule, rlimitsRule } from "./limits.ts";
import { masksRule } from "./masks.ts";
import { namespacesRule } from "./namespaces.ts";
import { privilegesRule } from "./privileges.ts";
import { processRule } from "./process.ts";
import { seccompRule } from "./seccomp.ts";
import { extraMountsRule, veiledTemplateRule } from "./template.ts";
import { userNamespaceRule } from "./user-namespace.ts";

/** The sandbox, rule by rule. Only the order of those that mount matters: what comes later lies on top. */
export const sandboxRules: readonly Rule[] = [
  idsRule,
  namespacesRule,
  privilegesRule,
  seccompRule,
  masksRule,
  cgroupLimitsRule,
  rlimitsRule,
  kernelFilesystemsRule,
  veiledTemplateRule,
  processRule,
  extraMountsRule,
  abilitiesRule,
  userNamespaceRule,
];
