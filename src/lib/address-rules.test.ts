import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeAddress } from "./address-rules.ts";

const nowhere = { listeners: [], hostAddresses: [] };

test("judgeAddress() refuses what can be no receiver, however it is written", () => {
  const refused = [
    ...[
      "169.254.169.254",
      "169.254.0.1",
      "0.0.0.0",
      "0.1.2.3",
      "224.0.0.1",
      "255.255.255.255",
      "100.100.100.200",
    ],
    ...["::", "fe80::1", "fe80::1%lo", "febf::1", "ff02::1", "fd00:ec2::254", "FD00:0EC2:0:0:0:0:0:254"],
    ...[
      "::ffff:169.254.169.254",
      "::ffff:a9fe:a9fe",
      "0:0:0:0:0:ffff:a9fe:a9fe",
      "::169.254.169.254",
      "::ffff:0.0.0.0",
    ],
    ...["64:ff9b::169.254.169.254", "2002:a9fe:a9fe::", "2002:a9fe:a9fe:1:2:3:4:5"],
  ];
  for (const address of refused) assert.notEqual(judgeAddress({ address, port: 80 }, nowhere), null, address);
});

test("judgeAddress() lets loopback, private and public addresses pass", () => {
  const fine = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.0.1",
    "100.64.0.1",
    "8.8.8.8",
    "168.254.0.1",
    "223.255.255.255",
  ];
  const fine6 = ["::1", "fd00:ec2::253", "2001:db8::1", "::ffff:127.0.0.1", "2002:7f00:1::", "fec0::1"];
  for (const address of [...fine, ...fine6])
    assert.equal(judgeAddress({ address, port: 80 }, nowhere), null, address);
});

test("judgeAddress() refuses the daemon's own listeners by address and port", () => {
  const one = {
    listeners: [{ address: "127.0.0.1", port: 7420 }],
    hostAddresses: ["192.168.0.7", "fe80::7"],
  };
  const every = { ...one, listeners: [{ address: "::", port: 7420 }] };
  const judge = (own: typeof one, address: string, port = 7420) => judgeAddress({ address, port }, own);

  assert.match(judge(one, "127.0.0.1") ?? "", /this daemon's own/);
  assert.match(judge(one, "::ffff:127.0.0.1") ?? "", /this daemon's own/);
  assert.equal(judge(one, "127.0.0.1", 7421), null);
  assert.equal(judge(one, "192.168.0.7"), null);
  for (const address of ["127.0.0.1", "127.9.9.9", "::1", "192.168.0.7"])
    assert.match(judge(every, address) ?? "", /this daemon's own/, address);
  assert.equal(judge(every, "192.168.0.8"), null);
});
