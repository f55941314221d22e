/** Procs of before stood on crun, and on a disk without a limit: they are given the default. */
export const runtimeAndAppBytes = {
  name: "0002-runtime-and-app-bytes",
  sql: `
    UPDATE procs SET record = json_set(
      record,
      '$.spec.runtime', coalesce(json_extract(record, '$.spec.runtime'), 'crun'),
      '$.spec.limits.appBytes', coalesce(json_extract(record, '$.spec.limits.appBytes'), 1073741824)
    );
  `,
} as const;
