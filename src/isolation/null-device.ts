import { chmod, chown, stat } from "node:fs/promises";

/**
 * crun before 1.24 gives the host's /dev/null to the tenant whenever it is one of a container's standard
 * streams and there is a user namespace (crun issue 1845). So it is given back between create and start, before
 * any code of the tenant's can run, and when the daemon starts.
 */
export async function restoreNullDevice(path = "/dev/null"): Promise<void> {
  const { uid, gid, mode } = await stat(path);
  if (uid !== 0 || gid !== 0) await chown(path, 0, 0);
  if ((mode & 0o7777) !== 0o666) await chmod(path, 0o666);
}
