/**
 * What a runtime can do of what a bundle would like to use. Found out by a trial, not assumed of a name or a version:
 * runc 1.1 takes the option for mapped owners and does nothing with it.
 */
export interface RuntimeFeatures {
  /** A bind with `idmap` shows the files' owners through the container's maps. */
  readonly mappedBinds: boolean;
  /** Takes the filter of system calls compiled. */
  readonly readyMadeSeccomp: boolean;
  /** Mounts an overlay. */
  readonly overlayMounts: boolean;
  /** A tmpfs has the mode it is asked to have, also over a directory with another. */
  readonly tmpfsModes: boolean;
  /** Makes mountpoints below other mounts, so that the root may be bare. */
  readonly makesMountpoints: boolean;
  /** `rro` makes a bind and all that is mounted below it read-only. */
  readonly recursiveReadOnly: boolean;
}

/** Those of a current crun. */
export const allFeatures: RuntimeFeatures = {
  mappedBinds: true,
  readyMadeSeccomp: true,
  overlayMounts: true,
  tmpfsModes: true,
  makesMountpoints: true,
  recursiveReadOnly: true,
};

/** Those of a runtime of which nothing is known but that it is one. */
export const fewFeatures: RuntimeFeatures = {
  mappedBinds: false,
  readyMadeSeccomp: false,
  overlayMounts: true,
  tmpfsModes: false,
  makesMountpoints: true,
  recursiveReadOnly: false,
};

/** Those that gVisor has: its own kernel mounts, and only binds come from the host. */
export const sentryFeatures: RuntimeFeatures = {
  ...fewFeatures,
  overlayMounts: false,
  makesMountpoints: false,
};
