/** Controls, and the characters that turn the direction of the text after them, so that a reader is not misled. */
const UNREADABLE = /(?![\n\t])[\p{Cc}\p{Bidi_Control}\ufeff]/gu;

/** What an app has written, as plain text of at most so many bytes of UTF-8: lines and tabs stay. */
export function readableText(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text.toWellFormed().replaceAll("\r\n", "\n").replace(UNREADABLE, "").trimEnd());
  if (bytes.length <= bytesMax) return bytes.toString("utf8");
  let end = bytesMax;
  // Not amid a character: its later bytes are 10xxxxxx.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end);
}
