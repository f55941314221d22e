/** Words that the shell itself understands, before which `exec` would be wrong or would change what they do. */
const shellWords = new Set(
  [
    "alias bg break case cd command continue do done echo elif else esac eval exec exit export false fc fg fi for",
    "function getopts hash if in jobs kill local printf pwd read readonly return select set shift source test then",
    "time times trap true type ulimit umask unalias unset until wait while",
  ].flatMap((line) => line.split(" ")),
);

/** Leading `NAME=value` words, then the program: a plain word, without quotes, variables or patterns. */
const simpleCommand = /^((?:[A-Za-z_][A-Za-z0-9_]*=[^\s'"$`\\]*\s+)*)([A-Za-z0-9_./+-]+)(?=\s|$)/;

/**
 * The line as the shell is given it. The shell stays as the parent of what it runs, and ends at SIGTERM without
 * telling its child; so where the line is one command, the shell is told to become that command. The app is then
 * who gets the signal, and whose exit code is seen. Lines of several commands are left as they are.
 */
export function shellLine(line: string): string {
  const text = line.trim();
  const match = simpleCommand.exec(text);
  if (match === null || shellWords.has(match[2] ?? "") || hasOperator(text)) return line;
  const [, assignments = ""] = match;
  return `${assignments}exec ${text.slice(assignments.length)}`;
}

/** Whether anything outside quotes joins, groups or ends commands; where that is unclear, it does. */
function hasOperator(text: string): boolean {
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (letter === "\\" && quote !== "'") at += 1;
    else if (quote !== "") quote = letter === quote ? "" : quote;
    else if (letter === "'" || letter === '"') quote = letter;
    else if (";&|(){}\n`".includes(letter)) return isNoVariable(text, at);
  }
  return quote !== "";
}

/** `${NAME}` has braces that group nothing. */
function isNoVariable(text: string, at: number): boolean {
  return !/^\$\{\w+\}?$/.test(text.slice(Math.max(0, text.lastIndexOf("$", at)), at + 1));
}
