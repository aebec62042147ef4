-- What a feed of corrections shows (`Query::SIGNIFICANT`): few of all edits, so that a walk over those would look through them all.
CREATE INDEX change_of_corrections ON change (seq DESC)
WHERE kind IN ('edited', 'withdrawn') AND significance >= 0.2;
CREATE INDEX change_of_corrections_of_outlet ON change (outlet, seq DESC)
WHERE kind IN ('edited', 'withdrawn') AND significance >= 0.2;
CREATE INDEX change_of_corrections_of_blog ON change (blog, seq DESC)
WHERE kind IN ('edited', 'withdrawn') AND significance >= 0.2;
