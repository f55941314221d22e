import { type Rule, readOnlyBind, withMounts } from "../bundle.ts";
import type { OciMount } from "../oci.ts";

/** The template's top-level directories, shared by every container and never copied. */
export const templateRule: Rule = (config, { template }) =>
  withMounts(
    config,
    template.binds.map(({ source, destination }) => readOnlyBind(source, destination)),
  );

/** Where the template's own files lie, closed to the app, which sees each through a veil. */
export const BEHIND = "/run/template";

/** An overlay without anything to write to wants two directories; in this one there is nothing. */
const NOTHING = `${BEHIND}/.nothing`;

/**
 * The same through an overlay each. A file that is bound is the very one that other procs and the host use: the
 * app could take a lock on it (flock) that holds up a program of the host, and be told whenever somebody opens it
 * (inotify). The files of an overlay are each proc's own, while their content is in memory once.
 */
export const veiledTemplateRule: Rule = (config, confinement) => {
  const { template, host } = confinement;
  if (!host.features.overlayMounts || template.binds.length === 0) return templateRule(config, confinement);
  const root = template.skeletonDir;
  const behind = template.binds.map(({ source, destination }) =>
    readOnlyBind(source, `${BEHIND}${destination}`),
  );
  const veils = template.binds.map(({ destination }) => ({
    destination,
    type: "overlay",
    source: "overlay",
    options: [
      `lowerdir=${root}${BEHIND}${destination}:${root}${NOTHING}`,
      ...["userxattr", "ro", "nosuid", "nodev"],
    ],
  }));
  return withMounts(config, [closedTmpfs(BEHIND), closedTmpfs(NOTHING), ...behind, ...veils]);
};

/** Owned by the container's root. */
function closedTmpfs(destination: string): OciMount {
  const options = ["nosuid", "noexec", "nodev", "mode=700", "size=65536", "nr_inodes=1024"];
  return { destination, type: "tmpfs", source: "tmpfs", options };
}

/** What goes on top of the template: the app, its hosts file, or what else the caller names. */
export const extraMountsRule: Rule = (config, { extraMounts }) => withMounts(config, extraMounts);
