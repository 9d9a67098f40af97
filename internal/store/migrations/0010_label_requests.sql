-- Which predictions were handed out to be labelled, for which run, and how they were
-- drawn. Predictions are named by their number: what is erased is not in here.
CREATE TABLE label_request (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, model TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX label_request_model ON label_request (model, seq);
