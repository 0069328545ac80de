-- The ledger: append-only. `bytes` are the leaf, exactly as hashed; every other column repeats what
-- list, show and follow need to find it.
CREATE TABLE ledger_sessions (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE ledger (
    idx     INTEGER PRIMARY KEY,               -- index of the leaf in the host's log, dense from 0
    session INTEGER NOT NULL,                  -- ledger_sessions.id
    seq     INTEGER NOT NULL,                  -- place in the session's chain, dense from 1
    receipt TEXT,                              -- none for read-sets (see ledger_items), calls, changes
    call    TEXT,
    time_us INTEGER NOT NULL,
    mark    INTEGER NOT NULL,                  -- 0 plain, 1 intent, 2 indeterminate, 3 outcome
    bytes   BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX ledger_chain ON ledger (session, seq);
CREATE INDEX ledger_receipt ON ledger (receipt) WHERE receipt IS NOT NULL;
CREATE INDEX ledger_call ON ledger (call) WHERE call IS NOT NULL;

-- The receipts inside read-sets.
CREATE TABLE ledger_items (
    receipt TEXT NOT NULL,
    idx     INTEGER NOT NULL,
    PRIMARY KEY (receipt, idx)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_sessions_no_update BEFORE UPDATE ON ledger_sessions
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_sessions_no_delete BEFORE DELETE ON ledger_sessions
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_items_no_update BEFORE UPDATE ON ledger_items
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_items_no_delete BEFORE DELETE ON ledger_items
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
