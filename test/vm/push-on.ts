import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { numberedArchive } from "../host/numbered-archives.ts";
import { client } from "./machine.ts";

/**
 * Sends images until the machine goes down, and notes each that was answered: on another disk than that of the
 * daemon's state, since what is synced here would take with it what the daemon forgot to sync.
 */

export const ANSWERED = join(import.meta.dirname, "../../.vm-answered");

/** More than fit in before the power fails. */
const PUSHES_MAX = 1000;
const SENDERS = 2;

export async function answeredSoFar(): Promise<string[]> {
  const text = await readFile(ANSWERED, "utf8").catch(() => "");
  return text.split("\n").filter(Boolean);
}

async function pushOn(): Promise<void> {
  const file = await open(ANSWERED, "a");
  let number = 0;
  const send = async () => {
    while (number < PUSHES_MAX) {
      const { digest } = await client.pushImage(new Uint8Array(numberedArchive(number++)));
      await file.appendFile(`${digest}\n`);
      await file.sync();
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, send));
}

if (process.argv[1] === import.meta.filename) await pushOn();
