/** Stops of before were all asked for by somebody. */
export const stoppingWhy = {
  name: "0004-stopping-why",
  sql: `
    UPDATE procs SET record = json_set(record, '$.stopping.why', 'stopped')
    WHERE json_type(record, '$.stopping') = 'object' AND json_type(record, '$.stopping.why') IS NULL;
  `,
} as const;
