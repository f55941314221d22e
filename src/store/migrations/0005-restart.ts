/** Procs of before were never started again, and had all the time there is. */
export const restart = {
  name: "0005-restart",
  sql: `
    UPDATE procs SET record = json_set(
      record,
      '$.spec.restart', json('{"policy":"never","maxAttempts":null,"backoffMs":1000,"backoffMaxMs":60000,"resetAfterMs":60000}'),
      '$.spec.ttlMs', NULL,
      '$.restarts', 0, '$.attempts', 0, '$.nextRestartAt', NULL, '$.lastExit', NULL
    ) WHERE json_type(record, '$.restarts') IS NULL;
  `,
} as const;
