import assert from "node:assert/strict";
import { test } from "node:test";
import { escapeHidden } from "./escape-hidden.ts";

test("escapeHidden() writes out what cannot be seen, and leaves the rest as it is", () => {
  assert.equal(escapeHidden("a\nb\u001b[2J\u0085"), "a\\u000ab\\u001b[2J\\u0085");
  assert.equal(
    escapeHidden("\u202egpj.exe\u2066\u200f\u2028\ufeff"),
    "\\u202egpj.exe\\u2066\\u200f\\u2028\\ufeff",
  );
  assert.equal(escapeHidden("half \ud800"), "half \\ud800");
  assert.equal(escapeHidden('Gänse "füßchen" 🦆\\'), 'Gänse "füßchen" 🦆\\');
});
