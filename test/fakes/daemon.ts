import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import Value from "typebox/value";
import type { Df } from "../../src/contract/df.ts";
import { SharkuError, toProblem } from "../../src/contract/errors.ts";
import type { Event, LogRecord } from "../../src/contract/event.ts";
import { noChecks } from "../../src/contract/health.ts";
import { type Exit, type Limits, type Proc, ProcSpec } from "../../src/contract/proc.ts";
import { type RouteName, routes } from "../../src/contract/routes.ts";
import { finalStates } from "../../src/contract/states.ts";
import { blankProc } from "./blank-proc.ts";
import { FakeCallbacks } from "./callbacks.ts";
import { fakeDf } from "./df.ts";
import { answerAllStats, fakeCapacity, fakeStats } from "./figures.ts";
import { answerPush, FakeImages } from "./images.ts";
import { fakeInfo } from "./info.ts";
import { matchRoute } from "./match-route.ts";
import { FakeTemplates } from "./templates.ts";

/**
 * A daemon in memory that speaks the contract over real HTTP, for tests of what talks to one. Its procs are told
 * by their command what to do: `print A`, `exit 3`, `missing` (fails to start), `never` (stays in boot), `deaf` (is not
 * ready in time),
 * anything else runs until stopped, and where the word `stubborn` is in it, only a stop without grace ends it.
 */
export class FakeDaemon {
  readonly requests: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[] =
    [];
  readonly images = new FakeImages();
  readonly templates = new FakeTemplates();
  readonly entries = new Map<string, { proc: Proc; lines: LogRecord[] }>();
  readonly journal: Event[] = [];
  readonly callbacks = new FakeCallbacks();
  /** What every stream of events tells of first. */
  gap: { from: number; to: number } | null = null;
  readonly token: string | null;
  /** Refuses every call, as a daemon does that is finding its procs again. */
  isStartingUp = false;
  df: Df = fakeDf;
  /** What every proc uses of its memory. */
  usedBytes = 0;
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #lastTime = Date.parse("2026-01-01T00:00:00Z");
  #nextId = 1;

  private constructor(token: string | null) {
    this.token = token;
  }

