import { once } from "node:events";
import type { ServerResponse } from "node:http";
import Value from "typebox/value";
import type { TemplateDoor } from "../../src/api/needs.ts";
import { SharkuError, toProblem } from "../../src/contract/errors.ts";
import type { Proc } from "../../src/contract/proc.ts";
import { type BuildRecord, type Template, TemplateSpec } from "../../src/contract/template.ts";

/**
 * The templates of the fake daemon. Every build ends well at once, but for these: the suites `no-such` and `failing`
 * and the directory `/faulty` go wrong, each in its way, and the suite `endless` goes on until its caller has gone.
 */
export class FakeTemplates {
  /** Builds whose callers went away. */
  abandoned = 0;
  readonly #templates = new Map([["host", fakeTemplate({ name: "host" })]]);

  list(): Template[] {
    return [...this.#templates.values()];
  }

  get(name: string): Template {
    const template = this.#templates.get(name);
    if (template) return template;
    throw new SharkuError("template-not-found", `Cannot find template "${name}": there is none of that name`);
  }

  add(fields: Partial<Template> & { name: string }): Template {
    const template = fakeTemplate({ kind: "debootstrap", ...fields });
    this.#templates.set(template.name, template);
    return template;
  }

  /** Tells of two phases, then of the template or of what went wrong. */
  build(spec: unknown, response: ServerResponse): void {
    if (!Value.Check(TemplateSpec, spec))
      throw new SharkuError(
        "invalid-request",
        `Cannot build a template: ${JSON.stringify(spec)} does not fit`,
      );
    const { name, debootstrap, directory, from } = spec;
    if (directory?.path === "/faulty") throw faultyDirectory();
    if (this.#templates.has(name) && !spec.replace)
      throw new SharkuError("template-exists", `Cannot build template "${name}": there is one of that name`);
    const records: BuildRecord[] = [
      { progress: { phase: "downloading", percent: 10, message: "Retrieving libc6" } },
      { progress: { phase: "installing", percent: 60, message: "Installing libc6" } },
    ];
    const failure = failureOf(debootstrap?.suite ?? "");
    if (failure !== null) records.push({ problem: toProblem(failure) });
    else if (debootstrap?.suite !== "endless") {
      const kind = debootstrap ? "debootstrap" : directory ? "directory" : from ? "from" : "archive";
      records.push({ template: this.add({ name, kind }) });
    }
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.write(records.map((record) => `${JSON.stringify(record)}\n`).join(""));
    if (debootstrap?.suite !== "endless") response.end();
    else
      response.on("close", () => {
        this.abandoned += 1;
      });
  }

  remove(name: string, entries: ReadonlyMap<string, { readonly proc: Proc }>): void {
    const procs = [...entries.values()].filter(({ proc }) => proc.template === name).length;
    if (this.get(name).kind === "host")
      throw new SharkuError("template-built-in", `Cannot remove template "${name}": it is part of Sharku`);
    if (procs > 0)
      throw new SharkuError("template-in-use", `Cannot remove template "${name}": ${procs} procs use it`);
    this.#templates.delete(name);
  }
}

/** One fault is told in the message, the other is not. */
function faultyDirectory(): SharkuError {
  const faults = [
    { pointer: "/directory/binds/1/source", detail: "is not there" },
    { pointer: "/directory/path", detail: "is no root" },
  ];
  const message = 'Cannot use directory "/faulty": /directory/binds/1/source is not there';
  return new SharkuError("invalid-request", message, { faults });
}

function failureOf(suite: string): SharkuError | null {
  if (suite === "no-such") return new SharkuError("unknown-suite", 'Cannot find suite "no-such"');
  if (suite !== "failing") return null;
  const said = "W: Failure; E: \u001b[31mno space\u001b[0m";
  return new SharkuError("build-failed", `Cannot build: debootstrap stopped: ${said}`);
}

/** What the calls are answered from: as many procs use "busy" as it takes to keep it, and "broken" fails late. "scripted" says three words at once. */
export const fakeTemplateDoor: TemplateDoor = {
  list: () => [fakeTemplate({ name: "host" })],
  get: (name) => {
    if (name === "host") return fakeTemplate({ name });
    throw new SharkuError("template-not-found", `Cannot find template "${name}": there is none of that name`);
  },
  create: async ({ name, replace }, { onProgress, signal }) => {
    if (name === "taken" && !replace) throw new SharkuError("template-exists", "Cannot build: it is taken");
    onProgress({ phase: "checking", percent: 0, message: "looking" });
    await new Promise((resolve) => setImmediate(resolve));
    if (name === "endless") await once(signal, "abort");
    for (const message of name === "scripted" ? ["one", "one", "two"] : [])
      onProgress({ phase: "running", percent: 85, message });
    if (name === "broken") throw new SharkuError("build-failed", "Cannot build: it broke");
    return fakeTemplate({ name, kind: "debootstrap" });
  },
  takeArchive: async (name, stream, { replace }) => {
    let bytes = 0;
    for await (const chunk of stream) bytes += chunk.length;
    return fakeTemplate({ name, kind: "archive", bytes, description: `replace: ${replace}` });
  },
  remove: async (name) => {
    if (name === "busy") throw new SharkuError("template-in-use", "Cannot remove: a proc uses it");
  },
};

export function fakeTemplate(fields: Partial<Template> & { name: string }): Template {
  const isHost = fields.name === "host";
  return {
    kind: "host",
    state: "ready",
    version: "v1",
    description: isHost ? "the host's own /usr" : "made by a fake",
    arch: "amd64",
    createdAt: "2026-01-01T00:00:00.000Z",
    bytes: isHost ? null : 200_000_000,
    files: isHost ? null : 9000,
    source: {},
    checks: [{ name: "shell", status: "ok", found: "/bin/sh runs" }],
    versions: [{ version: "v1", createdAt: "2026-01-01T00:00:00.000Z", procs: 0 }],
    procs: 0,
    build: null,
    ...fields,
  };
}
