import { type Rule, withLinux } from "../bundle.ts";
import type { OciSeccomp, OciSyscallRule } from "../oci.ts";
import { allowedSyscalls, refusedSyscalls } from "./syscalls.ts";

// errno(3), the numbers shared by the architectures that we run on.
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET: clone(2). */
const CLONE_NEW_NAMESPACES = 0x7e020000;

/** AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK, the last of them the highest number. */
const FAMILIES = [1, 2, 10, 16];
const FAMILY_MAX = 16;

/** personality(2): Linux, uname26, and the query. */
const PERSONALITIES = [0x0, 0x8, 0xffffffff];

/**
 * What a program may ask of the kernel: the calls listed, of the native architecture only. A call that is not
 * listed answers ENOSYS, so that a newer libc falls back; one that is refused on purpose answers EPERM.
 */
export function seccompProfile(architecture: string): OciSeccomp {
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: ENOSYS,
    architectures: [architecture],
    syscalls: soundRules([
      { names: allowedSyscalls, action: "SCMP_ACT_ALLOW" },
      { names: refusedSyscalls, action: "SCMP_ACT_ERRNO", errnoRet: EPERM },
      // Its flags lie in memory, where no filter can look; glibc falls back to clone.
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
      {
        names: ["clone"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: CLONE_NEW_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      ...PERSONALITIES.map((value) => whenFirstArgument("personality", { op: "SCMP_CMP_EQ", value })),
      ...socketRules(),
    ]),
  };
}

/**
 * The rules, where each call has one answer. libseccomp takes a second rule for a call without a word, and the first
 * one holds: a refusal that comes second would be none.
 */
export function soundRules(rules: readonly OciSyscallRule[]): readonly OciSyscallRule[] {
  const seen = new Map<string, Set<string>>();
  for (const { names, args } of rules) {
    const condition = JSON.stringify(args ?? []);
    for (const name of names) {
      const others = seen.get(name) ?? new Set();
      if (others.has(condition) || others.has("[]") || (condition === "[]" && others.size > 0))
        throw new Error(`Cannot build the seccomp profile: there are two rules for "${name}"`);
      seen.set(name, others.add(condition));
    }
  }
  return rules;
}

/**
 * The families that are not allowed answer as a kernel without them would. Above all AF_VSOCK, which no
 * namespace confines. libseccomp wants conditions that do not overlap, so each number has its own.
 */
function socketRules(): OciSyscallRule[] {
  const numbers = Array.from({ length: FAMILY_MAX + 1 }, (_, number) => number);
  return [
    ...FAMILIES.map((value) => whenFirstArgument("socket", { op: "SCMP_CMP_EQ", value })),
    ...numbers
      .filter((number) => !FAMILIES.includes(number))
      .map((value) => whenFirstArgument("socket", { op: "SCMP_CMP_EQ", value, errno: EAFNOSUPPORT })),
    whenFirstArgument("socket", { op: "SCMP_CMP_GT", value: FAMILY_MAX, errno: EAFNOSUPPORT }),
  ];
}

function whenFirstArgument(
  name: string,
  { op, value, errno }: { op: string; value: number; errno?: number },
): OciSyscallRule {
  return {
    names: [name],
    args: [{ index: 0, value, op }],
    ...(errno === undefined ? { action: "SCMP_ACT_ALLOW" } : { action: "SCMP_ACT_ERRNO", errnoRet: errno }),
  };
}

/**
 * crun takes a filter that is compiled already in place of the profile. The profile stands beside it all the same: a
 * runtime that does not know the annotation is then told all it needs, and none can leave a proc without a filter.
 */
const COMPILED = "run.oci.seccomp_bpf_data";

export const seccompRule: Rule = (config, { host }) => {
  const withProfile = withLinux(config, { seccomp: seccompProfile(host.seccompArch) });
  if (host.seccompFilter === null || !host.features.readyMadeSeccomp) return withProfile;
  return { ...withProfile, annotations: { ...config.annotations, [COMPILED]: host.seccompFilter } };
};
