CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO counter (name, value) VALUES ('fence', 0), ('plan_token', 0);

CREATE TABLE run (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, model TEXT NOT NULL,
    state TEXT NOT NULL, ending TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX run_model ON run (model, seq);
CREATE UNIQUE INDEX run_open ON run (model) WHERE state <> 'closed';

CREATE TABLE version (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, id TEXT NOT NULL,
    artefact TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (model, id));

CREATE TABLE alias (
    model TEXT NOT NULL, alias TEXT NOT NULL, version TEXT NOT NULL, PRIMARY KEY (model, alias),
    FOREIGN KEY (model, version) REFERENCES version (model, id));
CREATE TABLE alias_move (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, alias TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX alias_move_model ON alias_move (model, seq);

CREATE TABLE dataset (id TEXT PRIMARY KEY, model TEXT NOT NULL, body TEXT NOT NULL);

CREATE TABLE decision (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, model TEXT NOT NULL,
    starts INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX decision_model ON decision (model, seq);

CREATE TABLE plan (model TEXT PRIMARY KEY, token INTEGER NOT NULL UNIQUE, body TEXT NOT NULL);

CREATE TABLE watch (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, version TEXT NOT NULL, run TEXT NOT NULL,
    body TEXT NOT NULL, UNIQUE (model, version, run));

CREATE TABLE config (seq INTEGER PRIMARY KEY AUTOINCREMENT, sha256 TEXT NOT NULL, body TEXT NOT NULL);

CREATE TABLE event (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, model TEXT NOT NULL,
    run TEXT NOT NULL, version TEXT NOT NULL, sentence TEXT NOT NULL, data TEXT, salt TEXT NOT NULL,
    data_hash TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL);
CREATE INDEX event_model ON event (model, seq);

CREATE TABLE signal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, name TEXT NOT NULL, slice TEXT NOT NULL,
    at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX signal_name ON signal (model, name, at, seq);
CREATE TABLE latest_signal (
    model TEXT NOT NULL, name TEXT NOT NULL, slice TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (model, name, slice));

CREATE TABLE principal (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, token_sha256 TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL, revoked INTEGER);

CREATE TABLE schema (
    model TEXT NOT NULL, fingerprint INTEGER NOT NULL, fields TEXT NOT NULL, PRIMARY KEY (model, fingerprint));

-- The last numbers that the event log gave, kept for when retention drops the
-- files that hold them.
CREATE TABLE mark (
    model TEXT PRIMARY KEY, prediction INTEGER NOT NULL, feedback INTEGER NOT NULL, shadow INTEGER NOT NULL);
