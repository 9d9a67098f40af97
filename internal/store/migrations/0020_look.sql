-- What other policies would have done at each decision, apart from its evidence,
-- which takes thousands of times the room.
CREATE TABLE look (
    model TEXT NOT NULL, at INTEGER NOT NULL, decision TEXT NOT NULL, others TEXT NOT NULL,
    PRIMARY KEY (model, at, decision)) WITHOUT ROWID;
