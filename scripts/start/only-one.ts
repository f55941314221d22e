import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Holds the name of this state directory until the process ends, however it ends: a socket of the abstract
 * namespace (unix(7)) goes with its owner and leaves no file.
 */
export async function beOnlyOne(stateDir: string): Promise<void> {
  const server = createServer((connection) => connection.destroy());
  server.listen(`\0sharku-start:${stateDir}`).unref();
  await once(server, "listening").catch((cause: unknown) => {
    const message = `Cannot start on "${stateDir}": another npm start runs there, end that one first`;
    throw new Error(message, { cause });
  });
}
