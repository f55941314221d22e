import assert from "node:assert/strict";
import type { ApiNeeds } from "../../src/api/needs.ts";

/** For tests that ask for no figures. */
export const noFigures: Pick<ApiNeeds, "figures" | "capacity"> = {
  figures: {
    one: () => assert.fail("not asked for"),
    all: () => assert.fail("not asked for"),
    follow: () => assert.fail("not asked for"),
    followAll: () => assert.fail("not asked for"),
  },
  capacity: () => assert.fail("not asked for"),
};
