import { runCommand } from "../lib/run-command.ts";
import { readOnlyBind } from "./bundle.ts";
import type { AppPlace } from "./disks/app-disks.ts";
import type { RuntimeFeatures } from "./features.ts";
import type { OciMount } from "./oci.ts";
import type { RunPaths } from "./run-paths.ts";

/**
 * For find: what others than the owner cannot read, a directory for all that is in it. A link has no mode of its own.
 * Its names never come to us: some are no UTF-8, and would not be found again.
 */
const CLOSED = "-mindepth 1 '(' -type d ! -perm -005 -prune -o ! -type d ! -type l ! -perm -004 ')'";

const WHOLE = "-maxdepth 0";

/** What /app is made of. */
export interface AppParts {
  readonly skeletonDir: string;
  /** The image's files, or an empty directory. */
  readonly imageDir: string;
  readonly place: AppPlace;
  readonly paths: RunPaths;
}

/** The app's own files: the image below, what it writes above, and the names of its network. */
export function appMounts(parts: AppParts, features: RuntimeFeatures): OciMount[] {
  const { place, paths } = parts;
  return [
    ...(features.overlayMounts ? overlaid(parts) : [copied(place)]),
    readOnlyBind(paths.hostsFile, "/etc/hosts"),
    readOnlyBind(paths.resolvFile, "/etc/resolv.conf"),
  ];
}

/**
 * Puts into the writable part what the runtime cannot show of the image: all of it where it mounts no overlay; where
 * it maps no owners, so that the image's files look like nobody's, those that only their owner may read.
 */
export async function fillApp(
  { imageDir, place }: AppParts,
  { features, owner }: { features: RuntimeFeatures; owner: number },
): Promise<void> {
  if (features.overlayMounts && features.mappedBinds) return;
  // Nothing else writes to either of the two yet, so nobody moves a directory while cp and chown walk. The script
  // goes to the image itself: entering another mount namespace leads to its root.
  const script = [
    'cd -- "$IMAGE"',
    `find . ${features.overlayMounts ? CLOSED : WHOLE} -exec cp -a --parents --reflink=auto -t "$0" -- {} +`,
    'chown -Rh --preserve-root "$OWNER:$OWNER" "$0"',
  ].join(" && ");
  await runCommand([...place.enterArgv, "sh", "-c", script, place.upperDir], {
    env: { PATH: process.env["PATH"], LANG: "C.UTF-8", IMAGE: imageDir, OWNER: String(owner) },
  });
}

function overlaid({ skeletonDir, imageDir, place }: AppParts): OciMount[] {
  const imageMount = "/run/sharku/image";
  return [
    // Owned by the container's root and closed: the app sees its image through /app only.
    {
      destination: "/run/sharku",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "noexec", "nodev", "mode=700", "size=65536", "nr_inodes=16"],
    },
    readOnlyBind(imageDir, imageMount),
    {
      destination: "/app",
      type: "overlay",
      source: "overlay",
      options: [
        `lowerdir=${skeletonDir}${imageMount}`,
        `upperdir=${place.upperDir}`,
        `workdir=${place.workDir}`,
        "userxattr",
        "nosuid",
        "nodev",
      ],
    },
  ];
}

function copied({ upperDir }: AppPlace): OciMount {
  return {
    destination: "/app",
    type: "bind",
    source: upperDir,
    options: ["bind", "rw", "nosuid", "nodev", "private"],
  };
}
