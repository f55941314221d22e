import type { FastifyReply, FastifyRequest } from "fastify";
import type { Static, TSchema } from "typebox";
import type { RouteName, routes } from "../../contract/routes.ts";

/** The parts of a request, of the types that the contract's schemas give them. */
type Part<N extends RouteName, K extends "params" | "query" | "body"> =
  (typeof routes)[N] extends Record<K, infer S> ? (S extends TSchema ? Static<S> : undefined) : undefined;

export interface Call<N extends RouteName> {
  readonly params: Part<N, "params">;
  readonly query: Part<N, "query">;
  readonly body: Part<N, "body">;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Answers a call, or has sent the answer itself where it returns undefined after taking over the reply. */
export type Handler<N extends RouteName> = (call: Call<N>) => Promise<unknown>;

export type Handlers<Names extends RouteName> = { readonly [N in Names]: Handler<N> };
