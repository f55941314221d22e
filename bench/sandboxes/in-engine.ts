import { makeFetch } from "../../src/cli/socket-fetch.ts";
import { pause } from "../../src/lib/clock.ts";
import { PROGRAMS } from "../../test/host/archive.ts";
import { type Facts, parseFacts } from "../../test/host/probe-facts.ts";
import { type Call, type Engine, hostBinds, IMAGE, openEngine, textField } from "../peers/engine.ts";
import { environmentOf } from "./wishes.ts";

const POLL_MS = 100;
const PROBE_MS_MAX = 120_000;
const HOST_PORT = 8098;
const NEIGHBOUR_PORT = 8099;

/** The engine's daemon has a network namespace of its own, which is the host to its containers: this listens there. */
const listenBeside = `python3 -c "
import socket
server = socket.create_server(('0.0.0.0', ${HOST_PORT}))
while True: server.accept()[0].close()
" & exec "$@"`;

/** The probe in a container of the engine, with nothing said but what to run and where the template is. */
export async function probeEngine(engine: Engine, signal: AbortSignal): Promise<Facts> {
  const argv = ["sh", "-c", listenBeside, "sh", ...engine.argv];
  await using opened = await openEngine({ ...engine, argv }, signal);
  const { call } = opened;
  const server = `import socket\ns = socket.create_server(("0.0.0.0", ${NEIGHBOUR_PORT}))\nwhile True: s.accept()[0].close()`;
  const neighbour = await startContainer(call, engine, { argv: ["python3", "-c", server], env: {} });
  const address = await addressOf(call, neighbour);
  const env = environmentOf({ neighbour: `${address}:${NEIGHBOUR_PORT}`, hostPort: HOST_PORT });
  const probe = await startContainer(call, engine, { argv: ["python3", "/probe/probe.py"], env });
  await untilExited(call, probe);
  const facts = parseFacts((await logOf(engine.socket, probe)).split("\n"));
  for (const id of [probe, neighbour]) await call("DELETE", `/containers/${id}?force=true&v=true`);
  return facts;
}

async function startContainer(
  call: Call,
  { config, cgroup }: Engine,
  { argv, env }: { argv: readonly string[]; env: Readonly<Record<string, string>> },
): Promise<string> {
  const created = await call("POST", "/containers/create", {
    Image: IMAGE,
    Cmd: argv,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    HostConfig: { Binds: [...hostBinds(config), `${PROGRAMS}:/probe:ro`], CgroupParent: `/${cgroup}` },
  });
  const id = textField(created, "Id");
  await call("POST", `/containers/${id}/start`);
  return id;
}

async function untilExited(call: Call, id: string): Promise<void> {
  const deadline = performance.now() + PROBE_MS_MAX;
  while (performance.now() < deadline) {
    if (JSON.stringify(await call("GET", `/containers/${id}/json`)).includes('"Running":false')) return;
    await pause(POLL_MS);
  }
  throw new Error(`Cannot probe container "${id}": it runs on after ${PROBE_MS_MAX / 1000} s`);
}

async function addressOf(call: Call, id: string): Promise<string> {
  const seen = JSON.stringify(await call("GET", `/containers/${id}/json`));
  const address = /"IPAddress":"([\d.]+)"/.exec(seen)?.[1];
  if (address === undefined) throw new Error(`Cannot tell the address of container "${id}": it has none`);
  return address;
}

/** Its standard output: Docker's framing has eight bytes before each piece, the last four of them its length. */
async function logOf(socketPath: string, id: string): Promise<string> {
  const url = `http://localhost/containers/${id}/logs?stdout=1&stderr=1`;
  const bytes = Buffer.from(
    await (await makeFetch({ socketPath })(url, { method: "GET", headers: {} })).arrayBuffer(),
  );
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    pieces.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces).toString("utf8");
}
