/** The proxies of the daemon's environment, as the host's programs find them, and the credentials in URLs. */
type Environment = Readonly<Record<string, string>>;

/** In such a URL an @ stands for nothing else: callers cannot write one. */
export function hasCredentials(url: string): boolean {
  return url.includes("@");
}

export function withoutCredentials(url: string): string {
  return url.replace(/^([a-z]+:\/\/)?.*@/i, "$1");
}

/** Those that a template's own programs may know: they can tell them to whoever made them. */
export function openProxies(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => !hasCredentials(value)));
}

/** Whether the host's programs ask a proxy for that URL. */
export function isProxied(url: string, env: Environment): boolean {
  const { protocol, hostname } = new URL(url);
  if (!env[`${protocol.slice(0, -1)}_proxy`]) return false;
  const direct = (env["no_proxy"] ?? "").split(/[\s,]+/).filter(Boolean);
  return !direct.some((end) => hostname === end || hostname.endsWith(`.${end.replace(/^\./, "")}`));
}

/** The words of a program that knew these, without their credentials. */
export function masked(words: string, env: Environment): string {
  return secretsOf(env).reduce((text, secret) => text.replaceAll(secret, "***"), words);
}

/** The longest first, which hold the others. */
function secretsOf(env: Environment): string[] {
  const found = Object.values(env)
    .filter(hasCredentials)
    .flatMap((url) => {
      const credentials = url.slice(0, url.lastIndexOf("@")).replace(/^[a-z]+:\/\//i, "");
      const password = credentials.slice(credentials.indexOf(":") + 1);
      const plain = [credentials, password].flatMap((text) => [text, decoded(text)]);
      return [...plain, ...plain.map((text) => Buffer.from(text).toString("base64"))];
    });
  return [...new Set(found)].filter(Boolean).sort((a, b) => b.length - a.length);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
