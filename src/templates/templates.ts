import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { SharkuError } from "../contract/errors.ts";
import type { Template } from "../contract/template.ts";
import type { TemplateFiles, Templates } from "../procs/needs.ts";
import { HOST, makeHostTemplate, makeSearchableDir } from "./host-template.ts";

/**
 * The templates: the read-only root filesystems that procs stand on. So far there is one, `host`, made of the
 * host's own /usr and an /etc of ours. It does not mount anything: it says which directories to bind where.
 *
 * INVARIANTS
 * - `<dir>/<name>/<version>/` appears by one rename, and is never changed again: a running proc sees it.
 * - The version names the content.
 * - Of the host, a template shows /usr (and /bin, /lib … where they are no links into it), and in /etc only what
 *   is listed in host-etc.ts and readable for everybody.
 */
export interface TemplateRoom extends Templates {
  list(): Template[];
  /** Errors: `template-not-found`. */
  get(name: string): Template;
  create(): Promise<Template>;
  takeArchive(): Promise<Template>;
  remove(name: string): Promise<void>;
}

export interface TemplatesOptions {
  /** Directory of the room's own; made where it is missing. Those above it must be searchable by others. */
  readonly dir: string;
  /** The host whose files the template `host` is made of; another than `/` in tests. */
  readonly hostRoot?: string;
}

export async function openTemplates({ dir, hostRoot = "/" }: TemplatesOptions): Promise<TemplateRoom> {
  await makeSearchableDir(dir);
  await makeSearchableDir(join(dir, HOST));
  const host: TemplateFiles = await makeHostTemplate({ dir, hostRoot });
  return {
    find: (name) => (name === HOST ? host : null),
    list: () => [describeHost(host)],
    get: (name) => (name === HOST ? describeHost(host) : notFound(name)),
    create: async () => notBuilt(),
    takeArchive: async () => notBuilt(),
    remove: async () => notBuilt(),
    async sweep(versionsInUse) {
      const kept = new Set([host.version, ...versionsInUse]);
      const old = (await readdir(join(dir, HOST))).filter((version) => !kept.has(version));
      for (const version of old) await rm(join(dir, HOST, version), { recursive: true, force: true });
    },
  };
}

function notFound(name: string): never {
  throw new SharkuError(
    "template-not-found",
    `Cannot find template "${name}": there is none of that name, GET /v1/templates lists them`,
  );
}

function notBuilt(): never {
  throw new SharkuError("template-built-in", "Cannot change templates: this daemon has only its own");
}

function describeHost({ version }: TemplateFiles): Template {
  return {
    name: HOST,
    kind: "host",
    state: "ready",
    version,
    description: "The host's own /usr, with an /etc of its own",
    arch: null,
    createdAt: null,
    bytes: null,
    files: null,
    source: {},
    checks: [],
    versions: [],
    procs: 0,
    build: null,
  };
}
