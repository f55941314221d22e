import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SharkuError } from "../contract/errors.ts";
import { toOperatingError, withRoom } from "./disk-errors.ts";

const noSpace = () => Object.assign(new Error("no space left on device"), { code: "ENOSPC" });

describe("withRoom()", () => {
  it("tries again as long as the disk is full and something goes, and tells each turn its number", async () => {
    const faults = [noSpace(), new SharkuError("disk-full", "Cannot: full")];
    const turns: number[] = [];
    const task = async () => {
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
      return "done";
    };
    const makeRoom = async (turn: number) => turns.push(turn) > 0;
    assert.equal(await withRoom(task, makeRoom), "done");
    assert.deepEqual(turns, [0, 1]);
  });

  it("lets the fault out where nothing can go, and any other at once", async () => {
    const full = withRoom(
      async () => {
        throw noSpace();
      },
      async () => false,
    );
    await assert.rejects(full, { code: "ENOSPC" });
    const broken = withRoom(
      async () => {
        throw new SharkuError("bad-archive", "Cannot: broken");
      },
      () => assert.fail("no room was wanted"),
    );
    await assert.rejects(broken, { code: "bad-archive" });
  });
});

describe("toOperatingError()", () => {
  it("tells a full disk and a full quota, and leaves the rest", () => {
    for (const code of ["ENOSPC", "EDQUOT"])
      assert.throws(() => toOperatingError(Object.assign(new Error("x"), { code })), { code: "disk-full" });
    const other = new Error("other");
    assert.throws(() => toOperatingError(other), other);
  });
});
