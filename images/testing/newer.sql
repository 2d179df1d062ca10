-- A step that a next version of the schema might take, for the test of the way back alone: what the version before it
-- reads and writes must still be there. A column with a default, a table and an index of its own.
ALTER TABLE sales ADD COLUMN place TEXT NOT NULL DEFAULT 'hall';
ALTER TABLE outbox ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
CREATE TABLE visits (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    came_ms INTEGER NOT NULL
) STRICT;
INSERT INTO visits (came_ms) SELECT opened_ms FROM sales;
CREATE INDEX sales_place ON sales (place);
