import { type Rule, withLinux } from "../bundle.ts";

/**
 * Two ids and no more: the container's root, which owns its kernel filesystems and nothing else, and the app.
 * Every container has its own pair on the host, so that no budget of the kernel that is counted by uid (keys,
 * inotify, pipes) and no file is shared between tenants.
 */
export const idsRule: Rule = (config, { hostId }) => {
  const maps = [
    { containerID: 0, hostID: hostId, size: 1 },
    { containerID: 1000, hostID: hostId + 1, size: 1 },
  ];
  return withLinux(config, { uidMappings: maps, gidMappings: maps });
};
