import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { networkModes, type Command as ProcCommand, type ProcSpec } from "../../contract/proc.ts";
import type { Invocation } from "../command.ts";
import { CliError, UsageError } from "../errors.ts";
import type { Reference } from "../image/refer.ts";
import { suggest } from "../suggest.ts";
import { readLiveLimits, readStartLimits } from "./limit-options.ts";
import { readRestart } from "./restart-options.ts";

const LABEL_LENGTH_MAX = 63;

/** What the proc runs: a command given after `--`, or a line of the image's Procfile. */
export type Program =
  | { readonly kind: "command"; readonly command: ProcCommand; readonly name: "run" }
  | { readonly kind: "process"; readonly name: string };

/** Every part of the spec that does not depend on the image. Errors: UsageError, CliError for the config file. */
export async function readSettings(call: Invocation): Promise<Omit<ProcSpec, "app" | "name" | "image">> {
  const { options } = call;
  const graceMs = options.durationMs("grace");
  const mode = options.choice("network", networkModes);
  const template = options.text("template");
  const runtime = options.text("runtime");
  const callback = options.text("callback");
  const config = await readConfig(call);
  const labels = Object.fromEntries(options.texts("label").map((text) => splitPair(text, "label")));
  const limits = { ...readLiveLimits(options), ...readStartLimits(options) };
  const target = options.flag("stop-all") ? ("all" as const) : undefined;
  const hasStop = graceMs !== undefined || target !== undefined;
  const stop = hasStop ? { ...(graceMs !== undefined && { graceMs }), ...(target && { target }) } : null;
  return {
    ...(template && { template }),
    ...(runtime && { runtime }),
    ...(callback && { callback }),
    ...(Object.keys(config).length > 0 && { config }),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(stop !== null && { stop }),
    ...(mode && { network: { mode } }),
    ...readRestart(options),
  };
}

/** The files first, in their order, then the single values. */
async function readConfig(call: Invocation): Promise<Record<string, string>> {
  const { io, options } = call;
  const config: Record<string, string> = {};
  for (const path of options.texts("config-file")) {
    const text = await readFile(resolve(io.cwd, path), "utf8").catch((cause: NodeJS.ErrnoException) => {
      const what = cause.code === "ENOENT" ? "there is no such file" : cause.message;
      throw new CliError(`Cannot read config file "${path}": ${what}, lines of NAME=value were wanted`, {
        cause,
      });
    });
    for (const [name, value] of Object.entries(parseEnv(text))) config[name] = value ?? "";
  }
  for (const text of options.texts("config")) {
    const [name, value] = text.includes("=") ? splitPair(text, "config") : [text, io.env[text]];
    if (value === undefined)
      throw new UsageError(
        `Cannot take --config "${text}": your environment has no such variable, NAME=value was wanted`,
      );
    config[name] = value;
  }
  return config;
}

function splitPair(text: string, option: string): [name: string, value: string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UsageError(`Cannot take --${option} "${text}": NAME=value was wanted`);
}

/** One word with blanks in it is a line for the shell, several words are a program and its arguments. */
export function givenCommand(rest: readonly string[] | null): ProcCommand | null {
  if (rest === null || rest.length === 0) return null;
  const [first] = rest;
  return rest.length === 1 && first !== undefined && /\s/.test(first.trim()) ? first : [...rest];
}

/** Errors: CliError, saying what to do, where it is not clear what to run. */
export function chooseProgram(call: Invocation, app: Pick<Reference, "image"> | null): Program {
  const command = givenCommand(call.rest);
  if (command !== null) return { kind: "command", command, name: "run" };
  const wanted = call.options.text("process") ?? "web";
  // Still to be fetched: the daemon finds out what its Procfile has.
  if (app !== null && app.image === null) return { kind: "process", name: wanted };
  const names = Object.keys(app?.image?.processes ?? {});
  if (names.includes(wanted)) return { kind: "process", name: wanted };
  if (names.length === 0)
    throw new CliError(
      `Cannot run process "${wanted}": the app has no Procfile, add one with a line such as ` +
        '"web: node server.js", or give a command after --',
    );
  const near = suggest(wanted, names);
  const choice = near
    ? `did you mean --process ${near}?`
    : `choose one by --process ${names.join(", --process ")}`;
  throw new CliError(`Cannot run process "${wanted}": the Procfile has ${names.join(", ")}, ${choice}`);
}

/** A label out of any text: `My App` becomes `my-app`. */
export function fitLabel(text: string): string {
  const fit = text
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, LABEL_LENGTH_MAX)
    .replace(/-+$/, "");
  return fit || "app";
}

/** `web.1`, or the next number that none of these has. */
export function nextName(program: string, taken: ReadonlySet<string>): string {
  const base = fitLabel(program).slice(0, LABEL_LENGTH_MAX - 6);
  let number = 1;
  while (taken.has(`${base}.${number}`)) number += 1;
  return `${base}.${number}`;
}
