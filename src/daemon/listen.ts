import { chmod, chown, readFile, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { connect } from "node:net";
import { CannotStart } from "../lib/cannot-start.ts";

/** Members of this group may call the daemon by its socket. */
const GROUP = "sharku";

/** Listens on a unix socket for root and the group. Errors: CannotStart where another daemon answers there. */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  if (await answers(path)) {
    throw new CannotStart(
      `Cannot listen on "${path}": another daemon answers there, choose another --run-dir, or another --socket where that (or SHARKU_SOCKET) is set`,
    );
  }
  await rm(path, { force: true });
  await listening(server, { path }, path);
  const gid = await groupId(GROUP);
  if (gid !== null) await chown(path, 0, gid);
  await chmod(path, gid === null ? 0o600 : 0o660);
}

/** Errors: CannotStart where the address is taken. */
export async function listenOnAddress(
  server: Server,
  address: { host: string; port: number },
): Promise<void> {
  await listening(server, { ...address, exclusive: true }, `${address.host}:${address.port}`);
}

function listening(server: Server, options: object, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new CannotStart(`Cannot listen on "${name}": ${cause.message}`, { cause })),
    );
    server.listen(options, () => resolve());
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function groupId(name: string): Promise<number | null> {
  const lines = (await readFile("/etc/group", "utf8").catch(() => "")).split("\n");
  const line = lines.find((one) => one.startsWith(`${name}:`));
  return line === undefined ? null : Number(line.split(":")[2]);
}
