import { type Fault, SharkuError } from "../contract/errors.ts";
import type { Directory } from "../contract/template.ts";
import { judgeDestinations, judgeHostDir } from "./host-paths.ts";
import type { Fill } from "./site.ts";

/**
 * A directory of the host, used where it stands: nothing is filled, and nothing of it is ever changed by us.
 * Errors: `invalid-request`.
 */
export function useDirectory({ path, binds = [] }: Directory): Fill {
  return async ({ needs, teller }) => {
    teller.tell("checking", `Looking at ${path}`);
    const places = [path, ...binds.map(({ source }) => source)];
    const judged = await Promise.all(
      places.map((place, index) => judgeHostDir(place, { ownDirs: needs.ownDirs, isTree: index === 0 })),
    );
    const faults = judged.flatMap((detail, index): Fault[] => {
      const pointer = index === 0 ? "/directory/path" : `/directory/binds/${index - 1}/source`;
      return detail === null ? [] : [{ pointer, detail }];
    });
    faults.push(...judgeDestinations(binds.map(({ destination }) => destination)));
    const [first] = faults;
    if (first !== undefined) {
      const place = first.pointer.endsWith("destination") ? "the bind" : `directory "${path}"`;
      throw new SharkuError("invalid-request", `Cannot use ${place}: ${first.pointer} ${first.detail}`, {
        faults,
      });
    }
    const also = binds.length === 0 ? "" : ` with ${binds.map(({ destination }) => destination).join(", ")}`;
    return {
      kind: "directory",
      description: `${path} of the host${also}`,
      source: { directory: { path, binds: [...binds] } },
      sourcesList: "",
    };
  };
}
