-- What was asked for to be forgotten and is not finished yet. A row goes with
-- the transaction that records the end: until then it says who is meant.
CREATE TABLE erasure (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
