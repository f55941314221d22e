/** What a reader does not see, or sees in another order: controls, marks of direction, breaks of lines, halves. */
const HIDDEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u{feff}]/gu;

/** A stranger's name for a message: what cannot be seen in it is written out, as `\u202e`. */
export function escapeHidden(text: string): string {
  return text.replace(HIDDEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
