import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import type { OciSeccomp, OciSyscallRule } from "./oci.ts";

/**
 * Compiles our profile to what the kernel takes, by the libseccomp that the runtimes use themselves, so that it is
 * done once for all procs. Blocks for some ten milliseconds: for the start of the daemon.
 */

export interface CompiledFilter {
  /** The program in base64, as crun takes it. */
  readonly base64: string;
  /** Names that this libseccomp does not know: the profile's default answers those calls. */
  readonly unknown: readonly string[];
}

const LIBRARY = "libseccomp.so.2";

// seccomp.h: actions, the attribute that chooses a binary tree in place of a list, and what an unknown name is.
const ACT_ALLOW = 0x7fff0000;
const ACT_ERRNO = 0x00050000;
const ATTRIBUTE_OPTIMIZE = 8;
const OPTIMIZE_TREE = 2;
const NO_SUCH_CALL = -1;

const comparisons: Readonly<Record<string, number>> = {
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};

const architectures: Readonly<Record<string, string>> = {
  SCMP_ARCH_X86_64: "x86_64",
  SCMP_ARCH_AARCH64: "aarch64",
};

interface Argument {
  readonly arg: number;
  readonly op: number;
  readonly datum_a: number;
  readonly datum_b: number;
}

/** The functions of the library that we call: seccomp_init(3) and its neighbours. */
interface Library {
  readonly init: (action: number) => unknown;
  readonly release: (filter: unknown) => void;
  readonly nativeArchitecture: () => number;
  readonly architecture: (name: string) => number;
  readonly callNumber: (name: string) => number;
  readonly addRule: (
    filter: unknown,
    action: number,
    call: number,
    count: number,
    args: Argument[],
  ) => number;
  readonly setAttribute: (filter: unknown, attribute: number, value: number) => number;
  readonly exportTo: (filter: unknown, fd: number) => number;
}

/**
 * `file` is a place for a file that is gone afterwards. Errors: where there is no libseccomp or nothing to call it
 * by, and where it refuses a rule.
 */
export async function compileFilter(profile: OciSeccomp, file: string): Promise<CompiledFilter> {
  const library = await loadLibrary();
  assertNative(library, profile.architectures);
  const standard = actionOf(profile.defaultAction, profile.defaultErrnoRet);
  const filter = library.init(standard);
  if (filter === null) throw new Error("Cannot compile the seccomp filter: libseccomp makes none");
  try {
    succeed("choose a tree", library.setAttribute(filter, ATTRIBUTE_OPTIMIZE, OPTIMIZE_TREE));
    const unknown = profile.syscalls
      // What the default does anyway is refused as a rule.
      .filter((rule) => actionOf(rule.action, rule.errnoRet) !== standard)
      .flatMap((rule) => addRule(library, { filter, rule }));
    return { base64: exportFilter(library, { filter, file }).toString("base64"), unknown };
  } finally {
    library.release(filter);
  }
}

/** The names in the rule that the library does not know. */
function addRule(library: Library, { filter, rule }: { filter: unknown; rule: OciSyscallRule }): string[] {
  const action = actionOf(rule.action, rule.errnoRet);
  const args = (rule.args ?? []).map(({ index, value, valueTwo, op }) => ({
    arg: index,
    op: comparisonOf(op),
    datum_a: value,
    datum_b: valueTwo ?? 0,
  }));
  return rule.names.filter((name) => {
    const call = library.callNumber(name);
    if (call === NO_SUCH_CALL) return true;
    succeed(`add a rule for ${name}`, library.addRule(filter, action, call, args.length, args));
    return false;
  });
}

function exportFilter(library: Library, { filter, file }: { filter: unknown; file: string }): Buffer {
  const fd = openSync(file, "wx", 0o600);
  try {
    succeed("write it", library.exportTo(filter, fd));
    return readFileSync(file);
  } finally {
    closeSync(fd);
    rmSync(file, { force: true });
  }
}

/** Loaded when asked for: where it cannot be, the daemon runs without. */
async function loadLibrary(): Promise<Library> {
  const { default: koffi } = await import("koffi");
  const library = koffi.load(LIBRARY);
  const argument = koffi.struct({ arg: "uint", op: "int", datum_a: "uint64_t", datum_b: "uint64_t" });
  return {
    init: library.func("seccomp_init", "void *", ["uint32_t"]),
    release: library.func("seccomp_release", "void", ["void *"]),
    nativeArchitecture: library.func("seccomp_arch_native", "uint32_t", []),
    architecture: library.func("seccomp_arch_resolve_name", "uint32_t", ["str"]),
    callNumber: library.func("seccomp_syscall_resolve_name", "int", ["str"]),
    addRule: library.func("seccomp_rule_add_array", "int", [
      ...["void *", "uint32_t", "int", "uint"],
      koffi.pointer(argument),
    ]),
    setAttribute: library.func("seccomp_attr_set", "int", ["void *", "int", "uint32_t"]),
    exportTo: library.func("seccomp_export_bpf", "int", ["void *", "int"]),
  };
}

/** A filter is for one architecture from its beginning; calls of another end the process. */
function assertNative(library: Library, wanted: readonly string[]): void {
  const native = library.nativeArchitecture();
  const others = wanted.filter((name) => library.architecture(architectures[name] ?? "") !== native);
  if (wanted.length === 1 && others.length === 0) return;
  throw new Error(
    `Cannot compile a seccomp filter for ${wanted.join(", ")}: wanted the machine's own architecture and no other`,
  );
}

function actionOf(name: string, errno = 0): number {
  if (name === "SCMP_ACT_ALLOW") return ACT_ALLOW;
  if (name === "SCMP_ACT_ERRNO") return ACT_ERRNO | errno;
  throw new Error(`Cannot compile a seccomp filter with ${name}: wanted SCMP_ACT_ALLOW or SCMP_ACT_ERRNO`);
}

function comparisonOf(op: string): number {
  const number = comparisons[op];
  if (number !== undefined) return number;
  throw new Error(
    `Cannot compile a seccomp filter with ${op}: wanted one of ${Object.keys(comparisons).join(", ")}`,
  );
}

/** libseccomp answers with a negated errno. */
function succeed(what: string, answer: number): void {
  if (answer < 0) throw new Error(`Cannot ${what} in the seccomp filter: libseccomp answers ${answer}`);
}
