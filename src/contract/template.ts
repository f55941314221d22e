import Type, { type Static } from "typebox";
import { Problem } from "./errors.ts";
import { Digest, nullable, strictObject, TemplateName, Time } from "./words.ts";

/**
 * Templates: the filesystems that procs stand on. One is asked for by `TemplateSpec`, or by the bytes of an archive;
 * what is made of it is a version, which is never changed again. The next version of the same name leaves the runs
 * on the last one as they are.
 */

/** What a list may hold is written so that no word can be taken for an option. */
const PackageName = Type.String({ pattern: "^[a-z0-9][a-z0-9+.-]{0,127}$" });
const Packages = Type.Array(PackageName, { maxItems: 500 });
const Component = Type.String({ pattern: "^[a-z0-9][a-z0-9-]{0,30}$" });
const Suite = Type.String({ pattern: "^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$" });
const Mirror = Type.String({ pattern: "^https?://[A-Za-z0-9._~:/%\\[\\]-]{1,500}$" });
const Architecture = Type.String({ pattern: "^[a-z0-9][a-z0-9-]{0,30}$" });

/** A path on the host. Letters that part one mount option from the next are not taken. */
const HostPath = Type.String({ pattern: '^/[^\\x00-\\x1f\\x7f,:"\\\\]{0,1000}$' });

/** What of the network a build may reach: the host's, or none. */
export const buildNetworks = ["host", "none"] as const;

/** Which packages debootstrap takes: the fewest, those for building packages too, or all that are standard. */
export const debootstrapVariants = ["minbase", "buildd", "standard"] as const;

/** A distribution's packages, fetched and unpacked by debootstrap. */
export const Debootstrap = strictObject({
  suite: Suite,
  mirror: Type.Optional(Mirror),
  variant: Type.Optional(Type.Enum([...debootstrapVariants], { default: "minbase" })),
  packages: Type.Optional(Packages),
  components: Type.Optional(Type.Array(Component, { minItems: 1, maxItems: 16 })),
  arch: Type.Optional(Architecture),
  keyring: Type.Optional(HostPath),
});
export type Debootstrap = Static<typeof Debootstrap>;

export const Bind = strictObject({ source: HostPath, destination: HostPath });
export type Bind = Static<typeof Bind>;

/** A directory of the host as it stands, read-only and never copied; `binds` lay further ones over it. */
export const Directory = strictObject({
  path: HostPath,
  binds: Type.Optional(Type.Array(Bind, { maxItems: 32 })),
});
export type Directory = Static<typeof Directory>;

/** The newest version of another template, with packages more, or with what a script changes in it. */
export const Derivation = strictObject({
  template: TemplateName,
  packages: Type.Optional(Packages),
  script: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 262_144,
      description: "text that the template's /bin/sh -e runs",
    }),
  ),
  network: Type.Optional(Type.Enum([...buildNetworks], { default: "host" })),
});
export type Derivation = Static<typeof Derivation>;

/** What a template is to be made of: exactly one of the three. */
export const TemplateSpec = strictObject({
  name: TemplateName,
  replace: Type.Optional(
    Type.Boolean({ default: false, description: "make the next version where the name is taken" }),
  ),
  debootstrap: Type.Optional(Debootstrap),
  directory: Type.Optional(Directory),
  from: Type.Optional(Derivation),
});
export type TemplateSpec = Static<typeof TemplateSpec>;

export const templateKinds = ["host", "debootstrap", "archive", "directory", "from"] as const;
export type TemplateKind = (typeof templateKinds)[number];

/** What a version was made of, with every default filled in. Of a script, its digest only: it may hold secrets. */
export const TemplateSource = Type.Object({
  debootstrap: Type.Optional(
    Type.Object({
      suite: Type.String(),
      mirror: Type.String(),
      variant: Type.Enum([...debootstrapVariants]),
      packages: Type.Array(Type.String()),
      components: Type.Array(Type.String()),
      arch: Type.String(),
      keyring: nullable(Type.String()),
    }),
  ),
  archive: Type.Optional(Type.Object({ digest: Digest, bytes: Type.Integer() })),
  directory: Type.Optional(Type.Object({ path: Type.String(), binds: Type.Array(Bind) })),
  from: Type.Optional(
    Type.Object({
      template: Type.String(),
      version: Type.String(),
      packages: Type.Array(Type.String()),
      scriptDigest: nullable(Digest),
      network: Type.Enum([...buildNetworks]),
    }),
  ),
});
export type TemplateSource = Static<typeof TemplateSource>;

/** One thing that was looked for in a template. `fail` refuses it; `warn` is what some apps will miss. */
export const Check = Type.Object({
  name: Type.String(),
  status: Type.Enum(["ok", "warn", "fail"]),
  found: Type.String(),
});
export type Check = Static<typeof Check>;

export const buildPhases = [
  "checking",
  "receiving",
  "downloading",
  "unpacking",
  "configuring",
  "installing",
  "running",
  "finishing",
] as const;
export type BuildPhase = (typeof buildPhases)[number];

/** How far a build is. `percent` is that of the whole build and never goes back; null where nobody can tell. */
export const Progress = Type.Object({
  phase: Type.Enum([...buildPhases]),
  percent: nullable(Type.Integer({ minimum: 0, maximum: 100 })),
  message: Type.String(),
});
export type Progress = Static<typeof Progress>;

export const Build = Type.Object({ ...Progress.properties, startedAt: Time });
export type Build = Static<typeof Build>;

export const TemplateVersion = Type.Object({
  version: Type.String(),
  createdAt: Time,
  procs: Type.Integer({ description: "how many procs have a run on it" }),
});
export type TemplateVersion = Static<typeof TemplateVersion>;

export const Template = Type.Object({
  name: TemplateName,
  kind: Type.Enum([...templateKinds]),
  state: Type.Enum(["ready", "building"], { description: "`building`: its first version is being made" }),
  version: nullable(Type.String({ description: "the newest, which the next run stands on" })),
  description: Type.String(),
  arch: nullable(Type.String()),
  createdAt: nullable(Time),
  bytes: nullable(Type.Integer({ description: "null where the files are the host's" })),
  files: nullable(Type.Integer()),
  source: TemplateSource,
  checks: Type.Array(Check),
  versions: Type.Array(TemplateVersion, { description: "that stand on the disk, newest first" }),
  procs: Type.Integer({ description: "how many procs name it or run on it" }),
  build: nullable(Build),
});
export type Template = Static<typeof Template>;

/** A line of a build's streamed answer: the last one is the template, or what went wrong. */
export const BuildRecord = Type.Union([
  Type.Object({ progress: Progress }),
  Type.Object({ template: Template }),
  Type.Object({ problem: Problem }),
]);
export type BuildRecord = Static<typeof BuildRecord>;
