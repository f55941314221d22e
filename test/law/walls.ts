import { posix } from "node:path";
import { type Reach, reachesOf } from "./imports.ts";
import type { SourceFile } from "./project.ts";

/** What a room may import: rooms by name, `type NAME` for their types only, `all` for every room. */
export type Walls = ReadonlyMap<string, readonly string[]>;

/** The packages that the program may use, why, and where. Another one needs a line here, and so a reason. */
export interface Dependency {
  readonly why: string;
  /** The rooms that may import it, `type ROOM` for its types only; none for what is only run. */
  readonly rooms: readonly string[];
}

export const dependencies: Readonly<Record<string, Dependency>> = {
  ajv: { why: "judges what comes in by JSON Schema, with a pointer to each fault", rooms: ["api"] },
  fastify: {
    why: "routes, hooks and limits of an HTTP server, tried by many",
    rooms: ["api", "type daemon"],
  },
  ignore: { why: "what .slugignore and .gitignore leave out, by git's own rules", rooms: ["cli"] },
  koffi: {
    why: "calls libseccomp, to compile the filter of system calls once; comes built, runs no script to install",
    rooms: ["isolation"],
  },
  pino: { why: "the log of the daemon, as JSON lines, without waiting for the disk", rooms: ["daemon"] },
  typebox: {
    why: "one text is schema and type",
    rooms: ["contract", "images", "templates", "type api", "type client"],
  },
};

export const devDependencies: Readonly<Record<string, string>> = {
  "@biomejs/biome": "formats and lints, one program without plugins",
  "@types/node": "the types of Node's own modules",
  "fast-check": "makes inputs at random, and the smallest one that fails",
  node: "pins the Node that the project runs under",
  typescript: "judges the types and emits what is published",
};

const SEE = 'see ARCHITECTURE.md, "Rooms and walls"';

/** Reads the table of ARCHITECTURE.md: rows of `| `room` | what it is | `names` |`. */
export function readWalls(document: string): Walls {
  const part = document.split("## Rooms and walls")[1]?.split("\n## ")[0] ?? "";
  const rows = part.matchAll(/^\| `([\w.]+)` \|[^|]*\|([^|]*)\|$/gm);
  return new Map(
    [...rows].map(([, room = "", cell = ""]) => [
      room,
      [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
    ]),
  );
}

/** Every fault of one file, each in words that say what to do. */
export function judgeFile({ path, text }: SourceFile, walls: Walls): string[] {
  return reachesOf(text).flatMap((reach) => {
    const fault = judgeReach(path, reach, walls);
    return fault === null ? [] : [`${path}:${reach.line}: ${fault}`];
  });
}

function judgeReach(path: string, reach: Reach, walls: Walls): string | null {
  const { specifier } = reach;
  if (specifier === null) return "what it imports is computed, so no wall can be held; name the file";
  const isTest = /\.test\.ts$/.test(path);
  if (specifier.startsWith(".")) return judgeRoom({ path, isTest, reach, walls });
  if (!path.startsWith("src/")) return null;
  return specifier.startsWith("node:")
    ? judgeNode(path, { specifier, isTest })
    : judgePackage(path, { specifier, isTest, typeOnly: reach.typeOnly });
}

interface Crossing {
  readonly path: string;
  readonly isTest: boolean;
  readonly reach: Reach;
  readonly walls: Walls;
}

function judgeRoom({ path, isTest, reach, walls }: Crossing): string | null {
  const target = posix.join(posix.dirname(path), reach.specifier ?? "");
  const [from, to] = [roomOf(path), roomOf(target)];
  if (to === null) {
    if (from === null || (isTest && target.startsWith("test/"))) return null;
    return `the program may not import "${target}", which is not part of it; move what it needs into src/`;
  }
  if (from === to) return null;
  // Tests of the whole, outside src/, may look into every room.
  if (from === null && path.startsWith("test/")) return null;
  if (to === "daemon" && from !== "sharku.ts")
    return `nobody but src/sharku.ts may import daemon; declare what is needed in a needs.ts and join it in daemon/wire.ts, ${SEE}`;
  if (from === null) return null;
  const allowed = walls.get(from);
  if (allowed === undefined) return `room ${from} is not in the table; add its line, ${SEE}`;
  const names = allowed.flatMap((name) => (isTest ? [name.replace(/^type /, "")] : [name]));
  if (names.includes("all") || names.includes(to) || (reach.typeOnly && names.includes(`type ${to}`)))
    return null;
  const hint = names.includes(`type ${to}`)
    ? "only its types by `import type` (an inline `type` still loads the module)"
    : "declare what is needed in a needs.ts and join it in daemon/wire.ts";
  return `${from} may not import ${to}; ${hint}, ${SEE}`;
}

function judgeNode(
  path: string,
  { specifier, isTest }: { specifier: string; isTest: boolean },
): string | null {
  const room = roomOf(path);
  if (isTest || (room !== "client" && room !== "contract")) return null;
  return `${room} may not import ${specifier}: it runs in browsers too; take it as an option, ${SEE}`;
}

function judgePackage(
  path: string,
  { specifier, isTest, typeOnly }: { specifier: string; isTest: boolean; typeOnly: boolean },
): string | null {
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const dependency = Object.hasOwn(dependencies, name) ? dependencies[name] : undefined;
  if (dependency === undefined)
    return `package "${name}" is not on the list; use Node's own, or give its reason in test/law/walls.ts`;
  const room = roomOf(path) ?? "";
  if (isTest || dependency.rooms.includes(room)) return null;
  if (typeOnly && dependency.rooms.includes(`type ${room}`)) return null;
  return `${room} may not import "${name}", which is for ${dependency.rooms.join(", ")}; see test/law/walls.ts`;
}

/** `src/procs/plan.ts` is of room procs, `src/sharku.ts` a room by itself; null for what is not in src/. */
function roomOf(path: string): string | null {
  const parts = path.split("/");
  return parts[0] === "src" ? (parts[1] ?? null) : null;
}
