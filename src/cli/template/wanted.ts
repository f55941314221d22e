import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  type Bind,
  buildNetworks,
  Debootstrap,
  type Derivation,
  Directory,
  debootstrapVariants,
  type TemplateSpec,
} from "../../contract/template.ts";
import { TemplateName } from "../../contract/words.ts";
import type { Invocation, Options, OptionTable } from "../command.ts";
import { CliError, UsageError } from "../errors.ts";
import { readStdinText } from "../io.ts";

/** What `template create` was asked to make: all of it by one call, or of an archive's bytes. */
export type Wanted =
  | { readonly kind: "spec"; readonly spec: TemplateSpec }
  | { readonly kind: "archive"; readonly path: string };

/** Longer ones, scripts say, are not told again. */
const VALUE_CHARS_MAX = 200;

/** What a template can be made of, by the options that say so. */
const origins = ["debootstrap", "archive", "directory", "from"] as const;
type Origin = (typeof origins)[number];

export const createOptions = {
  debootstrap: { type: "string", value: "SUITE", help: "of a distribution's packages, bookworm say" },
  archive: { type: "string", value: "FILE", help: "of a root filesystem's tar, - for stdin" },
  directory: { type: "string", value: "DIR", help: "of a directory of the host, as it stands" },
  from: { type: "string", value: "NAME", help: "of another template, with --packages or --run" },
  packages: {
    type: "string",
    short: "p",
    value: "A,B",
    multiple: true,
    help: "packages to install (debootstrap, from)",
  },
  run: { type: "string", value: "FILE", help: "a script for its /bin/sh -e, - for stdin (from)" },
  network: {
    type: "string",
    value: "MODE",
    help: `what --run may reach: ${buildNetworks.join(" or ")} (default host)`,
  },
  mirror: { type: "string", value: "URL", help: "where packages come from (default: the host's)" },
  variant: {
    type: "string",
    value: "NAME",
    help: `${debootstrapVariants.join(", ")} (debootstrap; default minbase)`,
  },
  components: { type: "string", value: "A,B", multiple: true, help: "parts of the suite (debootstrap)" },
  arch: { type: "string", value: "ARCH", help: "of the processor (debootstrap; default: the host's)" },
  keyring: { type: "string", value: "FILE", help: "the keys of the suite's makers (debootstrap)" },
  bind: {
    type: "string",
    value: "SRC:DST",
    multiple: true,
    help: "a further directory of the host (directory)",
  },
  replace: { type: "boolean", help: "where the name is taken, make its next version" },
} as const satisfies OptionTable;

/** With which origins an option goes that does not go with all of them. */
const originsOf: Partial<Record<keyof typeof createOptions, readonly Origin[]>> = {
  packages: ["debootstrap", "from"],
  run: ["from"],
  network: ["from"],
  mirror: ["debootstrap"],
  variant: ["debootstrap"],
  components: ["debootstrap"],
  arch: ["debootstrap"],
  keyring: ["debootstrap"],
  bind: ["directory"],
};

/** Which option a fault of the daemon's is about, by the field that it names. */
const optionOf: Readonly<Record<string, string>> = {
  "/debootstrap/suite": "--debootstrap",
  "/directory/path": "--directory",
  "/directory/binds": "--bind",
  "/from/template": "--from",
  "/from/script": "--run",
};

/** The daemon names a field of its own, `/debootstrap/packages/0`: the option where it came from. */
export function optionAt(pointer: string): string | null {
  const [origin = "", field = ""] = pointer.split("/").slice(1);
  const known = optionOf[`/${origin}/${field}`];
  if (known !== undefined) return known;
  return Object.hasOwn(createOptions, field) ? `--${field}` : null;
}

/** The text that a fault of the daemon's is about; null where it is about something else, or a long one. */
export function valueAt(spec: TemplateSpec, pointer: string): string | null {
  let value: unknown = spec;
  for (const name of pointer.split("/").slice(1)) {
    const fields = Object.entries(value ?? {});
    value = fields.find(([field]) => field === name)?.[1];
  }
  return typeof value === "string" && value.length <= VALUE_CHARS_MAX ? value : null;
}

/** Errors: UsageError; CliError where the script cannot be read. */
export async function readWanted(call: Invocation): Promise<Wanted> {
  const { options, io } = call;
  const name = checkWord(call.args[0] ?? "", {
    what: "template name",
    schema: TemplateName,
    wanted: "a word of lower-case letters, digits, dots and dashes",
  });
  const origin = chooseOrigin(options);
  const common = { name, ...(options.flag("replace") && { replace: true }) };
  switch (origin) {
    case "archive":
      return { kind: "archive", path: options.text("archive") ?? "" };
    case "debootstrap":
      return { kind: "spec", spec: { ...common, debootstrap: readDebootstrap(options, io.cwd) } };
    case "directory":
      return { kind: "spec", spec: { ...common, directory: readDirectory(options, io.cwd) } };
    case "from":
      return { kind: "spec", spec: { ...common, from: await readDerivation(call) } };
  }
}

function chooseOrigin(options: Options): Origin {
  const [origin, another] = origins.filter((word) => options.flag(word));
  if (origin === undefined)
    throw new UsageError(
      "Cannot create a template of nothing: one of --debootstrap, --archive, --directory and --from was wanted",
    );
  if (another !== undefined)
    throw new UsageError(`Cannot take --${origin} and --${another} together: one of them was wanted`);
  for (const [option, allowed] of Object.entries(originsOf))
    if (options.flag(option) && !allowed.includes(origin))
      throw new UsageError(
        `Cannot take --${option} with --${origin}: it goes with --${allowed.join(" and --")}`,
      );
  return origin;
}

