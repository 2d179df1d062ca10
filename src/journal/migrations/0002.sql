-- What is computed at an end of day, or when somebody asks: journal, terminal and providers side by side.
CREATE TABLE reckonings (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    made_ms  INTEGER NOT NULL,
    day      INTEGER NOT NULL,
    balanced INTEGER NOT NULL,
    json     TEXT NOT NULL
) STRICT;

-- Since when nothing of the traveller is left in the entries of a sale.
ALTER TABLE sales ADD COLUMN anonymous_ms INTEGER;
CREATE INDEX sales_closed ON sales (closed_ms) WHERE closed IS NOT NULL AND anonymous_ms IS NULL;

-- Set where this journal may not be the newest: not for sale until the provider says that it was never used.
ALTER TABLE stock ADD COLUMN unproven INTEGER NOT NULL DEFAULT 0;
-- When the provider's offer to install it ends, where it says so; milliseconds since 1970.
ALTER TABLE stock ADD COLUMN expires_ms INTEGER;

-- Profiles that an operator had bought for the stock: one order each, written before it is sent.
CREATE TABLE purchases (
    id        TEXT PRIMARY KEY,
    provider  TEXT NOT NULL,
    reference TEXT,
    open      INTEGER NOT NULL,
    json      TEXT NOT NULL,
    UNIQUE (provider, reference)
) STRICT;
CREATE INDEX purchases_open ON purchases (id) WHERE open = 1;
