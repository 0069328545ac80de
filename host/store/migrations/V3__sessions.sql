-- Sessions: events, lease, transcript.
CREATE TABLE sessions (
    id              TEXT PRIMARY KEY,
    next_seq        INTEGER NOT NULL,
    removed         INTEGER NOT NULL DEFAULT 0,
    checkpoint_seq  INTEGER,
    checkpoint_json TEXT,
    host            TEXT,
    fence           INTEGER NOT NULL,
    until_us        INTEGER NOT NULL,
    wanted          INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE session_events (
    session TEXT NOT NULL REFERENCES sessions (id),
    seq     INTEGER NOT NULL,
    id      TEXT NOT NULL UNIQUE,
    time_us INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    json    TEXT NOT NULL,
    PRIMARY KEY (session, seq)
) STRICT;

CREATE TABLE session_transcript (
    session    TEXT NOT NULL REFERENCES sessions (id),
    generation INTEGER NOT NULL,
    n          INTEGER NOT NULL,
    json       TEXT NOT NULL,
    PRIMARY KEY (session, generation, n)
) STRICT;

-- Keys of removed sessions whose files are still to be deleted.
CREATE TABLE session_keys_to_delete (
    session TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What plugins keep.
CREATE TABLE kv (
    namespace TEXT NOT NULL,
    key       TEXT NOT NULL,
    value     BLOB NOT NULL,
    PRIMARY KEY (namespace, key)
) STRICT;

CREATE TABLE kv_usage (
    namespace TEXT PRIMARY KEY,
    keys      INTEGER NOT NULL,
    bytes     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

PRAGMA application_id = 1953261415;