const { suite, mirror, packages, components, arch, keyring } = Debootstrap.properties;

function readDebootstrap(options: Options, cwd: string): Debootstrap {
  const wantedPackages = readPackages(options);
  const parts = readList(options, "components", {
    schema: components.items,
    wanted: "names such as main or contrib",
  });
  const variant = options.choice("variant", debootstrapVariants);
  const from = readWord(options, "mirror", {
    schema: mirror,
    wanted: "an address such as http://deb.debian.org/debian",
  });
  const processor = readWord(options, "arch", { schema: arch, wanted: "a name such as amd64" });
  const keys = readPath(options, "keyring", { cwd, schema: keyring });
  return {
    suite: readWord(options, "debootstrap", { schema: suite, wanted: "a suite such as bookworm" }) ?? "",
    ...(from !== undefined && { mirror: from }),
    ...(variant && { variant }),
    ...(wantedPackages.length > 0 && { packages: wantedPackages }),
    ...(parts.length > 0 && { components: parts }),
    ...(processor !== undefined && { arch: processor }),
    ...(keys !== undefined && { keyring: keys }),
  };
}

function readDirectory(options: Options, cwd: string): Directory {
  const binds = options.texts("bind").map((text) => readBind(text, cwd));
  const path = readPath(options, "directory", { cwd, schema: Directory.properties.path }) ?? "";
  return { path, ...(binds.length > 0 && { binds }) };
}

function readBind(text: string, cwd: string): Bind {
  const [, source, destination] = /^([^:]+):(\/[^:]*)$/.exec(text) ?? [];
  if (source !== undefined && destination !== undefined) return { source: resolve(cwd, source), destination };
  throw new UsageError(`Cannot take --bind "${text}": two paths were wanted, /opt/java:/opt/java say`);
}

async function readDerivation(call: Invocation): Promise<Derivation> {
  const { options } = call;
  const template = readWord(options, "from", { schema: TemplateName, wanted: "a template's name" }) ?? "";
  const wantedPackages = readPackages(options);
  const network = options.choice("network", buildNetworks);
  const path = options.text("run");
  if (wantedPackages.length === 0 && path === undefined)
    throw new UsageError(
      `Cannot create a template from "${template}" as it is: --packages or --run was wanted, to make it another`,
    );
  if (network && path === undefined)
    throw new UsageError("Cannot take --network without --run: it bounds what the script may reach");
  return {
    template,
    ...(wantedPackages.length > 0 && { packages: wantedPackages }),
    ...(path !== undefined && { script: await readScript(call, path) }),
    ...(network && { network }),
  };
}

async function readScript({ io }: Invocation, path: string): Promise<string> {
  const text =
    path === "-"
      ? await readStdinText(io, "a script")
      : await readFile(resolve(io.cwd, path), "utf8").catch((cause: NodeJS.ErrnoException) => {
          const what = cause.code === "ENOENT" ? "there is no such file" : cause.message;
          throw new CliError(`Cannot read script "${path}": ${what}, a script for /bin/sh was wanted`, {
            cause,
          });
        });
  if (text.trim() === "")
    throw new CliError(`Cannot run script "${path}": it is empty, a script for /bin/sh was wanted`);
  const [, interpreter] = /^#! *(\S.*)/.exec(text) ?? [];
  if (interpreter !== undefined && !/^\/bin\/sh\b/.test(interpreter))
    throw new CliError(
      `Cannot run script "${path}": it is for ${interpreter}, one for the template's /bin/sh was wanted`,
    );
  return text;
}

function readPackages(options: Options): string[] {
  return readList(options, "packages", {
    schema: packages.items,
    wanted: "names of packages such as python3",
  });
}

interface Form {
  readonly schema: object;
  /** What would be right, in words. */
  readonly wanted: string;
}

/** `a,b` as well as the option twice. */
function readList(options: Options, name: string, { schema, wanted }: Form): string[] {
  return options.texts(name).flatMap((text) => {
    const words = text.split(/[\s,]+/).filter((word) => word !== "");
    if (words.length === 0) throw new UsageError(`Cannot take --${name} "${text}": ${wanted} were wanted`);
    return words.map((word) => checkWord(word, { what: `--${name}`, schema, wanted, plural: true }));
  });
}

function readWord(options: Options, name: string, { schema, wanted }: Form): string | undefined {
  const text = options.text(name);
  return text === undefined ? undefined : checkWord(text, { what: `--${name}`, schema, wanted });
}

/** As the daemon's host has it; a relative one is meant from here. */
function readPath(
  options: Options,
  name: string,
  { cwd, schema }: { cwd: string; schema: object },
): string | undefined {
  const text = options.text(name);
  if (text === undefined) return undefined;
  const wanted = "a path of the daemon's host, without commas, colons and quotes";
  return checkWord(text === "" ? "" : resolve(cwd, text), { what: `--${name}`, schema, wanted });
}

/** Holds a word to the contract's own pattern. */
function checkWord(text: string, form: Form & { what: string; plural?: boolean }): string {
  const { what, schema, wanted, plural } = form;
  const pattern = "pattern" in schema ? String(schema.pattern) : "";
  if (new RegExp(pattern).test(text)) return text;
  throw new UsageError(`Cannot take ${what} "${text}": ${wanted} ${plural ? "were" : "was"} wanted`);
}
