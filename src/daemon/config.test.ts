import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CannotStart } from "../lib/cannot-start.ts";
import { type DaemonConfig, parseConfig } from "./config.ts";

function parse(argv: string[], env: NodeJS.ProcessEnv = {}): DaemonConfig {
  const config = parseConfig(argv, env);
  assert.ok(config !== "help");
  return config;
}

describe("parseConfig()", () => {
  it("knows the defaults of the contract", () => {
    const { name, ...rest } = parse([]);
    assert.ok(name.length > 0);
    assert.deepEqual(rest, {
      stateDir: "/var/lib/sharku",
      runDir: "/run/sharku",
      socket: "/run/sharku/sharku.sock",
      listen: { host: "127.0.0.1", port: 7420 },
      portRange: { first: 10000, last: 19999 },
      runtimes: ["crun", "runc", "runsc"].map((name) => ({ name, program: null })),
      runtimeTimeoutMs: 30_000,
      insecureNoUserns: false,
      memoryOvercommit: null,
      fetchRules: { allow: [], deny: [] },
      images: {
        bytesMax: 1024 ** 3,
        filesMax: 200_000,
        water: { high: 0.85, low: 0.8 },
        keptMsMin: 600_000,
      },
      gilliam: null,
      events: { eventsMax: 100_000, ms: 7 * 24 * 3_600_000 },
    });
  });

  it("takes the limits of images and when unused ones go", () => {
    const argv = ["--image-bytes", "2G", "--image-files", "5000", "--image-water", "70-50"];
    assert.deepEqual(parse(argv, { SHARKU_IMAGE_GRACE: "90s" }).images, {
      bytesMax: 2 * 1024 ** 3,
      filesMax: 5000,
      water: { high: 0.7, low: 0.5 },
      keptMsMin: 90_000,
    });
    for (const [name, wrong] of [
      ["bytes", "12"],
      ["bytes", "much"],
      ["files", "0"],
      ["files", "1e3"],
      ["water", "80"],
      ["water", "80-85"],
      ["water", "101-5"],
      ["grace", "10"],
    ])
      assert.throws(
        () => parse([`--image-${name}`, wrong ?? ""]),
        (error) => error instanceof CannotStart && error.message.includes(`--image-${name} "${wrong}"`),
      );
  });

  it("takes how much memory may be promised", () => {
    assert.equal(parse(["--memory-overcommit", "1.5"]).memoryOvercommit, 1.5);
    assert.equal(parse([], { SHARKU_MEMORY_OVERCOMMIT: "2" }).memoryOvercommit, 2);
    for (const wrong of ["0", "-1", "much", "1e9"])
      assert.throws(
        () => parse([`--memory-overcommit=${wrong}`]),
        (error) => error instanceof CannotStart && error.message.includes(`memory overcommit "${wrong}"`),
      );
  });

  it("takes the risk of no user namespaces only by its name", () => {
    assert.equal(parse(["--insecure-no-userns"]).insecureNoUserns, true);
    assert.equal(parse([], { SHARKU_INSECURE_NO_USERNS: "1" }).insecureNoUserns, true);
    assert.equal(parse([], { SHARKU_INSECURE_NO_USERNS: "" }).insecureNoUserns, false);
  });

  it("takes runtimes by their paths, the default first", () => {
    const argv = ["--runtime", "kata", "--add-runtime", "kata=/opt/kata", "--add-runtime", "runc=/opt/runc"];
    assert.deepEqual(parse(argv).runtimes, [
      { name: "kata", program: "/opt/kata" },
      { name: "crun", program: null },
      { name: "runc", program: "/opt/runc" },
      { name: "runsc", program: null },
    ]);
    const env = { SHARKU_ADD_RUNTIME: "a=/opt/a,b=/opt/b", SHARKU_RUNTIME: "b" };
    assert.deepEqual(parse([], env).runtimes[0], { name: "b", program: "/opt/b" });
  });

  it("takes networks that may be fetched from, and others that may not, of both families", () => {
    const argv = ["--fetch-deny", "127.0.0.0/8,10.0.0.1", "--fetch-deny", "fd00::/8"];
    const env = { SHARKU_FETCH_ALLOW: "169.254.0.0/16, fe80::/10", SHARKU_FETCH_DENY: "1.2.3.4" };
    assert.deepEqual(parse(argv, env).fetchRules, {
      allow: [
        { network: "169.254.0.0", prefix: 16 },
        { network: "fe80::", prefix: 10 },
      ],
      deny: [
        { network: "127.0.0.0", prefix: 8 },
        { network: "10.0.0.1", prefix: 32 },
        { network: "fd00::", prefix: 8 },
      ],
    });
  });

  it("takes variables, and options before them", () => {
    const env = { SHARKU_STATE_DIR: "/a", SHARKU_RUN_DIR: "/b", SHARKU_PORT_RANGE: "2000-2001" };
    const config = parse(["--state-dir", "/c"], env);
    assert.deepEqual([config.stateDir, config.runDir, config.socket], ["/c", "/b", "/b/sharku.sock"]);
    assert.deepEqual(config.portRange, { first: 2000, last: 2001 });
  });

  it("listens on loopback only, by an address and not by a name", () => {
    assert.deepEqual(parse(["--listen", "localhost:80"]).listen, { host: "127.0.0.1", port: 80 });
    assert.deepEqual(parse(["--listen", "[::1]:80"]).listen, { host: "::1", port: 80 });
  });

  const refused = [
    ["--listen", "0.0.0.0:7420"],
    ["--listen", "127.0.0.1:0"],
    ["--listen", "127.0.0.1"],
    ["--port-range", "5-9"],
    ["--port-range", "9000-8000"],
    ["--state-dir", ""],
    ["--state-dir", "/a,b"],
    ["--run-dir", "/a:b"],
    ["--state-dir", "/a\nb"],
    ["--runtime", "kata"],
    ["--add-runtime", "kata"],
    ["--add-runtime", "kata=bin/kata"],
    ["--add-runtime", "../x=/bin/true"],
    ["--runtime-timeout", "0"],
    ["--runtime-timeout", "soon"],
    ["--fetch-deny", "10.0.0.0/33"],
    ["--fetch-allow", "localhost"],
    ["--fetch-allow", "10.0.0.0/8,a\nb"],
    ["--fetch-deny", "::ffff:10.0.0.0/104"],
    ["--colour", "red"],
    ["more"],
  ];
  for (const argv of refused) {
    it(`cannot start with ${JSON.stringify(argv)}, and says why in one line`, () => {
      assert.throws(
        () => parse(argv),
        (error) => error instanceof CannotStart && !error.message.includes("\n"),
      );
    });
  }
});