  static async listen(
    on: { socketPath: string } | { port: 0 },
    token: string | null = null,
  ): Promise<FakeDaemon> {
    const daemon = new FakeDaemon(token);
    daemon.#server.listen("socketPath" in on ? { path: on.socketPath } : { port: 0, host: "127.0.0.1" });
    await once(daemon.#server, "listening");
    return daemon;
  }

  get baseUrl(): string {
    const address = this.#server.address();
    if (typeof address === "string" || address === null) return "http://localhost";
    return `http://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Cuts every connection, as a daemon that dies does. */
  cutConnections(): void {
    this.#server.closeAllConnections();
  }

  addProc(fields: Partial<Proc> & { id: string }): Proc {
    const proc: Proc = { ...blankProc(fields.id, () => this.#tick()), ...fields };
    this.entries.set(proc.id, { proc, lines: [] });
    this.#changes.emit("change");
    return proc;
  }

  addLine(id: string, line: string, fields: Partial<LogRecord> = {}): void {
    const lines = this.#entry(id).lines;
    lines.push({ time: this.#tick(), stream: "stdout", line, cursor: String(lines.length + 1), ...fields });
    this.#changes.emit("change");
  }

  end(id: string, exit: Partial<Exit> = {}): void {
    const reason = exit.reason ?? (exit.code ? "crashed" : "completed");
    const at = this.#tick();
    const full: Exit = { code: 0, signal: null, oom: false, killed: false, message: "", at, reason, ...exit };
    const state = ["completed", "stopped"].includes(reason) ? "done" : "fail";
    this.update(id, { state, exit: full, exitedAt: at });
  }

  update(id: string, fields: Partial<Proc>, type: Event["type"] = "proc.state"): Proc {
    const entry = this.#entry(id);
    entry.proc = { ...entry.proc, ...fields };
    const seq = this.journal.length + 1;
    const time = this.#tick();
    this.journal.push({ seq, id: `e${seq}`, type, time, procId: id, proc: entry.proc });
    this.#changes.emit("change");
    return entry.proc;
  }

  #entry(id: string) {
    const entry = this.entries.get(id);
    if (!entry) throw new SharkuError("proc-not-found", `Cannot find proc "${id}": there is none of that id`);
    return entry;
  }

  #tick(): string {
    this.#lastTime += 1000;
    return new Date(this.#lastTime).toISOString();
  }

  #create(id: string, body: string): Proc {
    const spec: unknown = JSON.parse(body);
    if (!Value.Check(ProcSpec, spec))
      throw new SharkuError(
        "invalid-request",
        `Cannot create a proc: ${JSON.stringify(Value.Errors(ProcSpec, spec))}`,
      );
    const image = spec.image ? this.images.get(String(spec.image)) : undefined;
    const command = spec.command ?? image?.processes[spec.process ?? ""] ?? "serve";
    const text = typeof command === "string" ? command : command.join(" ");
    this.addProc({
      id,
      app: spec.app,
      name: spec.name,
      state: "boot",
      startedAt: null,
      health: { ...noChecks, startup: spec.health?.startup ? { timeoutMs: 60_000 } : null },
      command,
      process: spec.process ?? null,
      configNames: Object.keys(spec.config ?? {}),
      image: image ? { ref: image.digest, digest: image.digest, bytes: image.bytes } : null,
    });
    setImmediate(() => this.#play(id, text));
    return this.#entry(id).proc;
  }

  #play(id: string, command: string): void {
    if (command.startsWith("missing")) {
      this.end(id, { code: 127, reason: "command", message: `the program "missing" cannot be found` });
      return;
    }
    if (command.startsWith("never")) return;
    const isChecked = this.#entry(id).proc.health.startup !== null;
    const startedAt = this.#tick();
    this.update(id, {
      state: "running",
      startedAt,
      ready: !isChecked,
      readyAt: isChecked ? null : startedAt,
    });
    if (command.startsWith("deaf")) {
      const message = "It took no connection on its PORT within 60 s";
      this.end(id, { code: 0, reason: "boot-timeout", message, logTail: ["I listen to nobody"] });
      return;
    }
    if (isChecked) this.update(id, { ready: true, readyAt: this.#tick() }, "proc.ready");
    const [verb, ...words] = command.split(" ");
    if (verb === "print") this.addLine(id, words.join(" "));
    if (verb === "print" || verb === "exit") this.end(id, { code: verb === "exit" ? Number(words[0]) : 0 });
  }

  #changeLimits(id: string, limits: Partial<Limits>): Proc {
    const { proc } = this.#entry(id);
    if (finalStates.includes(proc.state))
      throw new SharkuError("proc-ended", `Cannot change the limits of proc "${id}": it has ended`);
    if (limits.memoryBytes !== undefined && limits.memoryBytes < this.usedBytes)
      throw new SharkuError("limit-in-use", `Cannot lower memoryBytes: ${this.usedBytes} bytes are in use`);
    return this.update(id, { limits: { ...proc.limits, ...limits } }, "proc.changed");
  }

  #stop(id: string, graceMs: number): Proc {
    const { proc } = this.#entry(id);
    if (finalStates.includes(proc.state)) return proc;
    this.update(id, { state: "stopping" });
    const isStubborn = String(proc.command).includes("stubborn");
    if (isStubborn && graceMs > 0) return this.#entry(id).proc;
    setImmediate(() => {
      if (graceMs > 0) this.addLine(id, "goodbye");
      const killed = graceMs === 0;
      this.end(id, { code: killed ? 137 : 143, reason: "stopped", killed, message: "stopped as asked" });
    });
    return this.#entry(id).proc;
  }

  #restart(id: string): Proc {
    const { proc } = this.#entry(id);
    if (finalStates.includes(proc.state))
      throw new SharkuError("proc-ended", `Cannot restart proc "${id}": it has ended`);
    return this.update(id, { restarts: proc.restarts + 1, nextRestartAt: null, state: "running" });
  }

  #signal(id: string, signal: string): Proc {
    const { proc } = this.#entry(id);
    if (proc.state !== "running")
      throw new SharkuError("proc-not-running", `Cannot send ${signal} to proc "${id}": it is ${proc.state}`);
    this.addLine(id, `got ${signal}`);
    return proc;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://fake");
    try {
      const { name, params } = matchRoute(request.method ?? "GET", url.pathname);
      const isOpen = "open" in routes[name];
      if (this.token !== null && !isOpen && request.headers.authorization !== `Bearer ${this.token}`)
        throw new SharkuError("unauthorized", "Cannot take the call: a token is needed");
      const chunks: Buffer[] = await Array.fromAsync(request);
      const bytes = Buffer.concat(chunks);
      const { method = "", headers } = request;
      const body = bytes.toString("utf8");
      this.requests.push({ method, url: request.url ?? "", headers, body });
      if (this.isStartingUp)
        throw new SharkuError("starting-up", "Cannot take the call: the fake is starting");
      const [status, reply] = await this.#handle({
        name,
        params,
        query: url.searchParams,
        accept: request.headers.accept ?? "",
        bytes,
        body,
        response,
      });
      if (reply === undefined) return;
      response.writeHead(status, { "content-type": "application/json" });
      response.end(status === 204 ? undefined : JSON.stringify(reply));
    } catch (error) {
      const known = error instanceof SharkuError ? error : new SharkuError("internal", String(error));
      response.writeHead(known.status, { "content-type": "application/problem+json" });
      response.end(JSON.stringify(toProblem(known)));
    }
  }

  async #handle(call: Call): Promise<[status: number, reply: unknown]> {
    const { params, query, body, response } = call;
    const id = params["id"] ?? "";
    switch (call.name) {
      case "createProc":
        return [201, this.#create(`p${String(this.#nextId++).padStart(3, "0")}`, body)];
      case "putProc":
        return this.entries.has(id) ? [200, this.#entry(id).proc] : [201, this.#create(id, body)];
      case "listProcs":
        return [200, this.#page(query)];
      case "getProc":
        return [200, this.#entry(id).proc];
      case "patchProc":
        return [200, this.#changeLimits(id, JSON.parse(body).limits)];
      case "stopProc":
        return [202, this.#stop(id, JSON.parse(body).graceMs ?? 30_000)];
      case "restartProc":
        return [202, this.#restart(id)];
      case "signalProc":
        return [202, this.#signal(id, JSON.parse(body).signal)];
      case "deleteProc":
        this.#stop(id, Number(query.get("graceMs") ?? 30_000));
        setTimeout(() => this.entries.delete(id), 60);
        return [202, this.#entry(id).proc];
      case "waitProc":
        return [200, await this.#wait(id, query)];
      case "procLogs":
        return [200, await this.#streamLog(id, call)];
      case "events":
      case "procEvents":
        this.#tellEvents(response);
        return [200, undefined];
      case "procCallbacks":
        return [200, this.callbacks.list(id, query)];
      case "replayCallbacks":
        return [202, this.callbacks.replay(id, JSON.parse(body))];
      case "pushImage":
        return answerPush(call, this.images.takeIn(call.bytes, this.#tick()));
      case "listImages":
        return [200, { items: [...this.images.values()], next: null, seq: 0 }];
      case "imageFiles":
        return [200, { items: this.images.files.get(params["digest"] ?? "") ?? [], next: null }];
      case "patchImage":
        return [200, this.images.patch(params["digest"] ?? "", JSON.parse(body))];
      case "pruneImages":
        return [200, this.images.prune(JSON.parse(body))];
      case "deleteImage":
        this.images.delete(params["digest"] ?? "");
        return [204, null];
      default:
        return this.#handleRest(call);
    }
  }

  #handleRest(call: Call): [status: number, reply: unknown] {
    const { params, query, body, response } = call;
    switch (call.name) {
      case "listTemplates":
        return [200, { items: this.templates.list(), next: null, seq: 0 }];
      case "getTemplate":
        return [200, this.templates.get(params["name"] ?? "")];
      case "createTemplate":
        this.templates.build(JSON.parse(body), response);
        return [200, undefined];
      case "putTemplateArchive":
        this.templates.build({ name: params["name"], replace: query.get("replace") === "true" }, response);
        return [200, undefined];
      case "deleteTemplate":
        this.templates.remove(params["name"] ?? "", this.entries);
        return [204, null];
      case "live":
      case "ready":
        return [200, { status: "ok" }];
      case "df":
        return [200, this.df];
      case "info":
        return [200, fakeInfo(this.entries.size)];
      default:
        return [200, this.#figures(call)];
    }
  }

  #figures({ name, params, query, response }: Call): unknown {
    const procs = [...this.entries.values()].map(({ proc }) => proc);
    switch (name) {
      case "procStats":
        return fakeStats(this.#entry(params["id"] ?? "").proc, { time: this.#tick(), withRates: false });
      case "allStats":
        return answerAllStats(procs, { query, response });
      case "capacity":
        return fakeCapacity;
      default:
        throw new SharkuError("no-such-call", `Cannot answer ${name}: the fake does not know it`);
    }
  }

  #tellEvents(response: ServerResponse): void {
    const records = [...(this.gap ? [{ gap: this.gap }] : []), ...this.journal];
    response.end(records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  }

  #page(query: URLSearchParams): unknown {
    const all = [...this.entries.values()].map(({ proc }) => proc);
    const fitting = all.filter(
      (proc) =>
        proc.app === (query.get("app") ?? proc.app) && proc.state === (query.get("state") ?? proc.state),
    );
    const from = Number(query.get("cursor") ?? 0);
    const to = from + Number(query.get("limit") ?? 100);
    return {
      items: fitting.slice(from, to),
      next: to < fitting.length ? String(to) : null,
      seq: this.journal.length,
    };
  }

  async #wait(id: string, query: URLSearchParams): Promise<Proc> {
    const timeout = AbortSignal.timeout(Number(query.get("timeoutMs") ?? 60_000));
    while (true) {
      // Ends with the state or the timeout.
      const { proc } = this.#entry(id);
      if (finalStates.includes(proc.state) || (query.get("until") === "running" && proc.startedAt))
        return proc;
      if (query.get("until") === "ready" && proc.readyAt !== null) return proc;
      await once(this.#changes, "change", { signal: timeout }).catch(() => {
        throw new SharkuError("wait-timeout", `Cannot wait for proc "${id}": it is ${proc.state}`);
      });
    }
  }

  async #streamLog(id: string, { query, response }: Call): Promise<undefined> {
    const entry = this.#entry(id);
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.flushHeaders();
    let sent = query.has("after") ? Number(query.get("after")) : 0;
    if (query.has("tail")) sent = Math.max(0, entry.lines.length - Number(query.get("tail")));
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    while (!gone.signal.aborted) {
      for (const line of entry.lines.slice(sent)) response.write(`${JSON.stringify(line)}\n`);
      sent = entry.lines.length;
      if (query.get("follow") !== "true" || finalStates.includes(entry.proc.state)) break;
      await once(this.#changes, "change", { signal: gone.signal }).catch(() => undefined);
    }
    response.end();
  }
}

interface Call {
  readonly name: RouteName;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly bytes: Buffer;
  readonly body: string;
  readonly accept: string;
  readonly response: ServerResponse;
}
