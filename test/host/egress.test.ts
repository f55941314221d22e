import assert from "node:assert/strict";
import { test } from "node:test";
import { PROGRAMS, packDirectory } from "./archive.ts";
import { startDaemon } from "./harness.ts";
import { knock, openOutsideHost } from "./outside-host.ts";
import { parseFacts } from "./probe-facts.ts";
import { linesOf, runProc, untilExited } from "./proc-calls.ts";

/** Link-local, where clouds keep their metadata; private networks; the carriers' own. */
const notPublic = ["169.254.169.254", "192.168.231.1", "172.20.231.1", "100.100.100.200"];

/** Two of the public internet, as far as this host's routes tell. */
const publicOnes = ["11.22.33.44", "93.184.216.34"];

test("a proc reaches the public internet and no private network, whatever the host can reach", async () => {
  await using daemon = await startDaemon();
  await using outside = await openOutsideHost([...notPublic, ...publicOnes]);
  const { client } = daemon;
  const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
  for (const address of outside.addresses) assert.equal(await knock(address), "outside", address);

  const config = { PROBE_PEERS: outside.addresses.map((address) => `${address}:80`).join(",") };
  const { id } = await runProc(client, { image, command: ["python3", "probe.py"], config });
  await untilExited(client, id);
  const { reached } = parseFacts(await linesOf(client, id));
  for (const address of publicOnes) assert.equal(reached[`${address}:80`], "ok", address);
  // Told at once by the firewall, not found out by waiting.
  for (const address of notPublic) assert.equal(reached[`${address}:80`], "EHOSTUNREACH", address);
});
