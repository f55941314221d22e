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

  /** Errors: `no-port` where every port of the range is held here or by somebody else. */
  async acquire(): Promise<number> {
    const foreign: number[] = [];
    try {
      for (let tries = this.#pool.freeCount; tries > 0; tries -= 1) {
        const port = this.#pool.acquire();
        if (port === null) break;
        if (await isFree(port)) return port;
        foreign.push(port);
      }
    } finally {
      for (const port of foreign) this.#pool.release(port);
    }
    const { first, last } = this.#range;
    throw new SharkuError(
      "no-port",
      `Cannot give a port: all of ${first}-${last} are in use, delete procs or widen --port-range`,
    );
  }

  keep(port: number): void {
    this.#pool.keep(port);
  }

  release(port: number): void {
    this.#pool.release(port);
  }
}

/** Listens for a moment: the map of published ports would take packets away from one who listens already. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
