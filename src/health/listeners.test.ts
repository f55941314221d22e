import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { explainRefusal } from "./explain.ts";
import { listenersOf, parseTable } from "./listeners.ts";

const HEAD =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

/** The beginning of a line as the kernel prints it. */
function line(number: number, local: string, state: string): string {
  const remote = local.replace(/.*:/, (address) => address.replaceAll(/[0-9A-F]/g, "0"));
  return `   ${number}: ${local} ${remote}:0000 ${state} 00000000:00000000 00:00000000 00000000  1000`;
}

describe("parseTable()", () => {
  it("tells what listens, on which addresses, and nothing of connections", () => {
    const text = [
      HEAD,
      line(0, "0100007F:0BB8", "0A"),
      line(1, "00000000:1F90", "0A"),
      line(2, "0A00BE0A:0050", "0A"),
      line(3, "0100007F:C001", "01"),
      "   4: 0100007F:0BB",
    ].join("\n");
    assert.deepEqual(parseTable(text), [
      { family: 4, port: 3000, scope: "loopback", text: "127.0.0.1:3000" },
      { family: 4, port: 8080, scope: "any", text: "0.0.0.0:8080" },
      { family: 4, port: 80, scope: "other", text: "10.190.0.10:80" },
    ]);
  });

  it("tells the same of IPv6", () => {
    const text = [
      HEAD,
      line(0, "00000000000000000000000000000000:0BB8", "0A"),
      line(1, "00000000000000000000000001000000:0BB8", "0A"),
      line(2, "0000000000000000FFFF00000100007F:0BB8", "0A"),
      line(3, "B80D0120000000000000000001000000:0BB8", "0A"),
    ].join("\n");
    assert.deepEqual(parseTable(text), [
      { family: 6, port: 3000, scope: "any", text: "[::]:3000" },
      { family: 6, port: 3000, scope: "loopback", text: "[::1]:3000" },
      { family: 4, port: 3000, scope: "loopback", text: "127.0.0.1:3000" },
      { family: 6, port: 3000, scope: "other", text: "[2001:db8:0:0:0:0:0:1]:3000" },
    ]);
  });
});

describe("listenersOf()", () => {
  it("tells nothing of the host's own network, and nothing of a process that is gone", async () => {
    assert.deepEqual(await listenersOf(process.pid), []);
    assert.deepEqual(await listenersOf(2 ** 30), []);
  });
});

describe("explainRefusal()", () => {
  const at = (text: string, scope: "any" | "loopback" | "other", port: number) =>
    ({ family: text.startsWith("[") ? 6 : 4, port, scope, text }) as const;

  it("says what to change, by what the app listens on", () => {
    const words = (...listeners: ReturnType<typeof at>[]) => explainRefusal(3000, listeners);
    assert.match(words(), /^nothing listens on its PORT, which is 3000; bind 0\.0\.0\.0/);
    assert.match(words(at("127.0.0.1:3000", "loopback", 3000)), /^it listens on 127\.0\.0\.1:3000 only/);
    assert.match(words(at("[::1]:3000", "loopback", 3000)), /^it listens on \[::1\]:3000 only/);
    assert.match(words(at("[::]:3000", "any", 3000)), /for IPv6 only/);
    assert.match(words(at("0.0.0.0:80", "any", 80)), /^it listens on 0\.0\.0\.0:80, and not on its PORT/);
    assert.match(words(at("127.0.0.1:80", "loopback", 80), at("0.0.0.0:3000", "any", 3000)), /just begun/);
  });
});
