/**
 * Config values are secrets: of all tables only `procs` holds them. Rows of `callbacks` outlive their proc, so
 * they refer to the event alone. `events.seq` counts on from `meta.last_seq`, never from the rows, so that
 * removing old rows never makes a number come twice.
 */
export const first = {
  name: "0001-first",
  sql: `
    CREATE TABLE meta (
      key TEXT PRIMARY KEY,
      value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO meta (key, value) VALUES ('last_seq', '0');

    CREATE TABLE procs (
      id TEXT PRIMARY KEY,
      state TEXT NOT NULL,
      record TEXT NOT NULL CHECK (json_valid(record))
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE runs (
      id TEXT PRIMARY KEY,
      proc_id TEXT NOT NULL REFERENCES procs (id),
      slot INTEGER NOT NULL UNIQUE,
      record TEXT NOT NULL CHECK (json_valid(record))
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX runs_by_proc ON runs (proc_id);

    CREATE TABLE events (
      seq INTEGER PRIMARY KEY CHECK (seq > 0),
      id TEXT NOT NULL UNIQUE,
      type TEXT NOT NULL,
      time TEXT NOT NULL,
      proc_id TEXT NOT NULL,
      body TEXT NOT NULL CHECK (json_valid(body))
    ) STRICT;
    CREATE INDEX events_by_proc ON events (proc_id, seq);

    -- A lane is the deliveries of one proc to one URL. Only its oldest row has a next_attempt_at, in
    -- milliseconds since 1970; the others wait for their turn with NULL.
    CREATE TABLE callbacks (
      event_seq INTEGER PRIMARY KEY REFERENCES events (seq) ON DELETE CASCADE,
      proc_id TEXT NOT NULL,
      url TEXT NOT NULL,
      target TEXT NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      next_attempt_at INTEGER,
      last_error TEXT
    ) STRICT;
    CREATE INDEX callbacks_by_lane ON callbacks (proc_id, url, event_seq);
    CREATE INDEX callbacks_by_target ON callbacks (target, next_attempt_at) WHERE next_attempt_at IS NOT NULL;

    -- Lanes whose receiver has said that it wants no more; forgotten together with the proc.
    CREATE TABLE dropped_callbacks (
      proc_id TEXT NOT NULL REFERENCES procs (id) ON DELETE CASCADE,
      url TEXT NOT NULL,
      PRIMARY KEY (proc_id, url)
    ) STRICT, WITHOUT ROWID;
  `,
} as const;
