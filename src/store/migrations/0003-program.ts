/** Procs of before had their image here and their command looked up when they were created. */
export const program = {
  name: "0003-program",
  sql: `
    UPDATE procs SET record = json_set(
      record,
      '$.spec.imageSha256', json_extract(record, '$.spec.image'),
      '$.program', json_object(
        'digest', json_extract(record, '$.spec.image'),
        'command', json(record -> '$.spec.command')
      )
    ) WHERE json_type(record, '$.program') IS NULL;
  `,
} as const;
