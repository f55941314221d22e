/**
 * Procs of before had no checks and were ready when they ran. A web process is given the check that it would have
 * now, so that asking for it again by its id is still the same; a run of before counts as having passed it.
 */
export const health = {
  name: "0006-health",
  sql: `
    UPDATE procs SET record = json_set(
      record,
      '$.spec.health', json(CASE
        WHEN json_extract(record, '$.spec.process') = 'web' AND json_extract(record, '$.spec.network.mode') <> 'none'
        THEN '{"startup":{"tcp":true,"timeoutMs":60000},"liveness":null,"readiness":null}'
        ELSE '{"startup":null,"liveness":null,"readiness":null}'
      END),
      '$.health', json_object(
        'started', json('true'),
        'ready', json('true'),
        'healthy', json('true'),
        'readyAt', json_extract(record, '$.startedAt')
      )
    ) WHERE json_type(record, '$.health') IS NULL;
  `,
} as const;
