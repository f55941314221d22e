import assert from "node:assert/strict";
import type { DatabaseSync } from "node:sqlite";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { CannotStart } from "../lib/cannot-start.ts";
import { answerTurn } from "./group-commit.ts";
import { makeHandlers } from "./handlers.ts";
import { openDatabase } from "./open-database.ts";
import type { FromWorker, Request } from "./protocol.ts";

/** The store's own thread, since SQLite blocks the one that it runs on. It alone touches the database. */

/** A turn never takes more, so that no answer waits for an endless transaction. */
const TURN_REQUESTS_MAX = 1000;

assert(parentPort, "this file is the start of a worker thread");
const file: unknown = workerData;
assert(typeof file === "string", "the worker is given the path of its database");
main(parentPort, file);

function main(port: MessagePort, path: string): void {
  const say = (message: FromWorker) => port.postMessage(message);
  try {
    serve(port, openDatabase(path));
    say({ kind: "opened" });
  } catch (error) {
    if (!(error instanceof CannotStart)) throw error;
    say({ kind: "refused", message: error.message });
    port.close();
  }
}

function serve(port: MessagePort, database: DatabaseSync): void {
  const handlers = makeHandlers(database);
  const queue: Request[] = [];
  const turn = () => {
    const requests = queue.splice(0, TURN_REQUESTS_MAX);
    if (queue.length > 0) setImmediate(turn);
    const answers = answerTurn(database, handlers, requests);
    const closing = requests.some(({ name }) => name === "close");
    if (closing) database.close();
    port.postMessage({ kind: "answers", answers } satisfies FromWorker);
    if (closing) port.close();
  };
  // While a turn is in its commit, requests gather; the next turn takes them all.
  port.on("message", (request: Request) => {
    if (queue.push(request) === 1) setImmediate(turn);
  });
}
