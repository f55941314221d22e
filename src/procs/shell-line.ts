/** Words that the shell itself understands, before which `exec` would be wrong or would change what they do. */
const shellWords = new Set(
  [
    "alias bg break case cd command continue do done echo elif else esac eval exec exit export false fc fg fi for",
    "function getopts hash if in jobs kill local printf pwd read readonly return select set shift source test then",
    "time times trap true type ulimit umask unalias unset until wait while",
  ].flatMap((line) => line.split(" ")),
);

/** Leading `NAME=value` words, the values in quotes or not, then the program: a plain word, in quotes or not. */
const simpleCommand =
  /^((?:[A-Za-z_]\w*=(?:[^\s'"`\\;&|()<>{}#]|'[^']*'|"[^"`\\]*")*\s+)*)(["']?)([A-Za-z0-9_./+-]+)\2(?=\s|$)/;

/** The program and arguments that run a line by the shell. */
export function shellArgv(line: string): string[] {
  return ["/bin/sh", "-c", asCommand(line)];
}

/**
 * The shell stays as the parent of what it runs, and ends at SIGTERM without telling its child; so where the line
 * is one command, the shell is told to become that command. The app is then who gets the signal, and whose exit
 * code is seen. Lines of several commands are left as they are.
 */
function asCommand(line: string): string {
  const text = line.trim();
  const match = simpleCommand.exec(text);
  if (match === null || shellWords.has(match[3] ?? "") || hasOperator(text)) return line;
  const [, assignments = ""] = match;
  return `${assignments}exec ${text.slice(assignments.length)}`;
}

/**
 * The program that a line becomes, where that is certain before it runs: it is one command, and does not choose its own
 * PATH. Null otherwise, and where it is one that the shell itself understands.
 */
export function programOfLine(line: string): string | null {
  const text = line.trim();
  const match = simpleCommand.exec(text);
  if (match === null || shellWords.has(match[3] ?? "") || hasOperator(text)) return null;
  return /(^|\s)PATH=/.test(match[1] ?? "") ? null : (match[3] ?? null);
}

/** Whether anything outside quotes joins, groups or ends commands; where that is unclear, it does. */
function hasOperator(line: string): boolean {
  // `${NAME}` groups nothing, and `2>&1` joins nothing.
  const text = line.replace(/\$\{\w+\}|\d*[<>]&\d/g, "");
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (letter === "\\" && quote !== "'") at += 1;
    else if (quote !== "") quote = letter === quote ? "" : quote;
    else if (letter === "'" || letter === '"') quote = letter;
    else if (";&|(){}\n`".includes(letter)) return true;
  }
  return quote !== "";
}
