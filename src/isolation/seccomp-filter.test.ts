import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { arch } from "node:process";
import { describe, it } from "node:test";
import type { OciSyscallRule } from "./oci.ts";
import { seccompProfile, soundRules } from "./rules/seccomp.ts";
import { compileFilter } from "./seccomp-filter.ts";

const architecture = arch === "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";

/** Calls that are younger than some libseccomp in use. Without them a name that is misspelt would go unseen. */
const younger = [
  ...["cachestat", "fchmodat2", "futex_requeue", "futex_wait", "futex_wake", "listmount", "map_shadow_stack"],
  ...["mseal", "set_mempolicy_home_node", "statmount"],
];

async function compile(profile: Parameters<typeof compileFilter>[0]) {
  const dir = await mkdtemp(join(tmpdir(), "sharku-filter-"));
  try {
    const compiled = await compileFilter(profile, join(dir, "filter"));
    assert.deepEqual(await readdir(dir), [], "the file is gone");
    return compiled;
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe("compileFilter()", () => {
  it("makes a program of whole instructions, the same each time", async () => {
    const [first, second] = [
      await compile(seccompProfile(architecture)),
      await compile(seccompProfile(architecture)),
    ];
    const bytes = Buffer.from(first.base64, "base64").length;
    assert.ok(bytes > 800 && bytes % 8 === 0, `${bytes} bytes`);
    assert.equal(first.base64, second.base64);
  });

  it("tells of the names that libseccomp does not know, which are none but young ones", async () => {
    const { unknown } = await compile(seccompProfile(architecture));
    assert.deepEqual(
      unknown.filter((name) => !younger.includes(name)),
      [],
    );
    const profile = seccompProfile(architecture);
    const misspelt = { names: ["opennat"], action: "SCMP_ACT_ALLOW" };
    const seen = await compile({ ...profile, syscalls: [...profile.syscalls, misspelt] });
    assert.deepEqual(seen.unknown, [...unknown, "opennat"]);
  });

  it("refuses another machine's architecture, and what it cannot say", async () => {
    const foreign = arch === "arm64" ? "SCMP_ARCH_X86_64" : "SCMP_ARCH_AARCH64";
    await assert.rejects(compile(seccompProfile(foreign)), /wanted the machine's own architecture/);
    const profile = seccompProfile(architecture);
    await assert.rejects(
      compile({ ...profile, defaultAction: "SCMP_ACT_TRAP" }),
      /with SCMP_ACT_TRAP: wanted/,
    );
  });
});

describe("soundRules()", () => {
  const allow = (names: string[], value?: number): OciSyscallRule => ({
    names,
    action: "SCMP_ACT_ALLOW",
    ...(value === undefined ? {} : { args: [{ index: 0, value, op: "SCMP_CMP_EQ" }] }),
  });

  it("takes several conditions for one call", () => {
    assert.equal(soundRules([allow(["socket"], 1), allow(["socket"], 2), allow(["read"])]).length, 3);
  });

  const wrong: readonly (readonly OciSyscallRule[])[] = [
    [allow(["read", "read"])],
    [allow(["read"]), allow(["write", "read"])],
    [allow(["socket"], 1), allow(["socket"], 1)],
    [allow(["socket"], 1), allow(["socket"])],
    [allow(["socket"]), allow(["socket"], 1)],
  ];
  for (const [index, rules] of wrong.entries()) {
    it(`refuses two answers to one call (${index + 1})`, () => {
      assert.throws(() => soundRules(rules), /there are two rules for "(read|socket)"/);
    });
  }
});
