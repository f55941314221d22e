import type { SharkuClient } from "../client/client.ts";
import { SharkuError } from "../contract/errors.ts";
import type { Proc } from "../contract/proc.ts";
import { CliError, UsageError } from "./errors.ts";
import { suggest } from "./suggest.ts";

const ID = /^[a-z0-9][a-z0-9-]{0,62}$/;
const LISTED_MAX = 6;
/** So many letters of an id must be given to what ends procs: fewer fit another proc's id too easily. */
export const START_LETTERS_MIN = 4;

/** What an `ID|APP` argument means: an id, an app with all its procs, or the start of one id only. */
export interface Found {
  readonly kind: "id" | "app";
  readonly procs: readonly Proc[];
}

export interface FindOptions {
  /** How many letters the start of an id must have; whole ids and apps may be shorter. */
  readonly startLettersMin?: number;
}

/** Errors: UsageError where the word is empty; CliError where it means nothing here, too little, or several ids. */
export async function findProcs(
  client: SharkuClient,
  word: string,
  { startLettersMin = 1 }: FindOptions = {},
): Promise<Found> {
  if (word === "") throw new UsageError('Cannot find "": it is empty, an id or an app was wanted');
  const exact = ID.test(word) ? await getProcIfAny(client, word) : null;
  if (exact) return { kind: "id", procs: [exact] };
  const all = await Array.fromAsync(client.allProcs());
  const ofApp = all.filter((proc) => proc.app === word);
  if (ofApp.length > 0) return { kind: "app", procs: ofApp };
  const [first, ...more] = all.filter((proc) => proc.id.startsWith(word));
  if (!first) throw nothingFound(word, all);
  if (more.length > 0) throw ambiguous(word, [first, ...more]);
  if (word.length < startLettersMin) throw tooShort(word, { found: first, startLettersMin });
  return { kind: "id", procs: [first] };
}

/** Every proc that one of the words means, none twice. */
export async function findAllProcs(
  client: SharkuClient,
  words: readonly string[],
  options: FindOptions = {},
): Promise<Proc[]> {
  const procs = new Map<string, Proc>();
  for (const word of words)
    for (const proc of (await findProcs(client, word, options)).procs) procs.set(proc.id, proc);
  return [...procs.values()];
}

/** The only proc that a word means. Errors: CliError, also where an app has several. */
export async function findOneProc(client: SharkuClient, word: string): Promise<Proc> {
  const { procs } = await findProcs(client, word);
  const [only, ...more] = procs;
  if (only && more.length === 0) return only;
  throw ambiguous(word, procs);
}

export async function getProcIfAny(client: SharkuClient, id: string): Promise<Proc | null> {
  try {
    return await client.getProc(id);
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

export function isGone(error: unknown): boolean {
  return error instanceof SharkuError && error.code === "proc-not-found";
}

/** Nothing here has that id, app or start of an id. */
export class NothingFound extends CliError {
  override readonly name = "NothingFound";
}

function nothingFound(word: string, all: readonly Proc[]): NothingFound {
  return new NothingFound(`Cannot find "${word}": it is neither an id nor an app here, ${nearby(word, all)}`);
}

function nearby(word: string, all: readonly Proc[]): string {
  if (all.length === 0) return "there are no procs at all";
  const named = all.filter((proc) => proc.name === word);
  if (named.length > 0) return `but the name of ${list(named.map((proc) => `${proc.id} (${proc.app})`))}`;
  const apps = [...new Set(all.map((proc) => proc.app))].sort();
  const near = suggest(word, [...apps, ...all.map((proc) => proc.id)]);
  return near ? `did you mean ${near}?` : `apps here: ${list(apps)}`;
}

function ambiguous(word: string, procs: readonly Proc[]): CliError {
  const ids = list(procs.map((proc) => `${proc.id} (${proc.name})`));
  return new CliError(`Cannot tell which proc "${word}" means: it may be ${ids}, one id was wanted`);
}

function tooShort(
  word: string,
  { found, startLettersMin }: { found: Proc; startLettersMin: number },
): CliError {
  const id = `${found.id} (${found.name})`;
  return new CliError(
    `Cannot take "${word}" for ${id}: it is only the start of that id, at least ${startLettersMin} letters were wanted`,
  );
}

function list(texts: readonly string[]): string {
  const more = texts.length - LISTED_MAX;
  return texts.slice(0, LISTED_MAX).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
