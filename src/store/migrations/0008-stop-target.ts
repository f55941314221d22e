/** Procs of before are stopped by a signal to their main process. */
export const stopTarget = {
  name: "0008-stop-target",
  sql: `
    UPDATE procs SET record = json_set(record, '$.spec.stop.target', 'main')
    WHERE json_type(record, '$.spec.stop.target') IS NULL;
  `,
} as const;
