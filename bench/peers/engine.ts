import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { makeFetch } from "../../src/cli/socket-fetch.ts";
import { detectCgroups, gatherCgroups } from "../../src/host/gather-cgroups.ts";
import { Cgroups } from "../../src/isolation/cgroup.ts";
import type { OciConfig } from "../../src/isolation/oci.ts";
import { BEHIND } from "../../src/isolation/rules/template.ts";
import { pause } from "../../src/lib/clock.ts";
import { type Contender, timed } from "../measure.ts";
import { startApart } from "./apart.ts";

const READY_MS_MAX = 60_000;
const POLL_MS = 50;
const LOG_LINES = 10;
export const IMAGE = "sharku-bench:latest";
const APP_PORT = "8080/tcp";

/** What an engine is told of where to live, and what to be. */
export interface EnginePlace {
  /** Directory of its own, there already; data, socket and log lie below. */
  readonly dir: string;
  /** Name of the cgroup that all its containers are put in. */
  readonly cgroup: string;
  readonly version: string;
  /** What our daemon wrote for a proc: template and limits are taken from it. */
  readonly config: OciConfig;
}

/** A daemon that speaks Docker's Engine API, as Docker and Podman do. */
export interface Engine extends EnginePlace {
  readonly name: string;
  readonly socket: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface EngineContender extends Contender, AsyncDisposable {}

export type Call = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** Starts the engine, gives it the template, and makes a contender of its create and start. */
export async function startEngine(engine: Engine, signal: AbortSignal): Promise<EngineContender> {
  const opened = await openEngine(engine, signal);
  return {
    name: engine.name,
    what: `${engine.name} ${engine.version}, API create and start on its socket; same template, own network, published port`,
    once: () => startOnce(opened.call, engine),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

/** An engine that runs, and has the template as an image. */
export interface OpenEngine extends AsyncDisposable {
  readonly call: Call;
}

export async function openEngine(engine: Engine, signal: AbortSignal): Promise<OpenEngine> {
  await using undo = new AsyncDisposableStack();
  const cgroups = await openCgroups(engine.cgroup);
  undo.defer(async () => {
    for (const name of await cgroups.list()) await cgroups.kill(name).then(() => cgroups.remove(name));
    await cgroups.close();
  });

  const daemon = undo.use(await startApart(engine.argv, engine));

  const call = makeCall(engine.socket);
  const deadline = performance.now() + READY_MS_MAX;
  while (
    !(await call("GET", "/_ping").then(
      () => true,
      () => false,
    ))
  ) {
    signal.throwIfAborted();
    if (!daemon.isAlive() || performance.now() > deadline)
      throw new Error(`Cannot start ${engine.name}: its last words:\n${await lastWords(daemon.logFile)}`);
    await pause(POLL_MS);
  }
  await importTemplate(engine.socket, engine.config);

  const kept = undo.move();
  return { call, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function startOnce(call: Call, engine: Engine): Promise<number> {
  const body = createBody(engine);
  let id = "";
  const ms = await timed(async () => {
    id = await startContainer(call, body);
  });
  await removeRunning(call, { id, engine });
  return ms;
}

/** Creates and starts a container. */
export async function startContainer(call: Call, body: object): Promise<string> {
  const id = textField(await call("POST", "/containers/create", body), "Id");
  await call("POST", `/containers/${id}/start`);
  return id;
}

/** Removes a container. Errors: where it did not run, so that what was timed was no start. */
export async function removeRunning(
  call: Call,
  { id, engine }: { id: string; engine: Engine },
): Promise<void> {
  const seen = await call("GET", `/containers/${id}/json`);
  if (!JSON.stringify(seen).includes('"Running":true'))
    throw new Error(`Cannot measure ${engine.name}: its container does not run after start`);
  await call("DELETE", `/containers/${id}?force=true&v=true`);
}

/** The engine's defaults, but for what makes it the same job: template, network, port and limits. */
export function createBody({ config, cgroup }: Engine) {
  const { memory, pids } = config.linux.resources;
  return {
    Image: IMAGE,
    Cmd: ["sleep", "600"],
    ExposedPorts: { [APP_PORT]: {} },
    HostConfig: {
      Binds: hostBinds(config),
      PortBindings: { [APP_PORT]: [{ HostIp: "127.0.0.1", HostPort: "23080" }] },
      CgroupParent: `/${cgroup}`,
      Memory: memory?.limit ?? 0,
      PidsLimit: pids?.limit ?? 0,
    },
  };
}

/** The parts of the template that are the host's own directories: bound there too, for /usr can be many gigabytes. */
export function hostBinds(config: OciConfig): string[] {
  return templateBinds(config)
    .filter(({ source, destination }) => source === destination && source !== "/etc")
    .map(({ source, destination }) => `${source}:${destination}:ro`);
}

/** What is bound of the template, by where the app sees it. */
function templateBinds({ mounts }: OciConfig): { source: string; destination: string }[] {
  return mounts
    .filter(({ type, destination }) => type === "bind" && destination.startsWith(`${BEHIND}/`))
    .map(({ source, destination }) => ({ source, destination: destination.slice(BEHIND.length) }));
}

/** The template's skeleton with its /etc, as the engine's image. */
async function importTemplate(socket: string, config: OciConfig): Promise<void> {
  const etc = templateBinds(config).find(({ destination }) => destination === "/etc")?.source;
  if (etc === undefined) throw new Error("Cannot import the template: its bundle mounts no /etc");
  const args = ["-c", "-f", "-", "-C", config.root.path, "--exclude=./etc", ".", "-C", dirname(etc), "./etc"];
  const tar = spawn("tar", args, { stdio: ["ignore", "pipe", "inherit"] });
  await importArchive(tar.stdout, { socket, image: IMAGE });
}

/** Gives the engine a tree as an image: `name:tag`. */
export async function importArchive(
  archive: Readable,
  { socket, image }: { socket: string; image: string },
): Promise<void> {
  const [repo, tag] = image.split(":");
  const response = await makeFetch({ socketPath: socket })(
    `http://localhost/images/create?fromSrc=-&repo=${repo}&tag=${tag}`,
    {
      method: "POST",
      headers: { "content-type": "application/x-tar" },
      // Node's own web stream of bytes; its type is declared apart from the one that fetch takes.
      body: Readable.toWeb(archive) as ReadableStream<Uint8Array>,
    },
  );
  const text = await response.text();
  if (!response.ok || text.includes('"error"'))
    throw new Error(`Cannot import an image: ${response.status} ${text.trim()}`);
}

function makeCall(socket: string): Call {
  const fetch = makeFetch({ socketPath: socket });
  return async (method, path, body) => {
    const response = await fetch(`http://localhost${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Cannot call ${method} ${path}: ${response.status} ${text.trim()}`);
    return text.startsWith("{") ? JSON.parse(text) : null;
  };
}

export function textField(value: unknown, name: string): string {
  const found = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const [, text] = found.find(([key]) => key === name) ?? [];
  if (typeof text !== "string") throw new Error(`Cannot read "${name}": the engine's answer has none`);
  return text;
}

async function openCgroups(parent: string): Promise<Cgroups> {
  const { version } = await detectCgroups();
  const { mounts } = await gatherCgroups();
  const roots = mounts.filter(({ readOnly }) => !readOnly).map(({ path }) => path);
  return new Cgroups({ version, roots }, parent, pause);
}

async function lastWords(logFile: string): Promise<string> {
  return (await readFile(logFile, "utf8")).trimEnd().split("\n").slice(-LOG_LINES).join("\n");
}

/** Where an engine's socket lies; a path of a socket has 107 characters at most. */
export function socketIn(dir: string): string {
  return join(dir, "api.sock");
}
