import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isSharkuError } from "../../test/host/expect-error.ts";
import { askMirror } from "./mirror.ts";

const RELEASE = `-----BEGIN PGP SIGNED MESSAGE-----
Origin: Debian
Suite: stable
Architectures: all amd64 arm64
Components: main updates/contrib
`;
const question = {
  mirror: "http://m.example/debian/",
  suite: "bookworm",
  arch: "amd64",
  components: ["main"],
};

/** A mirror that has these files. */
function mirrorOf(files: Record<string, string | number>): typeof fetch {
  return async (url) => {
    const answer = files[String(url).replace("http://m.example/debian/", "")] ?? 404;
    return typeof answer === "number" ? new Response("", { status: answer }) : new Response(answer);
  };
}

function ask(files: Record<string, string | number>, more: Partial<typeof question> = {}) {
  const { signal } = new AbortController();
  return askMirror({ ...question, ...more }, { fetch: mirrorOf(files), signal });
}

describe("askMirror()", () => {
  test("tells who made the suite, by either kind of file", async () => {
    assert.deepEqual(await ask({ "dists/bookworm/InRelease": RELEASE }), { origin: "Debian" });
    assert.deepEqual(await ask({ "dists/bookworm/Release": RELEASE }, { components: ["main", "contrib"] }), {
      origin: "Debian",
    });
  });

  const wrongs: [
    what: string,
    asked: Promise<unknown>,
    code: "bad-mirror" | "unknown-suite",
    words: RegExp,
  ][] = [
    ["a mirror without the suite", ask({ "dists/": "" }), "unknown-suite", /has none of that name/],
    ["one that hides its list", ask({ "dists/stable/InRelease": RELEASE }), "unknown-suite", /of that name/],
    ["no mirror at all", ask({}), "bad-mirror", /neither this suite nor another/],
    [
      "a page of something else",
      ask({ "dists/bookworm/InRelease": "<html>" }),
      "bad-mirror",
      /no Release file/,
    ],
    ["a fault of its own", ask({ "dists/bookworm/InRelease": 503 }), "bad-mirror", /answers 503/],
    [
      "another arch",
      ask({ "dists/bookworm/InRelease": RELEASE }, { arch: "s390x" }),
      "unknown-suite",
      /for s390x/,
    ],
    [
      "another component",
      ask({ "dists/bookworm/InRelease": RELEASE }, { components: ["main", "universe"] }),
      "unknown-suite",
      /component universe, it has main, contrib/,
    ],
  ];
  for (const [what, asked, code, words] of wrongs)
    test(`refuses ${what}`, async () => {
      await assert.rejects(asked, (error) => isSharkuError(error, code) && words.test(String(error)));
    });

  test("leaves alone a port that fetch() does not take", async () => {
    const { signal } = new AbortController();
    const mirror = "http://127.0.0.1:6000/debian";
    assert.equal(await askMirror({ ...question, mirror }, { fetch, signal }), null);
  });

  test("gives up when its caller does", async () => {
    const gone = new AbortController();
    const fetch = (_: unknown, init?: RequestInit) =>
      new Promise<Response>((_resolve, reject) =>
        init?.signal?.addEventListener("abort", () => reject(new Error("aborted"))),
      );
    const asked = askMirror(question, { fetch, signal: gone.signal });
    gone.abort(new Error("the caller has gone"));
    await assert.rejects(asked, /the caller has gone/);
  });
});
