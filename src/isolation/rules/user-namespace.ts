import { type Rule, withLinux, withProcess } from "../bundle.ts";
import type { OciConfig } from "../oci.ts";

/**
 * On a host without user namespaces, and only where its operator has named the risk: the app is an id of the host's
 * then, its own all the same. What a user namespace alone holds back, it no longer does: see docs/security.md.
 */
export const userNamespaceRule: Rule = (config, { host, hostId }) =>
  host.userNamespaces ? config : withoutUserNamespace(config, hostId);

/** Who the app is where nothing maps its id. */
export function appIdOnHost(hostId: number): number {
  return hostId + 1;
}

export function withoutUserNamespace(config: OciConfig, hostId: number): OciConfig {
  const appId = appIdOnHost(hostId);
  const withIds = withProcess(config, { user: { ...config.process.user, uid: appId, gid: appId } });
  const mounts = withIds.mounts.map((mount) => ({
    ...mount,
    options: mount.options.filter((option) => option !== "idmap"),
  }));
  return withLinux(
    { ...withIds, mounts },
    {
      namespaces: config.linux.namespaces.filter(({ type }) => type !== "user"),
      uidMappings: [],
      gidMappings: [],
    },
  );
}
