-- What sessions that outlive a process have added below a mount: what counts, and what processes hold ready.
CREATE TABLE quotas (
    session TEXT NOT NULL,
    plugin  TEXT NOT NULL,
    dev     INTEGER NOT NULL,
    ino     INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    files   INTEGER NOT NULL,
    PRIMARY KEY (session, plugin, dev, ino)
) STRICT, WITHOUT ROWID;
