import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { goodReport } from "../../test/fakes/build-needs.ts";
import { dir, link } from "./entries.ts";
import { checksOf, judgeMountpoints, readReport, shownDirs, skeletonEntries } from "./report.ts";

/** The good report, with the line of a mountpoint replaced. */
function withKind(path: string, kind: string): string[] {
  return goodReport.map((line) =>
    line.endsWith(` ${path}`) && line.startsWith("M") ? `M ${kind} ${path}` : line,
  );
}

describe("readReport()", () => {
  test("reads directories, links, the size and the architecture of the shell", () => {
    const report = readReport(goodReport);
    assert.deepEqual([report.bytes, report.files, report.arch], [1000, 10, "amd64"]);
    assert.deepEqual(report.links, [{ name: "bin", target: "usr/bin" }]);
    assert.deepEqual(shownDirs(report), ["etc", "usr"]);
  });

  test("knows other architectures, and says where it knows none", () => {
    const archOf = (head: string) => readReport([`A ${head}`]).arch;
    assert.equal(archOf("7f454c460201010000000000000000000300b700"), "arm64");
    assert.equal(archOf("7f454c460201010000000000000000000300ffff"), "unknown");
    assert.equal(archOf("23212f62696e2f7368"), null);
  });

  test("takes no name that could be something else", () => {
    const { dirs, links } = readReport([
      "E d ..",
      "E d .git",
      "E d a/b",
      "E d a:b",
      `E d ${"x".repeat(65)}`,
      "E l -x y",
    ]);
    assert.deepEqual([dirs, links], [[], []]);
  });
});

describe("judgeMountpoints()", () => {
  test("finds nothing wrong with a usual tree", () => {
    assert.deepEqual(judgeMountpoints(readReport(goodReport)), []);
  });

  for (const path of ["app", "dev", "proc", "run", "sys", "tmp", "etc", "etc/hosts", "etc/resolv.conf"])
    test(`refuses a link at /${path}`, () => {
      const faults = judgeMountpoints(readReport(withKind(path, "link")));
      assert.equal(faults.length, 1);
      assert.match(faults[0]?.detail ?? "", new RegExp(`^/${path} is a link, wanted `));
    });

  test("wants a directory in the tree for a bind that lies in one of its own", () => {
    const report = readReport([...goodReport, "M none usr/java", "M dir usr/lib"]);
    assert.deepEqual(judgeMountpoints(report, ["/usr/lib", "/opt/java"]), []);
    assert.match(judgeMountpoints(report, ["/usr/java"])[0]?.detail ?? "", /^\/usr\/java is not there/);
  });
});

test("skeletonEntries() makes mountpoints, places for binds, and only links that stay in the tree", () => {
  const lines = [
    "E l lib usr/lib",
    "E l up ../x",
    "E l far /usr/../..",
    "E l usr elsewhere",
    "E l opt /etc",
    "E l none ",
  ];
  const entries = skeletonEntries(readReport([...goodReport, ...lines]), ["/opt/java", "/usr/java"]);
  const expected = [
    ...["etc", "usr", "app", "dev", "proc", "run", "sys", "tmp", "opt/java"].map(dir),
    ...[link("bin", "usr/bin"), link("lib", "usr/lib")],
  ];
  assert.deepEqual(entries, expected);
});

describe("checksOf()", () => {
  const statusOf = (lines: string[], trial: string | null = null) =>
    Object.fromEntries(
      checksOf(readReport(lines), { hostArch: "amd64", trial }).map(({ name, status }) => [name, status]),
    );

  test("finds all well", () => {
    assert.deepEqual(new Set(Object.values(statusOf(goodReport))), new Set(["ok"]));
  });

  test("fails where nothing of it runs here, and warns of what some apps miss", () => {
    const bare = goodReport.filter((line) => !line.startsWith("C "));
    assert.deepEqual(statusOf(bare, "no /bin/sh"), {
      ...{ shell: "fail", arch: "ok", loader: "warn", starts: "fail" },
      ...{ certificates: "warn", user: "warn", owners: "warn", timezones: "warn" },
    });
    const arm = goodReport.map((line) =>
      line.startsWith("A ") ? "A 7f454c460201010000000000000000000300b700" : line,
    );
    assert.equal(statusOf(arm)["arch"], "fail");
  });
});
