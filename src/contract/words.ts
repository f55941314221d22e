import Type, { type TSchema } from "typebox";

/** The small shapes that several resources share. */

/** What `app` and `name` may be. */
export const Label = Type.String({ pattern: "^[a-z0-9][a-z0-9._-]{0,62}$" });

/** What the lines of a Procfile may be called. */
export const ProcessName = Type.String({ pattern: "^[A-Za-z0-9_-]{1,63}$" });

/** What the id of a proc may be; it is safe as a file name, a cgroup name and a container id. */
export const ProcId = Type.String({ pattern: "^[a-z0-9][a-z0-9-]{0,62}$" });

/** An image is named by the sha256 of its archive's bytes. */
export const Digest = Type.String({ pattern: "^sha256:[0-9a-f]{64}$" });

export const TemplateName = Type.String({ pattern: "^[a-z0-9][a-z0-9._-]{0,62}$" });

/** An OCI runtime, as the daemon knows it: crun, runc, runsc, or one that its operator has added. */
export const RuntimeName = Type.String({ pattern: "^[a-z0-9][a-z0-9._-]{0,62}$" });

/** RFC 3339, UTC, with milliseconds. */
export const Time = Type.String({ format: "date-time" });

export const Port = Type.Integer({ minimum: 1, maximum: 65535 });

/** An opaque position in a stream or a list: give back what was given. */
export const Cursor = Type.String({ maxLength: 256 });

export function nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()]);
}

/** An object that refuses fields it does not know, as every input does. */
export function strictObject<T extends Record<string, TSchema>>(properties: T) {
  return Type.Object(properties, { additionalProperties: false });
}
