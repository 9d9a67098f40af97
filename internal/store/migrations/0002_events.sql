-- What was announced from elsewhere: kept for as long as a repetition may come,
-- and until a run has answered it.
CREATE TABLE event_inbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL,
    type TEXT NOT NULL, subject TEXT NOT NULL, time INTEGER NOT NULL, received INTEGER NOT NULL, sent_by TEXT NOT NULL,
    pending INTEGER NOT NULL, run TEXT NOT NULL, data TEXT, UNIQUE (model, source, id));
CREATE INDEX event_inbox_pending ON event_inbox (model, seq) WHERE pending = 1;
CREATE INDEX event_inbox_received ON event_inbox (received) WHERE pending = 0;

CREATE TABLE incident (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, model TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX incident_model ON incident (model, seq);
