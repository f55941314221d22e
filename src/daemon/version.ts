import { readFileSync } from "node:fs";

/** The version of the package this file belongs to; src/daemon and dist/daemon are as deep. */
export const version = readVersion();

function readVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  if (typeof parsed === "object" && parsed !== null && "version" in parsed) return String(parsed.version);
  return "unknown";
}
