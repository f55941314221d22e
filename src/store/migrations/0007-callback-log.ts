/**
 * What has become of each delivery is kept, beside what still waits, so that it can be looked at and asked for again;
 * and callbacks can be signed. `position` is twice the number of the event, and odd for what was asked for again: that
 * comes behind all that waited then, and before all that happened after.
 */
export const callbackLog = {
  name: "0007-callback-log",
  sql: `
    ALTER TABLE callbacks ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
    UPDATE callbacks SET position = 2 * event_seq;
    -- In milliseconds since 1970, as next_attempt_at.
    ALTER TABLE callbacks ADD COLUMN replayed_at INTEGER;
    ALTER TABLE callbacks ADD COLUMN last_attempt_at INTEGER;
    DROP INDEX callbacks_by_lane;
    CREATE INDEX callbacks_by_lane ON callbacks (proc_id, url, position, event_seq);

    CREATE TABLE deliveries (
      event_seq INTEGER PRIMARY KEY REFERENCES events (seq) ON DELETE CASCADE,
      proc_id TEXT NOT NULL,
      url TEXT NOT NULL,
      outcome TEXT NOT NULL CHECK (outcome IN ('delivered', 'given-up', 'called-off')),
      attempts INTEGER NOT NULL,
      last_word TEXT,
      last_attempt_at INTEGER,
      finished_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX deliveries_by_proc ON deliveries (proc_id, event_seq);
    CREATE INDEX deliveries_in_vain ON deliveries (finished_at) WHERE outcome <> 'delivered';

    -- What the deliveries of a lane are signed with; kept as long as an event of the proc is.
    CREATE TABLE callback_secrets (
      proc_id TEXT NOT NULL,
      url TEXT NOT NULL,
      secrets TEXT NOT NULL CHECK (json_valid(secrets)),
      PRIMARY KEY (proc_id, url)
    ) STRICT, WITHOUT ROWID;

    UPDATE procs SET record = json_set(record, '$.spec.callbackSecrets', json('[]'))
      WHERE json_type(record, '$.spec.callbackSecrets') IS NULL;
  `,
} as const;
