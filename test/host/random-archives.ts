import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { gnuLongName, type Member, makeTar, paxHeader, tarBlocks } from "../make-tar.ts";

/** Archives as nobody packs them: any members in any order, whole and not. */

export interface RandomArchive {
  readonly members: readonly RandomMember[];
  readonly packed: "plain" | "gzip" | "zstd" | "gzip in parts";
  /** How it ends: with its mark, without, within a member, or with more behind the mark. */
  readonly end: "whole" | "unmarked" | "cut" | "more";
}

export interface RandomMember {
  readonly header: Member;
  /** Its name as well in a header of its own before it, by GNU tar's way or by POSIX's. */
  readonly before?: "gnu" | "pax" | undefined;
  readonly pax?: Readonly<Record<string, string>> | undefined;
}

/** Stands in links for a directory of the host outside of everything that is the daemon's. */
export const CANARY = "@canary";
/** In the names of some members, so that they can be looked for outside. */
export const MARK = "sharku-evil";

const segment = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("a", "b", MARK, "Procfile") },
  {
    weight: 2,
    arbitrary: fc.constantFrom("..", ".", "-rf", "--help", "new\nline", "\u202egpj", "$(touch x)", " "),
  },
  { weight: 1, arbitrary: fc.constantFrom("", "é", "x -> y", "block 1: ", "n".repeat(255), "n".repeat(256)) },
);
const tameSegment = fc.constantFrom(
  "a",
  "b",
  "c",
  MARK,
  "-rf",
  "new\nline",
  "\u202egpj",
  "$(touch x)",
  "é",
  "n".repeat(255),
);
const path = fc
  .record({
    root: fc.oneof(
      { weight: 12, arbitrary: fc.constant("") },
      { weight: 1, arbitrary: fc.constantFrom("/", "//", "./") },
    ),
    segments: fc.array(segment, { minLength: 1, maxLength: 4 }),
    end: fc.oneof({ weight: 8, arbitrary: fc.constant("") }, { weight: 1, arbitrary: fc.constant("/") }),
  })
  .map(({ root, segments, end }) => `${root}${segments.join("/")}${end}`);
const bytes = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((array) => Buffer.from(array));
const name = fc.oneof(
  { weight: 12, arbitrary: path },
  { weight: 1, arbitrary: bytes },
  { weight: 1, arbitrary: fc.constant("deep/".repeat(900)) },
);
const type = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("0", "0", "5", "5", "2", "2", "1") },
  {
    weight: 1,
    arbitrary: fc.constantFrom("3", "4", "6", "7", "\0", "g", "x", "L", "K", "S", "V", "M", "D", "s", "Z"),
  },
);
const link = fc.oneof(
  path,
  fc.constantFrom(
    "/etc",
    "/etc/passwd",
    "../../..",
    "..",
    ".",
    "",
    "a",
    "b/a",
    "/proc/self/root",
    "/dev/null",
  ),
  fc.constantFrom(CANARY, `${CANARY}/file`),
);
const seldom = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 12 });
const pax = fc.dictionary(
  fc.constantFrom(
    "path",
    "linkpath",
    "size",
    "mtime",
    "uid",
    "GNU.sparse.major",
    "GNU.sparse.realsize",
    "GNU.sparse.name",
    "SCHILY.xattr.security.capability",
    "hdrcharset",
    "comment",
  ),
  fc.oneof(
    path,
    fc.constantFrom("0", "1", "-1", "1e99", "9223372036854775807", "99999999999999999999999", "\0", "BINARY"),
  ),
  { minKeys: 1, maxKeys: 3 },
);

/** Of what tar packs too: much of it is taken in. */
const tameMember: fc.Arbitrary<RandomMember> = fc.record({
  header: fc.record({
    name: fc.array(tameSegment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join("/")),
    type: fc.constantFrom("0", "0", "5", "2"),
    link,
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.constantFrom(0, 1000, 65_534, 2 ** 21),
    mtime: fc.constantFrom(0, 1_700_000_000, 2 ** 33),
  }),
  before: fc.constantFrom(undefined, "gnu", "pax"),
});

const wildMember: fc.Arbitrary<RandomMember> = fc.record({
  header: fc
    .record({
      name,
      type,
      link,
      body: fc.integer({ min: 0, max: 1500 }),
      mode: fc.integer({ min: 0, max: 0o7777 }),
      uid: fc.constantFrom(0, 1000, 65_534, 2 ** 21, 2 ** 32, 2 ** 60),
      mtime: fc.constantFrom(0, 1_700_000_000, 2 ** 33, 2 ** 40, 2 ** 60),
      size: seldom(fc.constantFrom(0, 1, 511, 513, 4096, 2 ** 33, 2 ** 62)),
      sum: seldom(fc.constantFrom(0, 1, 0o777777)),
    })
    .map(({ body, size, sum, ...fields }) => ({
      ...fields,
      // What has no contents mostly tells none.
      body: "0Sx".includes(fields.type) ? Buffer.alloc(body, "x") : Buffer.alloc(0),
      ...(size === undefined ? {} : { size }),
      ...(sum === undefined ? {} : { sum }),
    })),
  before: seldom(fc.constantFrom("gnu", "pax")),
  pax: seldom(pax),
});

const packed = fc.constantFrom("plain", "gzip", "zstd", "gzip in parts");

export const randomArchive: fc.Arbitrary<RandomArchive> = fc.oneof(
  fc.record({
    members: fc.array(tameMember, { minLength: 1, maxLength: 6 }),
    packed,
    end: fc.constant("whole"),
  }),
  fc.record({
    members: fc.array(fc.oneof(tameMember, wildMember), { minLength: 1, maxLength: 10 }),
    packed,
    end: fc.constantFrom("whole", "whole", "whole", "unmarked", "cut", "more"),
  }),
);

/** Its bytes, with the canary's place in its links. */
export function archiveBytes({ members, packed, end }: RandomArchive, canary: string): Buffer {
  const all = members.flatMap((one) => membersOf(one, canary));
  const blocks = tarBlocks(all);
  const whole = makeTar(all);
  const tar = {
    whole,
    unmarked: blocks,
    cut: blocks.subarray(0, Math.max(512, blocks.length - 700)),
    more: Buffer.concat([whole, Buffer.from("more"), blocks]),
  }[end];
  if (packed === "plain") return tar;
  if (packed === "gzip") return gzipSync(tar);
  if (packed === "zstd") return zstdCompressSync(tar);
  const half = tar.length >> 1;
  return Buffer.concat([gzipSync(tar.subarray(0, half)), gzipSync(tar.subarray(half))]);
}

function membersOf({ header, before, pax: records }: RandomMember, canary: string): Member[] {
  const to = String(header.link ?? "").replace(CANARY, canary);
  const isLink = header.type === "1" || header.type === "2";
  const placed = isLink ? { ...header, link: to } : { ...header, link: "" };
  const long =
    before === "gnu"
      ? [gnuLongName(header.name)]
      : before === "pax"
        ? [paxHeader({ path: header.name })]
        : [];
  return [...(records === undefined ? [] : [paxHeader(records)]), ...long, placed];
}
