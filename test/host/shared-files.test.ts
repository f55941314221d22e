import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { test } from "node:test";
import type { Rule } from "../../src/isolation/bundle.ts";
import { sandboxRules } from "../../src/isolation/rules/rules.ts";
import { templateRule, veiledTemplateRule } from "../../src/isolation/rules/template.ts";
import { tryCommand } from "../../src/lib/run-command.ts";
import { type Lab, openLab } from "./lab.ts";

/** Files that the host opens too: what a proc does to its view of them is nothing to the host. */
const LOCKED = "/usr/bin/env";
const WATCHED = "/usr/bin/true";

test("a proc neither holds up nor overhears those who use the files of its template", async (context) => {
  await using lab = await openLab();

  await context.test("as it is", async () => {
    assert.deepEqual(await eavesdrop(lab, sandboxRules), { lockOfHost: "granted", said: "heard nothing" });
  });

  await context.test("the control: where the files are bound without a veil, it does both", async () => {
    const bare = sandboxRules.map((rule) => (rule === veiledTemplateRule ? templateRule : rule));
    assert.notDeepEqual(bare, sandboxRules);
    assert.deepEqual(await eavesdrop(lab, bare), { lockOfHost: "refused", said: "heard it" });
  });
});

/** What the proc heard, and whether the host ever missed the lock, while the host took it and opened the other file. */
async function eavesdrop(lab: Lab, rules: readonly Rule[]): Promise<{ lockOfHost: string; said: string }> {
  const host = { over: false, refused: 0, granted: 0 };
  const using = (async () => {
    while (!host.over) {
      const { code } = await tryCommand(["flock", "--nonblock", LOCKED, "true"]);
      host[code === 0 ? "granted" : "refused"] += 1;
      await (await open(WATCHED)).close();
    }
  })();
  const { lines, stderr } = await lab.run({ argv: ["python3", "eavesdrop.py", LOCKED, WATCHED], rules });
  host.over = true;
  await using;
  assert.ok(host.granted + host.refused > 5);
  return { lockOfHost: host.refused > 0 ? "refused" : "granted", said: lines[0] ?? stderr };
}
