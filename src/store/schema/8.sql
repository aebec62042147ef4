-- The outlet stands with the key. Of each key some hundred rows are looked at for those of other outlets, for sixteen keys of each
-- new entry, and looking each one up elsewhere was most of what storing an entry cost.
ALTER TABLE story_key ADD COLUMN outlet TEXT NOT NULL DEFAULT '';
UPDATE story_key SET outlet = (SELECT outlet FROM story_gist WHERE story_gist.entry = story_key.entry);
