import { createHmac } from "node:crypto";

const KEY_PREFIX = "whsec_";

export interface Signed {
  readonly id: string;
  /** When this attempt is made, so that a receiver can refuse what somebody sends again much later. */
  readonly time: Date;
  readonly body: Uint8Array;
  /** One signature by each: while a secret is replaced, the receiver knows the old one or the new. */
  readonly secrets: readonly string[];
}

/** The headers of Standard Webhooks, with a signature by HMAC-SHA256 where there is a secret. */
export function webhookHeaders({ id, time, body, secrets }: Signed): Record<string, string> {
  const timestamp = String(Math.floor(time.getTime() / 1000));
  const headers = { "webhook-id": id, "webhook-timestamp": timestamp };
  if (secrets.length === 0) return headers;
  const signatures = secrets.map((secret) => {
    const hmac = createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.`).update(body);
    return `v1,${hmac.digest("base64")}`;
  });
  return { ...headers, "webhook-signature": signatures.join(" ") };
}

/** `whsec_` and a key in base64, as the specification writes secrets; any other text is the key as it stands. */
function keyOf(secret: string): Buffer {
  return secret.startsWith(KEY_PREFIX)
    ? Buffer.from(secret.slice(KEY_PREFIX.length), "base64")
    : Buffer.from(secret, "utf8");
}
