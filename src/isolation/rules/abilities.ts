import type { Rule } from "../bundle.ts";
import type { RuntimeFeatures } from "../features.ts";
import type { OciMount } from "../oci.ts";

/**
 * What the runtime at hand cannot do, said in the words that it understands. The last of the rules, since it looks at
 * all mounts. What a proc notices of it is in docs/runtimes.md.
 */
export const abilitiesRule: Rule = (config, { host }) => ({
  ...config,
  mounts: config.mounts.map((mount) => within(mount, host.features)),
});

function within(mount: OciMount, features: RuntimeFeatures): OciMount {
  if (mount.type === "bind" && !features.mappedBinds) return plainBind(mount, features);
  if (mount.type === "tmpfs" && !features.tmpfsModes) return ownedTmpfs(mount);
  return mount;
}

/**
 * Without mapped owners; the files of others look like nobody's. Such a runtime binds what is mounted below a
 * directory too, so that has to be read-only with it.
 */
function plainBind(mount: OciMount, { recursiveReadOnly }: RuntimeFeatures): OciMount {
  const plain = mount.options.filter((option) => option !== "idmap");
  if (!recursiveReadOnly)
    return { ...mount, options: plain.map((option) => option.replace(/^r(?=no|ro$)/, "")) };
  if (!plain.includes("ro")) return { ...mount, options: plain };
  return { ...mount, options: ["rbind", ...plain.slice(1), "rro", "rnosuid", "rnodev"] };
}

/** What everybody may write to is the app's then: there is nobody else in the container. */
function ownedTmpfs(mount: OciMount): OciMount {
  if (!mount.options.includes("mode=1777")) return mount;
  return { ...mount, options: [...mount.options, "uid=1000", "gid=1000"] };
}
