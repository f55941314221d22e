import { randomBytes } from "node:crypto";
import { chmod, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { CannotStart } from "../lib/cannot-start.ts";

const TOKEN_BYTES = 32;

/** The token that may do everything, from `<stateDir>/admin.token`; made, and closed to others, at first start. */
export async function loadAdminToken(stateDir: string): Promise<string> {
  const file = join(stateDir, "admin.token");
  const kept = await readFile(file, "utf8").catch(() => null);
  if (kept === null) return await makeToken(file);
  await chmod(file, 0o600);
  const token = kept.trim();
  if (/^[\x21-\x7e]{20,}$/.test(token)) return token;
  throw new CannotStart(
    `Cannot use "${file}": it holds no token of 20 or more characters in one line; remove it and a new one is made`,
  );
}

async function makeToken(file: string): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  const handle = await open(`${file}.new`, "w", 0o600);
  await handle.writeFile(`${token}\n`);
  await handle.sync();
  await handle.close();
  await rename(`${file}.new`, file);
  return token;
}
