-- 1 when the page that had it first went no further back than its minute, so that older pages may have more of that minute.
-- Of what was read before, nobody knows; most pages show more than one minute.
ALTER TABLE entry ADD COLUMN edge INTEGER NOT NULL DEFAULT 0;
