import Type, { type Static } from "typebox";
import { Callback, Command, Config, ImageRef, type Proc } from "./proc.ts";
import type { ProcState } from "./states.ts";
import { Label, nullable, Port, ProcId, strictObject } from "./words.ts";

/** The protocol of 2013, for the orchestrators that speak it: a thin face over the same procs. */

export const gilliamStates = ["init", "boot", "running", "done", "fail"] as const;
export type GilliamState = (typeof gilliamStates)[number];

const stateWords = {
  init: "init",
  boot: "boot",
  running: "running",
  stopping: "running",
  backoff: "boot",
  done: "done",
  fail: "fail",
} as const satisfies Record<ProcState, GilliamState>;

/** By this label a proc is known that was asked for so; its callbacks name the states of 2013. */
export const FACE_LABEL = "sharku/face";
export const GILLIAM_FACE = "gilliam";

export const GilliamSpec = strictObject({
  app: Label,
  name: Label,
  image: Type.Optional(nullable(ImageRef)),
  command: Command,
  config: Type.Optional(Config),
  callback: Type.Optional(nullable(Callback)),
});
export type GilliamSpec = Static<typeof GilliamSpec>;

export const GilliamProc = Type.Object({
  id: ProcId,
  app: Label,
  name: Label,
  image: nullable(Type.String()),
  config: Type.Record(Type.String(), Type.String(), {
    description: "as it was sent, to who has sent it; to everybody else its names, each with an empty value",
  }),
  port: nullable(Port),
  state: Type.Enum([...gilliamStates]),
  command: nullable(Command),
  links: Type.Object({ self: Type.String() }),
});
export type GilliamProc = Static<typeof GilliamProc>;

/** What the orchestrators of 2013 call that state; they know no other. */
export function gilliamState(state: ProcState): GilliamState {
  return stateWords[state];
}

/** The state as the receiver of this proc's callbacks reads it in the query. */
export function toldState({ state, labels }: Pick<Proc, "state" | "labels">): ProcState {
  return labels[FACE_LABEL] === GILLIAM_FACE ? gilliamState(state) : state;
}

const IdParams = strictObject({ id: ProcId });

/** Part of the table of calls. */
export const gilliamRoutes = {
  gilliamCreate: {
    method: "POST",
    path: "/proc",
    summary: "Create a proc and start it, as in 2013",
    body: GilliamSpec,
    face: GILLIAM_FACE,
    replies: { 201: GilliamProc },
  },
  gilliamList: {
    method: "GET",
    path: "/proc",
    summary: "All procs by their ids, as in 2013",
    face: GILLIAM_FACE,
    replies: { 200: Type.Record(ProcId, GilliamProc) },
  },
  gilliamGet: {
    method: "GET",
    path: "/proc/:id",
    summary: "One proc, as in 2013",
    params: IdParams,
    face: GILLIAM_FACE,
    replies: { 200: GilliamProc },
  },
  gilliamDelete: {
    method: "DELETE",
    path: "/proc/:id",
    summary: "Stop a proc with grace and forget it, as in 2013",
    params: IdParams,
    face: GILLIAM_FACE,
    replies: { 204: Type.Null() },
  },
} as const;
