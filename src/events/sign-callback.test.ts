import assert from "node:assert/strict";
import { test } from "node:test";
import { webhookHeaders } from "./sign-callback.ts";

const signed = {
  id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
  time: new Date(1_614_265_330_999),
  body: Buffer.from('{"test": 2432232314}'),
};

test("webhookHeaders() signs as the example of Standard Webhooks is signed", () => {
  assert.deepEqual(webhookHeaders({ ...signed, secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] }), {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test("webhookHeaders() takes a secret without prefix as it stands, and signs by each of several", () => {
  const plain = webhookHeaders({ ...signed, secrets: ["plain words"] })["webhook-signature"];
  const both = webhookHeaders({
    ...signed,
    secrets: ["plain words", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
  });

  assert.match(plain ?? "", /^v1,[A-Za-z0-9+/]{43}=$/);
  assert.equal(both["webhook-signature"], `${plain} v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=`);
});

test("webhookHeaders() signs nothing where there is no secret", () => {
  assert.deepEqual(Object.keys(webhookHeaders({ ...signed, secrets: [] })), [
    "webhook-id",
    "webhook-timestamp",
  ]);
});
