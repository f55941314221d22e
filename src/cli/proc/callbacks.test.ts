import assert from "node:assert/strict";
import { test } from "node:test";
import { startCli } from "../../../test/fakes/cli-call.ts";

test("callbacks lists each event's delivery, also of a proc that is gone", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "abcdef12", app: "shop" });
  cli.daemon.callbacks.add("abcdef12", { seq: 3, state: "boot" });
  cli.daemon.callbacks.add("abcdef12", {
    seq: 7,
    status: "given-up",
    attempts: 12,
    lastWord: "ECONNREFUSED",
  });
  cli.daemon.callbacks.add("abcdef12", { seq: 12, status: "waiting", attempts: 0, lastWord: null });
  cli.daemon.callbacks.add("gone", { seq: 1 });

  assert.deepEqual((await cli.call("callbacks shop")).io.stdout.lines, [
    "EVENT  STATE    STATUS     TRIES  NEXT  HOST         LAST",
    "3      boot     delivered  1      -     127.0.0.1:9  status 204",
    "7      running  given-up   12     -     127.0.0.1:9  ECONNREFUSED",
    "12     running  waiting    0      -     127.0.0.1:9  -",
  ]);
  const listed: { seq: number }[] = JSON.parse((await cli.call("callbacks gone --json")).out);
  assert.deepEqual(
    listed.map(({ seq }) => seq),
    [1],
  );
  const nobody = await cli.call("callbacks nobody");
  assert.deepEqual(
    [nobody.code, nobody.err],
    [1, 'sharku: Cannot find proc "nobody": there is none of that id\n'],
  );
});

test("callbacks --replay has them made again", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  for (const seq of [3, 7, 12]) cli.daemon.callbacks.add("a", { seq });

  const { code, out, err } = await cli.call("callbacks a --replay --from 7");
  assert.deepEqual([code, out, err], [0, "", "2 callbacks are made again\n"]);
  assert.deepEqual(JSON.parse((await cli.call("callbacks a --replay --to 3 --json")).out), { seqs: [3] });
  assert.equal((await cli.call("callbacks a --from 7")).code, 2);
});

test("events says what is kept no more, and picks by app and type", async () => {
  await using cli = await startCli();
  cli.daemon.addProc({ id: "a" });
  cli.daemon.end("a", { code: 0 });
  cli.daemon.gap = { from: 1, to: 41 };

  assert.deepEqual((await cli.call("events")).io.stdout.lines[0], "    -  events 1 to 41 are kept no more");
  assert.deepEqual(JSON.parse((await cli.call("events --json")).io.stdout.lines[0] ?? ""), {
    gap: { from: 1, to: 41 },
  });
  assert.equal((await cli.call("events --app shop --type proc.state")).code, 0);
  assert.equal(cli.daemon.requests.at(-1)?.url, "/v1/events?follow=false&app=shop&type=proc.state");
  assert.equal((await cli.call("events --type nothing")).code, 2);
});
