import assert from "node:assert/strict";
import type { Server } from "node:http";
import { after, before, describe, it } from "node:test";
import { noFigures } from "../../../test/fakes/figures.ts";
import { fakeTemplateDoor } from "../../../test/fakes/templates.ts";
import { World } from "../../../test/fakes/world.ts";
import { silentLog } from "../../../test/silent-log.ts";
import { Procs } from "../../procs/procs.ts";
import { digestToken } from "../guard.ts";
import { buildApi } from "../server.ts";

describe("the calls of templates", () => {
  let server: Server;
  let baseUrl = "";
  const signals: AbortSignal[] = [];

  before(async () => {
    const unasked = () => assert.fail("not asked for");
    const api = await buildApi(
      {
        procs: new Procs(new World().needs()),
        images: {
          takeIn: unasked,
          list: unasked,
          get: unasked,
          files: unasked,
          patch: unasked,
          prune: unasked,
          remove: unasked,
        },
        templates: {
          ...fakeTemplateDoor,
          create: (spec, options) => {
            signals.push(options.signal);
            return fakeTemplateDoor.create(spec, options);
          },
        },
        ...noFigures,
        logs: { read: unasked },
        df: unasked,
        journal: { follow: unasked, deliveries: unasked, replay: unasked },
        info: unasked,
        health: () => "ok",
      },
      { guard: { tokenDigest: digestToken("token"), hostNames: [] }, log: silentLog },
    );
    server = api.serverFor("socket");
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    baseUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/v1/templates`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  function create(spec: object, { accept = "application/json", signal }: CallInit = {}): Promise<Response> {
    const headers = { "content-type": "application/json", accept };
    const init = { method: "POST", headers, body: JSON.stringify(spec) };
    return fetch(baseUrl, signal ? { ...init, signal } : init);
  }
  interface CallInit {
    readonly accept?: string;
    readonly signal?: AbortSignal;
  }
  const streamed = { accept: "application/x-ndjson" };
  const linesOf = async (response: Response) =>
    (await response.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));

  it("answers 201 with the template and where it is", async () => {
    const response = await create({ name: "books", debootstrap: { suite: "bookworm" } });
    assert.equal(response.status, 201);
    assert.equal(response.headers.get("location"), "/v1/templates/books");
    const { name } = JSON.parse(await response.text());
    assert.equal(name, "books");
  });

  it("streams the progress and then the template to who accepts NDJSON", async () => {
    const response = await create({ name: "books", debootstrap: { suite: "bookworm" } }, streamed);
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type") ?? "", /^application\/x-ndjson/);
    const [first, second, ...rest] = await linesOf(response);
    assert.deepEqual(first, { progress: { phase: "checking", percent: 0, message: "looking" } });
    assert.equal(second.template.name, "books");
    assert.deepEqual(rest, []);
  });

  it("streams every line of a script, however fast they come", async () => {
    const lines = await linesOf(await create({ name: "scripted", from: { template: "books" } }, streamed));
    assert.deepEqual(
      lines.flatMap(({ progress }) => (progress?.phase === "running" ? [progress.message] : [])),
      ["one", "one", "two"],
    );
  });

  it("ends the stream with the problem of a build that fails under way", async () => {
    const lines = await linesOf(await create({ name: "broken", from: { template: "books" } }, streamed));
    assert.equal(lines.at(-1).problem.code, "build-failed");
    assert.equal(lines.at(-1).problem.status, 422);
  });

  it("answers a build that fails before its first progress with the status of its problem", async () => {
    const response = await create({ name: "taken", directory: { path: "/srv/tree" } }, streamed);
    assert.equal(response.status, 409);
    assert.match(response.headers.get("content-type") ?? "", /^application\/problem\+json/);
    assert.equal(JSON.parse(await response.text()).code, "template-exists");
  });

  for (const kind of ["application/json", "application/x-ndjson"])
    it(`tells the build that its caller has gone (${kind})`, { timeout: 10_000 }, async () => {
      const gone = new AbortController();
      const before = signals.length;
      const answer = create({ name: "endless" }, { accept: kind, signal: gone.signal });
      while (signals.length === before) await new Promise((resolve) => setTimeout(resolve, 5));
      gone.abort();
      await assert.rejects(answer.then((response) => response.text()));
      const signal = signals.at(-1);
      while (!signal?.aborted) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.ok(signal.aborted);
    });

  it("takes an archive's bytes as they come", async () => {
    const init = { method: "PUT", body: new Uint8Array(3_000_000) };
    const response = await fetch(`${baseUrl}/root/archive?replace=true`, init);
    assert.equal(response.status, 201);
    const { bytes, description } = JSON.parse(await response.text());
    assert.deepEqual({ bytes, description }, { bytes: 3_000_000, description: "replace: true" });
  });

  it("removes, and says why not", async () => {
    assert.equal((await fetch(`${baseUrl}/books`, { method: "DELETE" })).status, 204);
    const refused = await fetch(`${baseUrl}/busy`, { method: "DELETE" });
    assert.equal(refused.status, 409);
    assert.equal(JSON.parse(await refused.text()).code, "template-in-use");
  });

  const badSpecs: readonly [what: string, spec: object, pointer: string][] = [
    ["a name that leads away", { name: "../x" }, "/name"],
    ["a suite that is an option", { name: "x", debootstrap: { suite: "--help" } }, "/debootstrap/suite"],
    ["a mirror with a password", mirror("http://me:secret@host/"), "/debootstrap/mirror"],
    ["a mirror in a file", mirror("file:///srv/mirror"), "/debootstrap/mirror"],
    ["a package that is an option", packages("-o"), "/debootstrap/packages/0"],
    ["two packages in one", packages("a,b"), "/debootstrap/packages/0"],
    ["a relative directory", { name: "x", directory: { path: "tree" } }, "/directory/path"],
    ["a directory with an option", { name: "x", directory: { path: "/a,rw" } }, "/directory/path"],
    ["a field that is not known", { name: "x", debootstrap: { suite: "a", user: "b" } }, "/debootstrap/user"],
  ];
  for (const [what, spec, pointer] of badSpecs)
    it(`refuses ${what}`, async () => {
      const response = await create(spec);
      const { errors } = JSON.parse(await response.text());
      assert.deepEqual([response.status, errors[0].pointer], [400, pointer]);
    });
});

function mirror(url: string): object {
  return { name: "x", debootstrap: { suite: "bookworm", mirror: url } };
}

function packages(name: string): object {
  return { name: "x", debootstrap: { suite: "bookworm", packages: [name] } };
}
