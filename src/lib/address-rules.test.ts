import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeAddress, noFetchRules, type OwnPlaces, parseSubnet, type Subnet } from "./address-rules.ts";

const nowhere = { own: { listeners: [], hostAddresses: [] }, rules: noFetchRules };

function subnets(...texts: string[]): Subnet[] {
  return texts.map((text) => {
    const subnet = parseSubnet(text);
    assert.ok(typeof subnet !== "string", `${text}: ${String(subnet)}`);
    return subnet;
  });
}

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
    ...["::ffff:0:169.254.169.254", "::ffff:0:a9fe:a9fe", "2001::1", "2001:0:a9fe:a9fe:0:0:5601:5601"],
    // A NAT64 of the site's own, by a prefix of 96, 48, 56 and 64.
    ...["64:ff9b:1::169.254.169.254", "64:ff9b:1:fffe::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::"],
    ...["64:ff9b:1:a9:fe:a9fe::", "64:ff9b:1:0:a9:fea9:fe00:0", "64:ff9b:1:0:64:6464:c800:0"],
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
  const carrying6 = ["64:ff9b:1::8.8.8.8", "64:ff9b:1:fffe::10.0.0.1", "::ffff:0:8.8.8.8", "2001:1::1"];
  for (const address of [...fine, ...fine6, ...carrying6])
    assert.equal(judgeAddress({ address, port: 80 }, nowhere), null, address);
});

test("judgeAddress() refuses the daemon's own listeners by address and port", () => {
  const one = {
    listeners: [{ address: "127.0.0.1", port: 7420 }],
    hostAddresses: ["192.168.0.7", "fe80::7"],
  };
  const every = { ...one, listeners: [{ address: "::", port: 7420 }] };
  const judge = (own: OwnPlaces, address: string, port = 7420) =>
    judgeAddress({ address, port }, { own, rules: noFetchRules });

  assert.match(judge(one, "127.0.0.1") ?? "", /this daemon's own/);
  assert.match(judge(one, "::ffff:127.0.0.1") ?? "", /this daemon's own/);
  assert.equal(judge(one, "127.0.0.1", 7421), null);
  assert.equal(judge(one, "192.168.0.7"), null);
  for (const address of ["127.0.0.1", "127.9.9.9", "::1", "192.168.0.7"])
    assert.match(judge(every, address) ?? "", /this daemon's own/, address);
  assert.equal(judge(every, "192.168.0.8"), null);
});

test("judgeAddress() denies what the operator denies, however it is written, before anything else", () => {
  const rules = {
    deny: subnets("127.0.0.0/8", "10.1.2.3", "fd00::/8", "64:ff9b::/32"),
    allow: subnets("0.0.0.0/0", "::/0"),
  };
  const judge = (address: string) => judgeAddress({ address, port: 80 }, { ...nowhere, rules });
  const denied = [
    "127.0.0.1",
    "127.255.255.255",
    "::ffff:127.0.0.1",
    "::7f00:1",
    "2002:7f00:1::",
    "10.1.2.3",
  ];
  for (const address of [...denied, "fd00::1", "fdff::1%lo", "64:ff9b::8.8.8.8"])
    assert.match(judge(address) ?? "", /which the operator denies/, address);
  for (const address of ["126.255.255.255", "128.0.0.1", "10.1.2.4", "::1", "fc00::1", "8.8.8.8"])
    assert.equal(judge(address), null, address);
  assert.equal(judge("127.0.0.1"), "its address is within 127.0.0.0/8, which the operator denies");
});

test("judgeAddress() opens what the operator allows, but never the daemon itself", () => {
  const listeners = [{ address: "127.0.0.1", port: 7420 }];
  const rules = { deny: [], allow: subnets("169.254.0.0/16", "127.0.0.0/8", "fd00:ec2::254", "fe80::/10") };
  const judge = (address: string, port = 80) =>
    judgeAddress({ address, port }, { own: { listeners, hostAddresses: [] }, rules });
  for (const address of ["169.254.169.254", "::ffff:169.254.1.1", "fd00:ec2::254", "fe80::1%lo"])
    assert.equal(judge(address), null, address);
  for (const address of ["0.0.0.0", "224.0.0.1", "100.100.100.200", "fd20:ce::254", "ff02::1"])
    assert.notEqual(judge(address), null, address);
  assert.match(judge("127.0.0.1", 7420) ?? "", /this daemon's own/);
});

test("an allowed network of IPv6 opens no IPv4 that its addresses carry", () => {
  const rules = { deny: [], allow: subnets("::/0") };
  const judge = (address: string) => judgeAddress({ address, port: 80 }, { ...nowhere, rules });
  assert.equal(judge("fe80::1"), null);
  const carrying = ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"];
  for (const address of [...carrying, "64:ff9b:1::a9fe:a9fe", "::ffff:0:a9fe:a9fe"])
    assert.match(judge(address) ?? "", /link-local/, address);
});

test("parseSubnet() takes networks and single addresses, and tells what is wrong with others", () => {
  assert.deepEqual(parseSubnet("10.0.0.0/8"), { network: "10.0.0.0", prefix: 8 });
  assert.deepEqual(parseSubnet("10.0.0.1"), { network: "10.0.0.1", prefix: 32 });
  assert.deepEqual(parseSubnet("FD00::/8"), { network: "FD00::", prefix: 8 });
  for (const text of ["::1", "::/0", "2002::/15", "::ffff:0:0/95"])
    assert.equal(typeof parseSubnet(text), "object", text);
  const wrong: [string, RegExp][] = [
    ...[
      "",
      "localhost",
      "10.0.0.0/",
      "10.0.0/8",
      "10.0.0.0/8/8",
      "10.0.0.0/-1",
      "fe80::1%lo/64",
      "1.2.3.4:80",
    ].map((text): [string, RegExp] => [text, /no IP network/]),
    ["10.0.0.0/33", /longer than 32 bits/],
    ["fd00::/129", /longer than 128 bits/],
    ["::ffff:10.0.0.0/104", /name their network itself, 10\.0\.0\.0\/8$/],
    ["2002:a00::/24", /itself, 10\.0\.0\.0\/8$/],
    ["64:ff9b:1::10.0.0.0/104", /itself, 10\.0\.0\.0\/8$/],
    ["64:ff9b:1::/64", /itself, 0\.0\.0\.0\/0$/],
  ];
  for (const [text, words] of wrong) assert.match(String(parseSubnet(text)), words, text);
});
