import { open, readlink } from "node:fs/promises";
import type { Listener } from "./needs.ts";

/** The kernel tells listening sockets first, so this much holds all of them unless an app listens on hundreds. */
const TABLE_BYTES_MAX = 64 * 1024;

const LISTENS = "0A";

/**
 * What a process's network namespace listens on, read on the host as root, without entering it or asking the app.
 * Nothing where it cannot be told: the process is gone, or shares the daemon's own network.
 */
export async function listenersOf(pid: number): Promise<Listener[]> {
  try {
    const [theirs, ours] = [await readlink(`/proc/${pid}/ns/net`), await readlink("/proc/self/ns/net")];
    // The pid may by now be another's, and what the host listens on is nobody's business.
    if (theirs === ours) return [];
    const tables = [await readTable(pid, "tcp"), await readTable(pid, "tcp6")];
    return tables.flatMap(parseTable);
  } catch {
    return [];
  }
}

async function readTable(pid: number, name: "tcp" | "tcp6"): Promise<string> {
  await using file = await open(`/proc/${pid}/net/${name}`);
  const bytes = Buffer.alloc(TABLE_BYTES_MAX);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.toString("latin1", 0, length);
}

/** The listening sockets in the text of `/proc/net/tcp` or `tcp6`; a line cut short is left out. */
export function parseTable(text: string): Listener[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) /.exec(line);
    const [, address = "", port = "", state] = match ?? [];
    return match === null || state !== LISTENS ? [] : [listener(address, Number.parseInt(port, 16))];
  });
}

function listener(hex: string, port: number): Listener {
  const bytes = addressBytes(hex);
  if (bytes.length === 4) {
    const address = bytes.join(".");
    const scope = address === "0.0.0.0" ? "any" : bytes[0] === 127 ? "loopback" : "other";
    return { family: 4, port, scope, text: `${address}:${port}` };
  }
  // ::ffff:a.b.c.d takes IPv4 only.
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255)
    return listener(hex.slice(24), port);
  const isAny = bytes.every((byte) => byte === 0);
  const isLoopback = bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1;
  const text = isAny ? "::" : isLoopback ? "::1" : wordsOf(bytes);
  return {
    family: 6,
    port,
    scope: isAny ? "any" : isLoopback ? "loopback" : "other",
    text: `[${text}]:${port}`,
  };
}

/** The kernel prints words of four bytes as this machine holds them, the lowest first. */
function addressBytes(hex: string): number[] {
  const words = hex.match(/.{8}/g) ?? [];
  return words.flatMap((word) => [...Buffer.from(word, "hex").reverse()]);
}

function wordsOf(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((bytes[2 * at] ?? 0) * 256 + (bytes[2 * at + 1] ?? 0)).toString(16),
  );
  return groups.join(":");
}
