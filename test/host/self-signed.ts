import { generateKeyPairSync, sign } from "node:crypto";

/** A certificate for `localhost` that nobody vouches for, made anew each time. */
export function selfSigned(): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  // RFC 5280, version 1: serial number, algorithm, issuer, validity, subject, key.
  const ecdsaWithSha256 = sequence(der(OID, Buffer.from("2a8648ce3d040302", "hex")));
  const commonName = sequence(der(OID, Buffer.from("550403", "hex")), der(UTF8, Buffer.from("localhost")));
  const name = sequence(der(SET, commonName));
  const validity = sequence(
    der(UTC_TIME, Buffer.from("200101000000Z")),
    der(UTC_TIME, Buffer.from("491231235959Z")),
  );
  const key = publicKey.export({ type: "spki", format: "der" });
  const told = sequence(der(INTEGER, Buffer.from([1])), ecdsaWithSha256, name, validity, name, key);
  const signature = Buffer.concat([Buffer.from([0]), sign("sha256", told, privateKey)]);
  const cert = sequence(told, ecdsaWithSha256, der(BIT_STRING, signature)).toString("base64");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${cert.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
  };
}

const [INTEGER, BIT_STRING, OID, UTF8, UTC_TIME, SEQUENCE, SET] = [2, 3, 6, 12, 23, 0x30, 0x31] as const;

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(SEQUENCE, Buffer.concat(parts));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}
