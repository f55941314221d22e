/**
 * Apps write what they like, and terminals obey what they read. Nothing that an app wrote reaches a terminal with
 * a control sequence in it, but for colours in its log.
 */

const ESC = "\\u001b";
/** CSI, then OSC, DCS, SOS, PM and APC with what they enclose, then any other escape of two bytes. */
const SEQUENCES = [
  `(?:${ESC}\\[|\\u009b)[0-?]*[ -/]*[@-~]?`,
  `(?:${ESC}[\\]PX^_]|[\\u009d\\u0090\\u0098\\u009e\\u009f])[^\\u0007\\u001b\\u009c]*(?:\\u0007|${ESC}\\\\|\\u009c)?`,
  `${ESC}[ -/]*[0-~]?`,
];
const CONTROLS = "[\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f]";
const UNWANTED = new RegExp(`${SEQUENCES.join("|")}|${CONTROLS}`, "g");
const COLOR = new RegExp(`^${ESC}\\[[0-9;:]*m$`);
/** Marks of direction too: they make a terminal show a name backwards. */
const ANY_CONTROL = /[\p{Cc}\p{Bidi_Control}]/gu;

/** A log line for a terminal: tabs stay, colours stay where wanted and end with the line. */
export function sanitizeLine(line: string, options: { colors: boolean }): string {
  let colored = false;
  const clean = line.replace(UNWANTED, (found) => {
    if (!options.colors || !COLOR.test(found)) return "";
    colored = true;
    return found;
  });
  return colored ? `${clean}\u001b[0m` : clean;
}

/** A text for a table: control characters are shown as they would be written, `\n` or `\x1b`. */
export function escapeControls(text: string): string {
  return text.replace(ANY_CONTROL, (char) => {
    const known = ({ "\n": "\\n", "\t": "\\t", "\r": "\\r" } as const)[char];
    const code = char.charCodeAt(0).toString(16);
    return known ?? (code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`);
  });
}
