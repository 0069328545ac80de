-- The ledger as a Merkle log (RFC 6962): whole tiles of 256 hashes, what was signed of it and with which
-- keys, and how far bodies have been removed.
CREATE TABLE ledger_tiles (
    id     INTEGER PRIMARY KEY,
    level  INTEGER NOT NULL,                   -- 0: hashes of leaves; n: roots of tiles of level n - 1
    tile   INTEGER NOT NULL,
    hashes BLOB NOT NULL,                      -- 256 of 32 bytes
    root   BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX ledger_tiles_place ON ledger_tiles (level, tile);

CREATE TABLE ledger_heads (
    size    INTEGER PRIMARY KEY,               -- leaves that are signed
    time_us INTEGER NOT NULL,
    note    TEXT NOT NULL                      -- signed note
) STRICT;

CREATE TABLE ledger_keys (
    id       INTEGER PRIMARY KEY,              -- the last one signs
    verifier TEXT NOT NULL UNIQUE,
    since_us INTEGER NOT NULL
) STRICT;

-- Of leaves below `upto` the body may be gone; their hashes are in tiles.
CREATE TABLE ledger_retention (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    upto INTEGER NOT NULL
) STRICT;
INSERT INTO ledger_retention (id, upto) VALUES (1, 0);

-- The last entry of each chain whose body is gone.
CREATE TABLE ledger_pruned (
    session INTEGER PRIMARY KEY,               -- ledger_sessions.id
    seq     INTEGER NOT NULL,
    hash    BLOB NOT NULL
) STRICT;

DROP TRIGGER ledger_no_delete;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
WHEN OLD.idx >= (SELECT upto FROM ledger_retention)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
DROP TRIGGER ledger_items_no_delete;
CREATE TRIGGER ledger_items_no_delete BEFORE DELETE ON ledger_items
WHEN OLD.idx >= (SELECT upto FROM ledger_retention)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

CREATE TRIGGER ledger_tiles_no_update BEFORE UPDATE ON ledger_tiles
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_tiles_no_delete BEFORE DELETE ON ledger_tiles
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_heads_no_update BEFORE UPDATE ON ledger_heads
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_heads_no_delete BEFORE DELETE ON ledger_heads
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_keys_no_update BEFORE UPDATE ON ledger_keys
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_keys_no_delete BEFORE DELETE ON ledger_keys
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
