import { once } from "node:events";
import { createServer } from "node:http";
import type { Event } from "../../src/client/client.ts";

/** One delivery of a callback. */
export interface Delivery {
  readonly method: string;
  readonly query: Record<string, string>;
  readonly event: Event;
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly deliveries: readonly Delivery[];
}

/** Takes callbacks, on the port given where one was there before. */
export async function startReceiver(port = 0): Promise<Receiver> {
  const deliveries: Delivery[] = [];
  const server = createServer(async (request, response) => {
    const body = await Array.fromAsync(request);
    const { searchParams } = new URL(request.url ?? "/", "http://receiver");
    deliveries.push({
      method: request.method ?? "",
      query: Object.fromEntries(searchParams),
      event: JSON.parse(Buffer.concat(body).toString("utf8")),
    });
    response.writeHead(204).end();
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("Cannot tell the receiver's port");
  return {
    url: `http://127.0.0.1:${address.port}/hook?who=test`,
    deliveries,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
