import assert from "node:assert/strict";
import { test } from "node:test";
import { isProxied, masked, openProxies, withoutCredentials } from "./proxies.ts";

const open = "http://proxy.example:3128";
const closed = "http://me:p%40ss@proxy.example:3128";

test("openProxies() leaves out those with credentials", () => {
  const env = { http_proxy: closed, https_proxy: open, no_proxy: "a.example" };
  assert.deepEqual(openProxies(env), { https_proxy: open, no_proxy: "a.example" });
  assert.equal(withoutCredentials(closed), open);
});

test("isProxied() goes by the scheme, and by the names that are asked directly", () => {
  const env = { http_proxy: open, no_proxy: "near.example, .org" };
  assert.equal(isProxied("http://far.example/debian", env), true);
  assert.equal(isProxied("http://linear.example/debian", env), true);
  for (const url of [
    "https://far.example/",
    "http://near.example/",
    "http://a.near.example/",
    "http://b.org/",
  ])
    assert.equal(isProxied(url, env), false, url);
  assert.equal(isProxied("http://far.example/", {}), false);
});

test("masked() leaves no credentials of a proxy, however they are written", () => {
  const told = `bad ${closed}; p@ss; p%40ss; Basic ${Buffer.from("me:p@ss").toString("base64")}`;
  assert.equal(
    masked(told, { http_proxy: closed }),
    "bad http://***@proxy.example:3128; ***; ***; Basic ***",
  );
  assert.equal(masked(told, { http_proxy: open }), told);
});
