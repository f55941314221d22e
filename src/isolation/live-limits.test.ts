import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SharkuError } from "../contract/errors.ts";
import { defaultLimits } from "../contract/proc.ts";
import { assertFits, limitWrites } from "./live-limits.ts";

const MIB = 2 ** 20;
const limits = { ...defaultLimits, memoryBytes: 64 * MIB, cpus: 0.5, pids: 9 };

describe("limitWrites()", () => {
  it("names the files of cgroup v2", () => {
    assert.deepEqual(limitWrites(limits, { layout: "v2", swapAccounting: true, raises: true }), [
      { file: "memory.max", value: "67108864" },
      { file: "pids.max", value: "9" },
      { file: "cpu.max", value: "50000 100000" },
    ]);
  });

  it("takes a quota of the CPU away", () => {
    const unbounded = { ...limits, cpus: null };
    const v2 = limitWrites(unbounded, { layout: "v2", swapAccounting: false, raises: false });
    assert.equal(v2.at(-1)?.value, "max 100000");
    const v1 = limitWrites(unbounded, { layout: "v1", swapAccounting: false, raises: false });
    assert.equal(v1.at(-1)?.value, "-1");
  });

  it("never lets memory with swap be below memory alone on v1", () => {
    const files = (raises: boolean) =>
      limitWrites(limits, { layout: "v1", swapAccounting: true, raises })
        .map(({ file }) => file)
        .slice(0, 2);
    assert.deepEqual(files(true), ["memory.memsw.limit_in_bytes", "memory.limit_in_bytes"]);
    assert.deepEqual(files(false), ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]);
  });

  it("leaves swap alone where the kernel does not count it", () => {
    const writes = limitWrites(limits, { layout: "v1", swapAccounting: false, raises: false });
    assert.ok(writes.every(({ file }) => !file.includes("memsw")));
  });
});

describe("assertFits()", () => {
  it("lets a limit be raised, and lowered to what leaves room", () => {
    assertFits(100, { limitBytes: 50, usedBytes: 50 });
    assertFits(100, { limitBytes: 200, usedBytes: 90 });
    assertFits(100, { limitBytes: null, usedBytes: 500 });
  });

  it("refuses one below what is in use", () => {
    assert.throws(
      () => assertFits(100, { limitBytes: 200, usedBytes: 150 }),
      (error) =>
        error instanceof SharkuError && error.code === "limit-in-use" && /150 bytes/.test(error.message),
    );
  });
});
