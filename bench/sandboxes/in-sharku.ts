import { once } from "node:events";
import { createServer } from "node:net";
import type { OciConfig } from "../../src/isolation/oci.ts";
import { tryCommand } from "../../src/lib/run-command.ts";
import { PROGRAMS, packDirectory } from "../../test/host/archive.ts";
import { type Facts, parseFacts } from "../../test/host/probe-facts.ts";
import { linesOf, runProc, untilExited, untilLine } from "../../test/host/proc-calls.ts";
import { pidsOfProc } from "../../test/host/processes.ts";
import type { OwnDaemon } from "../own-daemon.ts";
import { readOnlyBundle } from "../peers/crun.ts";
import { environmentOf } from "./wishes.ts";

/** The probe in a proc as it comes; and the bundle of a proc, of which the others' templates are made. */
export async function probeSharku(daemon: OwnDaemon): Promise<{ config: OciConfig; facts: Facts }> {
  const { client, runDir } = daemon;
  const listener = createServer((socket) => socket.end()).listen(0, "0.0.0.0");
  await once(listener, "listening");
  try {
    const image = (await client.pushImage(await packDirectory(PROGRAMS))).digest;
    const other = await runProc(client, { image, command: ["python3", "obey.py"] });
    await untilLine(client, other.id, /^ready$/);
    const config = await readOnlyBundle(runDir);
    const host = listener.address();
    const env = environmentOf({
      neighbour: `${await addressOf(other.id)}:${other.port}`,
      hostPort: typeof host === "object" ? (host?.port ?? 0) : 0,
    });
    const { id } = await runProc(client, { image, command: ["python3", "probe.py"], config: env });
    await untilExited(client, id);
    return { config, facts: parseFacts(await linesOf(client, id)) };
  } finally {
    listener.close();
  }
}

/** Its address on the bridge, as its own network namespace tells. */
async function addressOf(procId: string): Promise<string> {
  const [pid] = await pidsOfProc(procId);
  const argv = ["nsenter", "--target", String(pid), "--net", "ip", "-4", "-brief", "address", "show", "eth0"];
  const { stdout } = await tryCommand(argv);
  return /(\d+\.){3}\d+/.exec(stdout)?.[0] ?? "";
}
