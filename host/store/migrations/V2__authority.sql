-- What may be done, and who said so. Every change of it raises the generation.
CREATE TABLE authority (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO authority (id, generation) VALUES (1, 1);

CREATE TABLE grants (
    id            TEXT PRIMARY KEY,
    plugin        TEXT NOT NULL,
    plugin_digest TEXT,
    capability    TEXT NOT NULL,               -- in the grammar of capabilities
    effect        TEXT NOT NULL,               -- allow, deny, ask
    scope         TEXT NOT NULL,               -- once, session, project, always
    scope_id      TEXT,                        -- the session or project
    who           TEXT NOT NULL,
    why           TEXT,
    created_us    INTEGER NOT NULL,
    expires_us    INTEGER,
    uses_max      INTEGER,
    uses          INTEGER NOT NULL,
    revoked_us    INTEGER
) STRICT;
CREATE INDEX grants_plugin ON grants (plugin);

CREATE TABLE trust (
    path    TEXT PRIMARY KEY,                  -- of the project's policy file, absolute
    digest  TEXT NOT NULL,
    who     TEXT NOT NULL,
    time_us INTEGER NOT NULL
) STRICT;

CREATE TABLE plugins (
    name           TEXT PRIMARY KEY,
    digest         TEXT NOT NULL,
    version        TEXT NOT NULL,
    world          TEXT NOT NULL,
    needs_json     TEXT NOT NULL,
    component_path TEXT NOT NULL,
    tools_json     TEXT NOT NULL,
    tools_digest   TEXT NOT NULL,
    who            TEXT NOT NULL,
    added_us       INTEGER NOT NULL
) STRICT;

-- Names that belong to a plugin: its own and those of its tools.
CREATE TABLE plugin_names (
    name   TEXT PRIMARY KEY,
    plugin TEXT NOT NULL REFERENCES plugins (name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX plugin_names_plugin ON plugin_names (plugin);

CREATE TABLE operator (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    subject  TEXT NOT NULL,
    issuer   TEXT NOT NULL,
    since_us INTEGER NOT NULL
) STRICT;
