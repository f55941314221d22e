import { hash } from "node:crypto";

/**
 * Reads tar's list of members (`tar -x -vv -R --numeric-owner --quoting-style=escape`) while it unpacks, and tells
 * at the first line that goes too far: the list comes before the files. A directory that no member names, but a
 * path leads through, has a line of its own and counts. With `-R` each line tells its block, and there is one for
 * the mark of the end: tar takes an archive in silence that is cut off between two members.
 */

export interface MemberLimits {
  readonly bytesMax: number;
  readonly filesMax: number;
}

/** A time too far away for a date is a number. */
const memberPattern = /^(.)\S* +\d+\/\d+ +([\d,]+) +(?:-?\d+-\d\d-\d\d \d\d:\d\d|-?\d+) (.*)$/;
/** More than one where tar skips what is no header: it begins a line then, and does not end it. */
const blockPattern = /^(?:block \d+: )+/;
const endMark = "** Block of NULs **";
/** tar's word that there was no such mark. */
const endWithoutMark = "** End of File **";
const impliedPattern = /^d\S* +Creating directory: (.*)$/;

/** First letters of a mode: file, contiguous file, directory, link, hard link. */
const allowedKinds = "-Cdlh";
const kindNames: Readonly<Record<string, string>> = {
  b: "block device",
  c: "character device",
  p: "fifo",
  s: "socket",
};

export class Members {
  readonly #limits: MemberLimits;
  #count = 0;
  #bytes = 0;
  #last: string | null = null;
  #isWhole = false;
  /** Names of links that tar makes last of all, with the text of each: as marks, for an archive may have long ones. */
  readonly #lateLinks = new Map<string, string>();

  constructor(limits: MemberLimits) {
    this.#limits = limits;
  }

  /** The member that tar was at, or null before the first. */
  get last(): string | null {
    return this.#last;
  }

  /** Files, directories and links so far. */
  get count(): number {
    return this.#count;
  }

  /** Whether tar has come to the mark of the archive's end. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Takes the next line of the list: what is wrong with the archive so far, or null. */
  add(told: string): string | null {
    const line = told.replace(blockPattern, "");
    if (line === endMark) this.#isWhole = true;
    if (line === endMark || line === endWithoutMark) return null;
    const { kind, size, name, text } = parseLine(line);
    this.#last = shorten(name);
    this.#count += 1;
    if (!allowedKinds.includes(kind)) {
      const what = kindNames[kind] ?? `member of kind "${kind}"`;
      return `"${this.#last}" is a ${what}, wanted files, directories and links only`;
    }
    if (kind === "-" || kind === "C") this.#bytes += size;
    return this.#judge(name) ?? this.#judgeAgain(kind, text);
  }

  #judge(name: string): string | null {
    const { bytesMax, filesMax } = this.#limits;
    // tar would take the slash away and go on; whoever packed that meant another place than /app.
    if (name.startsWith("/")) return `"${this.#last}" lies outside, wanted paths without a leading "/"`;
    if (this.#bytes > bytesMax)
      return `its files have more than ${bytesMax} bytes at "${this.#last}", wanted at most ${bytesMax}`;
    if (this.#count > filesMax)
      return `it has more than ${filesMax} files and directories at "${this.#last}", wanted at most ${filesMax}`;
    return null;
  }

  /**
   * A link that leads up or to the root is made after all other members, and whether it then takes the place of a
   * later one with its name is chance: tar goes by the number of the file, and numbers are given again.
   */
  #judgeAgain(kind: string, text: string): string | null {
    if (kind === "l" && text.split(ARROW, ARROWS_MAX + 2).length > ARROWS_MAX + 1)
      return `"${this.#last}" has "${ARROW}" in its name or target more than ${ARROWS_MAX - 1} times, wanted fewer`;
    const links = kind === "l" ? lateLinksIn(text).map(markOf) : [];
    if (links.length === 0 && this.#lateLinks.size === 0) return null;
    const names = links.length === 0 ? [markOf(plainPath(kind === "l" ? withoutTarget(text) : text))] : [];
    const mark = markOf(text);
    const isTwice =
      names.some((name) => this.#lateLinks.has(name)) ||
      links.some((name) => (this.#lateLinks.get(name) ?? mark) !== mark);
    if (isTwice) return `"${this.#last}" is there twice, first as a link, wanted one member of a name`;
    for (const name of links) this.#lateLinks.set(name, mark);
    return null;
  }
}

interface Line {
  readonly kind: string;
  readonly size: number;
  readonly name: string;
  /** The name with what tar tells after it. */
  readonly text: string;
}

function parseLine(line: string): Line {
  const implied = impliedPattern.exec(line)?.[1];
  if (implied !== undefined) return { kind: "d", size: 0, name: implied, text: implied };
  const [, kind = "?", size = "0", text = line] = memberPattern.exec(line) ?? [];
  return { kind, size: Number(size), name: nameIn(kind, text), text };
}

function nameIn(kind: string, text: string): string {
  if (kind === "l") return withoutTarget(text);
  return kind === "?" ? text.replace(/ unknown file type '.*'$/, "") : text;
}

const ARROW = " -> ";
/** Of a link's line: the one that tar writes, and what name and target may have. Each makes one more reading. */
const ARROWS_MAX = 3;
const MARK_BYTES = 16;

function withoutTarget(name: string): string {
  const arrow = name.lastIndexOf(ARROW);
  return arrow === -1 ? name : name.slice(0, arrow);
}

/** The names that such a link may have: where name or target has an arrow in it, nobody can tell which is meant. */
function lateLinksIn(text: string): string[] {
  const parts = text.split(ARROW);
  return parts.slice(1).flatMap((_, index) => {
    const target = parts.slice(index + 1).join(ARROW);
    const isLate = target.startsWith("/") || /(?:^|\/)\.\.(?:\/|$)/.test(target);
    return isLate ? [plainPath(parts.slice(0, index + 1).join(ARROW))] : [];
  });
}

/** As good as the text, of which there is no other with the same mark, and of one size however long it is. */
function markOf(text: string): string {
  return hash("sha256", text, "buffer").toString("latin1", 0, MARK_BYTES);
}

/** One path of those that mean the same. */
function plainPath(path: string): string {
  const steps = path.split("/").filter((step) => step !== "" && step !== ".");
  return steps.join("/");
}

function shorten(name: string): string {
  return name.length <= 200 ? name : `${name.slice(0, 100)}…${name.slice(-99)}`;
}
