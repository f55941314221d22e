import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { Event } from "../../src/client/client.ts";

/** One delivery of a callback. */
export interface Delivery {
  readonly method: string;
  readonly query: Record<string, string>;
  readonly event: Event;
  readonly headers: IncomingHttpHeaders;
  /** The body as it came. */
  readonly text: string;
  /** What it was answered. */
  readonly status: number;
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly deliveries: readonly Delivery[];
}

/** Takes callbacks, on the port given where one was there before, and answers each with that status. */
export async function startReceiver(port = 0, statusNow: () => number = () => 204): Promise<Receiver> {
  const deliveries: Delivery[] = [];
  const server = createServer(async (request, response) => {
    const body = await Array.fromAsync(request);
    const { searchParams } = new URL(request.url ?? "/", "http://receiver");
    const [text, status] = [Buffer.concat(body).toString("utf8"), statusNow()];
    deliveries.push({
      ...{ headers: request.headers, text, status },
      method: request.method ?? "",
      query: Object.fromEntries(searchParams),
      event: JSON.parse(text),
    });
    response.writeHead(status).end();
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
