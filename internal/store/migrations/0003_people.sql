-- A principal is a person or a service, may be held to some models (a JSON list,
-- or nothing for all), and its token may end by itself.
ALTER TABLE principal ADD COLUMN kind TEXT NOT NULL DEFAULT 'person';
ALTER TABLE principal ADD COLUMN models TEXT;
ALTER TABLE principal ADD COLUMN data INTEGER NOT NULL DEFAULT 0;
ALTER TABLE principal ADD COLUMN expires INTEGER;
ALTER TABLE principal ADD COLUMN last_used INTEGER;
