import type { Command } from "../contract/proc.ts";
import type { FullSpec } from "./record.ts";
import { programOfLine, shellArgv } from "./shell-line.ts";

/** What a program finds in its environment before its config says otherwise. */
const defaults = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/app",
  USER: "app",
  LOGNAME: "app",
  LANG: "C.UTF-8",
  TMPDIR: "/tmp",
};

/** The app's environment: its config over the defaults, and over both what only the daemon can know. */
export function environmentOf(
  spec: FullSpec,
  { procId, port }: { procId: string; port: number | null },
): Record<string, string> {
  return {
    ...defaults,
    ...spec.config,
    ...(port === null ? {} : { PORT: String(port) }),
    SHARKU_APP: spec.app,
    SHARKU_PROC: procId,
  };
}

/** A line runs by the shell, as in a Procfile; a list of words runs as it is. */
export function argvOf(command: Command): string[] {
  return typeof command === "string" ? shellArgv(command) : [...command];
}

/** The programs that must be there for it to run, as far as that is known before. */
export function programsOf(command: Command): string[] {
  if (typeof command !== "string") return command.slice(0, 1);
  const program = programOfLine(command);
  return ["/bin/sh", ...(program === null ? [] : [program])];
}

/** A host name as RFC 1123 wants it, made of the proc's name. */
export function hostnameOf(spec: FullSpec): string {
  return `${spec.app}-${spec.name}`
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/-+$/, "")
    .slice(0, 63)
    .replace(/-+$/, "");
}
