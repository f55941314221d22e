import { once } from "node:events";
import { createServer } from "node:net";
import { runCommand } from "../../src/lib/run-command.ts";

/** Something of the host's that only a namespace of its own keeps a proc from: a socket, a memory segment. */
export interface Neighbour extends AsyncDisposable {
  /** Name of an abstract unix socket that answers. */
  readonly abstractSocket: string;
}

export async function openNeighbour(): Promise<Neighbour> {
  const abstractSocket = `sharku-test-${process.pid}`;
  const server = createServer((socket) => socket.end()).listen(`\0${abstractSocket}`);
  await once(server, "listening");
  const { stdout } = await runCommand(["ipcmk", "--shmem", "4096"]);
  const segment = /\d+/.exec(stdout)?.[0] ?? "";
  return {
    abstractSocket,
    [Symbol.asyncDispose]: async () => {
      await runCommand(["ipcrm", "--shmem-id", segment]);
      server.close();
      await once(server, "close");
    },
  };
}
