-- Stories: entries of different outlets about one development. Which entries are in one since when is a fact like any other and
-- is compared after a replay; what it was found by is made of the entries.

-- What an entry is told by (`story::Gist`), since its words were last edited.
CREATE TABLE story_gist (
    entry INTEGER PRIMARY KEY,      -- entry.n
    published INTEGER NOT NULL,     -- or when it was first seen, for one dated later than that
    outlet TEXT NOT NULL,
    gist TEXT NOT NULL
) STRICT;
CREATE INDEX story_gist_published ON story_gist (published, outlet);

-- What it is found by: the minima of its gist (`story::KEYS` of them).
CREATE TABLE story_key (
    key INTEGER NOT NULL,
    published INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (key, published, entry)
) STRICT, WITHOUT ROWID;

-- The stories that an entry has been in; the last one is the one it is in.
CREATE TABLE story_member (
    entry INTEGER NOT NULL,         -- entry.n
    since INTEGER NOT NULL,         -- `at` of the change that showed it
    story BLOB NOT NULL,
    PRIMARY KEY (entry, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX story_member_of_story ON story_member (story, since);

-- Stories that were found to be one: the older one keeps its id, and the other one stays a name of it.
CREATE TABLE story_alias (
    id BLOB PRIMARY KEY,
    story BLOB NOT NULL,
    since INTEGER NOT NULL
) STRICT;
