import { SharkuError } from "../../src/contract/errors.ts";
import { type Route, type RouteName, routes } from "../../src/contract/routes.ts";

/** The call of the contract that a request is, and the parts of its path. Errors: `no-such-call`. */
export function matchRoute(
  method: string,
  path: string,
): { name: RouteName; params: Record<string, string> } {
  const table: Readonly<Record<string, Route>> = routes;
  for (const name of Object.keys(routes)) {
    const route = table[name];
    const pattern = new RegExp(`^${route?.path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`);
    const match = route?.method === method ? pattern.exec(path) : null;
    // `Object.keys` forgets that the keys are the names of the routes.
    if (match) return { name: name as RouteName, params: decode(match.groups ?? {}) };
  }
  throw new SharkuError("no-such-call", `Cannot find "${method} ${path}": there is no such call`);
}

function decode(groups: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]));
}
