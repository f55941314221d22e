import { boundFiles, type Rule } from "../bundle.ts";
import type { RuntimeFeatures } from "../features.ts";
import type { OciMount } from "../oci.ts";
import { appIdOnHost } from "./user-namespace.ts";

/**
 * What the runtime at hand cannot do, said in the words that it understands. The last of the rules, since it looks at
 * all mounts. What a proc notices of it is in docs/runtimes.md.
 */
export const abilitiesRule: Rule = (config, { host, hostId }) => {
  const appId = host.userNamespaces ? config.process.user.uid : appIdOnHost(hostId);
  return {
    ...config,
    mounts: config.mounts.map((mount) => within(mount, { features: host.features, appId })),
  };
};

function within(
  mount: OciMount,
  { features, appId }: { readonly features: RuntimeFeatures; readonly appId: number },
): OciMount {
  if (mount.type === "bind" && !features.mappedBinds) return plainBind(mount, features);
  if (mount.type === "tmpfs" && !features.tmpfsModes) return ownedTmpfs(mount, appId);
  return mount;
}

/**
 * Without mapped owners; the files of others look like nobody's. Such a runtime binds what is mounted below a
 * directory too, so that has to be read-only with it. Below a file there is nothing, and crun 1.8 takes no such
 * options there.
 */
function plainBind(mount: OciMount, { recursiveReadOnly }: RuntimeFeatures): OciMount {
  const plain = mount.options.filter((option) => option !== "idmap");
  if (!recursiveReadOnly)
    return { ...mount, options: plain.map((option) => option.replace(/^r(?=no|ro$)/, "")) };
  if (!plain.includes("ro") || boundFiles.has(mount.destination)) return { ...mount, options: plain };
  return { ...mount, options: ["rbind", ...plain.slice(1), "rro", "rnosuid", "rnodev"] };
}

/** What everybody may write to is the app's then: there is nobody else in the container. */
function ownedTmpfs(mount: OciMount, appId: number): OciMount {
  if (!mount.options.includes("mode=1777")) return mount;
  return { ...mount, options: [...mount.options, `uid=${appId}`, `gid=${appId}`] };
}
