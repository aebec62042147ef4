-- How often a followed address is looked at and why, what its pages are usually like, and how far back it has been read.

ALTER TABLE source ADD COLUMN min_every_s INTEGER NOT NULL DEFAULT 60;
ALTER TABLE source ADD COLUMN pace_s INTEGER;       -- the interval in force; none before the first reading
ALTER TABLE source ADD COLUMN why TEXT;             -- why `next_due` is when it is, for people
ALTER TABLE source ADD COLUMN rhythm TEXT;          -- JSON: what the interval is chosen by
ALTER TABLE source ADD COLUMN norm TEXT;            -- JSON: how well its entries are usually filled
ALTER TABLE source ADD COLUMN aside TEXT;           -- JSON: readings that were set aside since the last good one
ALTER TABLE source ADD COLUMN accepted INTEGER;     -- when somebody last said that what is set aside is right
ALTER TABLE source ADD COLUMN backfill TEXT;        -- JSON: which older page is to be read next
UPDATE source SET min_every_s = min(60, every_s);
