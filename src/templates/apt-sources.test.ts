import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLines, parseStanzas, sourceFor, sourcesList } from "./apt-sources.ts";

const DEBIAN = "http://deb.debian.org/debian";
const stanzas = `# of the image
Types: deb
# a snapshot
URIs: ${DEBIAN}
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://deb.debian.org/debian-security
Suites: bookworm-security
Components:
 main
 contrib

Types: deb
Enabled: no
URIs: http://off.example
Suites: bookworm

Types: deb-src
URIs: http://sources.example
Suites: bookworm
`;

test("parseStanzas() reads deb822, with comments, continued lines and what is switched off", () => {
  const components = ["main", "contrib"];
  assert.deepEqual(parseStanzas(stanzas), [
    { mirror: DEBIAN, suite: "bookworm", components },
    { mirror: DEBIAN, suite: "bookworm-updates", components },
    { mirror: "http://deb.debian.org/debian-security", suite: "bookworm-security", components },
  ]);
});

test("parseLines() reads one-line sources, with options and comments", () => {
  const text = `# deb http://old.example x main
deb [arch=amd64 signed-by=/k.gpg] https://a.example/d noble main universe # what for
  deb http://b.example ./
deb-src http://c.example noble main
`;
  assert.deepEqual(parseLines(text), [
    { mirror: "https://a.example/d", suite: "noble", components: ["main", "universe"] },
    { mirror: "http://b.example", suite: "./", components: [] },
  ]);
});

test("sourceFor() takes the host's source of the suite, else that of the host's own suite, else none", () => {
  const sources = parseStanzas(stanzas);
  assert.equal(sourceFor("bookworm", sources, "bookworm")?.mirror, DEBIAN);
  assert.deepEqual(sourceFor("trixie", sources, "bookworm"), {
    ...{ mirror: DEBIAN, suite: "trixie", components: ["main", "contrib"] },
  });
  assert.equal(sourceFor("trixie", sources, "noble"), null);
  assert.equal(sourceFor("trixie", [], ""), null);
});

test("a source with credentials is taken where there is no other, and written nowhere", () => {
  const closed = parseLines(`deb http://me:secret@m.example/d bookworm main
deb http://me:secret@m.example/d bookworm-updates main`);
  assert.match(sourceFor("bookworm", closed, "")?.mirror ?? "", /secret/);
  const sources = [...closed, ...parseLines(`deb ${DEBIAN} bookworm main`)];
  const made = sourceFor("bookworm", sources, "") ?? assert.fail("none is found");
  assert.equal(sourcesList(made, { sources, hostSuite: "bookworm" }), `deb ${DEBIAN} bookworm main`);
});

test("sourcesList() adds what mends the suite, where the mirror is the host's, and nothing of others", () => {
  const sources = [...parseStanzas(stanzas), ...parseLines("deb https://node.example nodistro main")];
  const hostSuite = "bookworm";
  const made = { mirror: DEBIAN, suite: "trixie", components: ["main"] };
  assert.equal(
    sourcesList(made, { sources, hostSuite }),
    [
      `deb ${DEBIAN} trixie main`,
      `deb ${DEBIAN} trixie-updates main`,
      "deb http://deb.debian.org/debian-security trixie-security main",
    ].join("\n"),
  );
  const ubuntu = { mirror: "http://archive.ubuntu.com/ubuntu", suite: "noble", components: ["main"] };
  assert.equal(
    sourcesList(ubuntu, { sources, hostSuite }),
    "deb http://archive.ubuntu.com/ubuntu noble main",
  );
});
