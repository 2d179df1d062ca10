-- The journal: sales as their entries, and everything that must be unique.
-- Times are milliseconds since 1970, UTC. Ids are ULIDs as text.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a sale. Everything but id and number is computed from the entries, for queries.
CREATE TABLE sales (
    id           TEXT PRIMARY KEY,
    number       TEXT NOT NULL UNIQUE,
    counter      INTEGER NOT NULL,
    opened_ms    INTEGER NOT NULL,
    closed_ms    INTEGER,
    closed       TEXT,
    phase        TEXT NOT NULL,
    money        TEXT NOT NULL,
    goods        TEXT NOT NULL,
    open_order   INTEGER NOT NULL,
    open_cases   INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency     TEXT NOT NULL,
    last4        TEXT,
    receipt      TEXT,
    entries      INTEGER NOT NULL
) STRICT;
CREATE INDEX sales_open ON sales (opened_ms) WHERE closed IS NULL OR open_order = 1;
CREATE INDEX sales_opened ON sales (opened_ms);
CREATE INDEX sales_counter ON sales (counter);

-- The facts. Never changed, never deleted.
CREATE TABLE entries (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    sale    TEXT NOT NULL REFERENCES sales (id),
    seq     INTEGER NOT NULL,
    run     INTEGER NOT NULL,
    mono_ms INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    synced  INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    json    TEXT NOT NULL,
    UNIQUE (sale, seq)
) STRICT;

-- terminal, account:NAME, stock:PROFILE.
CREATE TABLE locks (
    lock TEXT PRIMARY KEY,
    sale TEXT NOT NULL REFERENCES sales (id)
) STRICT, WITHOUT ROWID;

-- Activation codes, sealed. The keyed hash is of the SM-DP+ address in lower case and the matching id as it is.
-- The owner is the sale that delivered it or may deliver it; none while it lies in stock.
CREATE TABLE profiles (
    id       TEXT PRIMARY KEY,
    identity BLOB NOT NULL UNIQUE,
    sealed   BLOB,
    owner    TEXT REFERENCES sales (id),
    made_ms  INTEGER NOT NULL,
    wiped_ms INTEGER
) STRICT;
CREATE INDEX profiles_owner ON profiles (owner);

-- Which sale a provider's order belongs to.
CREATE TABLE orders (
    provider  TEXT NOT NULL,
    reference TEXT NOT NULL,
    item      INTEGER NOT NULL,
    sale      TEXT NOT NULL REFERENCES sales (id),
    good      INTEGER NOT NULL,
    UNIQUE (provider, reference, item)
) STRICT;

-- Which sale a terminal's receipt belongs to.
CREATE TABLE receipts (
    terminal_id TEXT NOT NULL,
    receipt     TEXT NOT NULL,
    trace       TEXT NOT NULL,
    day         INTEGER NOT NULL,
    sale        TEXT NOT NULL REFERENCES sales (id),
    UNIQUE (terminal_id, receipt, trace, day)
) STRICT;

-- Claim codes: found by keyed hash, sealed for the screen and the paper of their own sale.
CREATE TABLE claims (
    sale   TEXT PRIMARY KEY REFERENCES sales (id),
    hash   BLOB NOT NULL UNIQUE,
    sealed BLOB NOT NULL
) STRICT;

-- What a person must weigh.
CREATE TABLE cases (
    sale       TEXT NOT NULL REFERENCES sales (id),
    place      INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    evidence   TEXT NOT NULL,
    opened_ms  INTEGER NOT NULL,
    due_ms     INTEGER NOT NULL,
    owner      TEXT NOT NULL,
    decided_ms INTEGER,
    decision   TEXT,
    reason     TEXT,
    PRIMARY KEY (sale, place)
) STRICT;

-- The terminal's ends of day that we know of.
CREATE TABLE days (
    number    INTEGER PRIMARY KEY,
    closed_ms INTEGER NOT NULL,
    evidence  TEXT NOT NULL
) STRICT;

-- Profiles bought before they are sold, or kept for a claim code. `ends_*` say until when it is kept.
CREATE TABLE stock (
    profile      TEXT PRIMARY KEY REFERENCES profiles (id),
    state        TEXT NOT NULL CHECK (state IN ('free', 'reserved', 'sold', 'cancelling', 'retired')),
    offer        TEXT NOT NULL,
    reference    TEXT,
    came_from    TEXT REFERENCES sales (id),
    kept_for     TEXT REFERENCES sales (id),
    kept_run     INTEGER,
    kept_mono_ms INTEGER,
    kept_wall_ms INTEGER,
    kept_synced  INTEGER,
    kept_ms      INTEGER,
    changed_ms   INTEGER NOT NULL
) STRICT;
CREATE INDEX stock_state ON stock (state);

-- What the operator's back office gets once: written in the transaction that closes the sale.
CREATE TABLE outbox (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    sale    TEXT NOT NULL UNIQUE REFERENCES sales (id),
    made_ms INTEGER NOT NULL,
    sent_ms INTEGER
) STRICT;
CREATE INDEX outbox_open ON outbox (id) WHERE sent_ms IS NULL;
