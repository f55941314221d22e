import type { Df } from "../../src/contract/df.ts";

const GIB = 2 ** 30;

/** What a daemon holds that has two images and a proc. */
export const fakeDf = {
  at: "2026-01-01T00:00:00.000Z",
  stateBytes: 3 * GIB,
  runBytes: 4096,
  held: [
    {
      kind: "images",
      ...{ count: 2, inUse: 1, bytes: 2 * GIB, freeableBytes: GIB },
      items: [
        { name: `sha256:${"a".repeat(64)}`, bytes: GIB, inUse: true, note: "1 proc" },
        { name: `sha256:${"b".repeat(64)}`, bytes: GIB, inUse: false, note: "free" },
      ],
    },
    { kind: "uploads", ...{ count: 0, inUse: 0, bytes: 0, freeableBytes: 0 } },
    {
      kind: "logs",
      ...{ count: 1, inUse: 0, bytes: GIB, freeableBytes: 1024 },
      items: [{ name: "odd\u001b[31m", bytes: 1024, inUse: false }],
    },
    { kind: "run-files", ...{ count: 1, inUse: 1, bytes: 4096, freeableBytes: 0 } },
  ],
  fileSystems: [
    { path: "/var/lib/sharku", totalBytes: 10 * GIB, freeBytes: GIB, files: 1000, freeFiles: 500 },
  ],
  collection: {
    ...{ high: 0.85, low: 0.8, graceMs: 600_000, excessBytes: GIB, excessFiles: 0, shortage: null },
  },
} satisfies Df;
