import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeAddress, noFetchRules } from "../lib/address-rules.ts";
import type { Judge } from "../lib/judged-lookup.ts";
import { judgeCallbackUrl } from "./callback-address.ts";

const judge: Judge = (place) =>
  judgeAddress(place, { own: { listeners: [], hostAddresses: [] }, rules: noFetchRules });

test("judgeCallbackUrl() names what is wrong, and where", () => {
  const detail = (url: string) => judgeCallbackUrl(url, judge).map((fault) => fault.detail);

  for (const url of [
    "http://127.0.0.1:8000/a?b=c",
    "https://orchestrator.example/",
    "http://localhost./",
    "http://2130706433/",
  ])
    assert.deepEqual(detail(url), [], url);
  assert.match(detail("not a url")[0] ?? "", /no URL/);
  assert.match(detail("file:///etc/passwd")[0] ?? "", /scheme is "file:"/);
  assert.match(detail("http://me:secret@example.org/")[0] ?? "", /credentials/);
  assert.doesNotMatch(detail("http://me:secret@example.org/")[0] ?? "", /secret/);
  for (const host of [
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0",
    "[::]",
    "[fe80::1]",
    "[::ffff:169.254.169.254]",
  ])
    assert.match(detail(`http://${host}/latest/meta-data`)[0] ?? "", /may not be called/, host);
  assert.equal(judgeCallbackUrl("gopher://x", judge, "/callback/url")[0]?.pointer, "/callback/url");
});
