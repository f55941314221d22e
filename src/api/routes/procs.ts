import type { LogRecord } from "../../contract/event.ts";
import type { ApiNeeds } from "../needs.ts";
import { callerGone, type StreamForm, sendStream, streamKind } from "../stream.ts";
import { eventForm, lastSeq } from "./events.ts";
import type { Handlers } from "./handler.ts";

const WAIT_MS_DEFAULT = 60_000;

const logForm: StreamForm<LogRecord> = {
  sseId: (record) => record.cursor,
  textLine: ({ line, lineBase64 }) => line ?? Buffer.from(lineBase64 ?? "", "base64").toString("utf8"),
};

type Names =
  | "createProc"
  | "putProc"
  | "patchProc"
  | "listProcs"
  | "getProc"
  | "waitProc"
  | "procLogs"
  | "procEvents"
  | "procHealth"
  | "procConfig";

export function procHandlers({ procs, logs, journal }: ApiNeeds): Handlers<Names> {
  return {
    createProc: async ({ body, reply }) => {
      const proc = await procs.create(body);
      void reply.code(201).header("location", proc.links.self);
      return proc;
    },

    putProc: async ({ params, body, reply }) => {
      const { proc, isNew } = await procs.put(params.id, body);
      void reply.code(isNew ? 201 : 200).header("location", proc.links.self);
      return proc;
    },

    listProcs: async ({ query }) => procs.list(query),

    getProc: async ({ params }) => procs.get(params.id),

    patchProc: async ({ params, body }) => await procs.patch(params.id, body),

    waitProc: async ({ params, query, reply }) =>
      await procs.wait(params.id, {
        goal: query.until ?? "settled",
        timeoutMs: query.timeoutMs ?? WAIT_MS_DEFAULT,
        signal: callerGone(reply),
      }),

    procLogs: async ({ params, query, request, reply }) => {
      procs.get(params.id);
      const kind = streamKind(request, true);
      const follow = query.follow ?? kind === "sse";
      const after = query.after ?? lastEventId(request.headers["last-event-id"]);
      const records = logs.read(
        params.id,
        {
          ...query,
          ...(after === undefined ? {} : { after }),
          follow,
          ended: () => procs.hasEnded(params.id),
        },
        callerGone(reply),
      );
      await sendStream(records, { reply, kind, form: logForm, waits: follow });
    },

    procEvents: async ({ params, query, request, reply }) => {
      procs.get(params.id);
      const kind = streamKind(request, false);
      const follow = query.follow ?? kind === "sse";
      const after = query.after ?? lastSeq(request);
      const records = journal.follow({ after, follow, procId: params.id, signal: callerGone(reply) });
      await sendStream(records, { reply, kind, form: eventForm, waits: follow });
    },

    procHealth: async ({ params }) => procs.health(params.id),

    procConfig: async ({ params }) => procs.config(params.id),
  };
}

function lastEventId(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" && header !== "" ? header : undefined;
}
