import { createServer } from "node:net";
import { SharkuError } from "../contract/errors.ts";
import { FifoPool } from "../lib/fifo-pool.ts";

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Ports to publish on: the one longest unused first, and only such as nobody else listens on. */
export class PortPool {
  readonly #pool: FifoPool;
  readonly #range: PortRange;

  constructor(range: PortRange) {
    this.#range = range;
    this.#pool = new FifoPool(range.first, range.last);
  }

  /** Errors: `no-port` where every port of the range is held here or by somebody else; any other of the probe's as it is. */
  async acquire(): Promise<number> {
    const probed: number[] = [];
    try {
      for (let tries = this.#pool.freeCount; tries > 0; tries -= 1) {
        const port = this.#pool.acquire();
        if (port === null) break;
        probed.push(port);
        if (await isFree(port)) {
          probed.pop();
          return port;
        }
      }
    } finally {
      for (const port of probed) this.#pool.release(port);
    }
    const { first, last } = this.#range;
    throw new SharkuError(
      "no-port",
      `Cannot give a port: all of ${first}-${last} are in use, delete procs or widen --port-range`,
    );
  }

  get freeCount(): number {
    return this.#pool.freeCount;
  }

  keep(port: number): void {
    this.#pool.keep(port);
  }

  release(port: number): void {
    this.#pool.release(port);
  }
}

/** What the kernel says of a port that somebody else has or that is not for us. */
const notFree: ReadonlySet<string | undefined> = new Set(["EADDRINUSE", "EACCES"]);

/**
 * Listens for a moment: the map of published ports would take packets away from one who listens already. Any other
 * error says nothing about the port (too many open files, say), and is passed on as it is.
 */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (notFree.has(error.code)) resolve(false);
      else reject(error);
    });
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
