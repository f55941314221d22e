import type { DatabaseSync } from "node:sqlite";
import type { ErrorCode } from "../contract/errors.ts";
import { type Answer, type CallName, type Handlers, type Request, writeNames } from "./protocol.ts";
import { sqliteTrouble } from "./sqlite-error.ts";

/**
 * Answers all requests of one turn. Those that write share one transaction, so that a hundred changes cost one
 * sync of the disk; each is in a savepoint, so that one that fails fails alone. Those that read come after the
 * commit: they see nothing that could still be taken back.
 */
export function answerTurn(
  database: DatabaseSync,
  handlers: Handlers,
  requests: readonly Request[],
): Answer[] {
  const answers = new Map<number, Answer>();
  const writes = requests.filter(({ name }) => isWrite(name));
  if (writes.length > 0)
    for (const answer of commitAll(database, handlers, writes)) answers.set(answer.id, answer);
  return requests.map((request) => answers.get(request.id) ?? answerOne(handlers, request));
}

function commitAll(database: DatabaseSync, handlers: Handlers, writes: readonly Request[]): Answer[] {
  try {
    database.exec("BEGIN IMMEDIATE");
    const answers = writes.map((request) => writeOne(database, handlers, request));
    database.exec("COMMIT");
    return answers;
  } catch (error) {
    // Where even this fails, the worker ends and the daemon with it: what is on disk is told at its next start.
    if (database.isTransaction) database.exec("ROLLBACK");
    return writes.map(({ id }) => failure(id, error));
  }
}

function writeOne(database: DatabaseSync, handlers: Handlers, request: Request): Answer {
  database.exec("SAVEPOINT change");
  try {
    const value = handle(handlers, request);
    database.exec("RELEASE change");
    return { id: request.id, ok: true, value };
  } catch (error) {
    // SQLite ends the whole transaction at some errors, a full disk among them: then no change of the turn stands.
    if (!database.isTransaction) throw error;
    database.exec("ROLLBACK TO change; RELEASE change");
    return failure(request.id, error);
  }
}

function answerOne(handlers: Handlers, request: Request): Answer {
  try {
    return { id: request.id, ok: true, value: handle(handlers, request) };
  } catch (error) {
    return failure(request.id, error);
  }
}

function handle<N extends CallName>(handlers: Handlers, request: Request<N>) {
  const handler: Handlers[N] = handlers[request.name];
  return handler(request.ask);
}

function failure(id: number, error: unknown): Answer {
  const code: ErrorCode | null = sqliteTrouble(error) === "full" ? "disk-full" : null;
  return { id, ok: false, code, message: error instanceof Error ? error.message : String(error) };
}

function isWrite(name: CallName): boolean {
  const names: readonly CallName[] = writeNames;
  return names.includes(name);
}
