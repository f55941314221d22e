import { randomBytes } from "node:crypto";

/** The only place that draws lots; the rooms get them as a need, so that tests can load the dice. */

/** So many random digits, 0-9a-f. */
export function randomHex(digits: number): string {
  return randomBytes(Math.ceil(digits / 2))
    .toString("hex")
    .slice(0, digits);
}

/** A number from 0 up to, but without, 1; for jitter, never for secrets. */
export function randomFraction(): number {
  return Math.random();
}

const NAME_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz";
const NAME_LENGTH = 16;

/** 80 random bits as 16 letters and digits (Crockford's, without i, l, o and u): nobody guesses one. */
export function randomName(): string {
  return [...randomBytes(NAME_LENGTH)].map((byte) => NAME_LETTERS[byte % NAME_LETTERS.length]).join("");
}
