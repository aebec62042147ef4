-- The life of entries: what every capture changed, what was shown before, and one log of it all.
--
-- Two clocks. `seen` is the instant of a capture. `at` is when a change counts as made: the capture's instant, or the second
-- after the change before it, so that it rises with every transaction that changes anything. A feed as it stood at an
-- instant is what all changes up to that `at` made of it.

-- The bytes that changed something, so that the store can be rebuilt from them. A row without a body in `capture_body` was
-- pruned, or repeats `same_as`.
CREATE TABLE capture (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT,
    outlet TEXT,                    -- which outlet it was read as, where somebody said so
    title TEXT,                     -- the name that the configuration gives the live blog
    blog BLOB NOT NULL,
    content_type TEXT,
    headers TEXT NOT NULL,          -- JSON: pairs of name and value
    captured INTEGER NOT NULL,
    after INTEGER,                  -- the newest capture of this live blog that had been read before, kept or not
    known_as BLOB,                  -- the live blog its address had been before
    history INTEGER NOT NULL,
    reread INTEGER NOT NULL,
    same_as INTEGER,                -- the bytes came again, and that told something (an entry lacking twice)
    sha256 BLOB NOT NULL,
    size INTEGER NOT NULL,
    read_by TEXT NOT NULL
) STRICT;
CREATE INDEX capture_of_blog ON capture (blog, id);
CREATE TABLE capture_body (
    capture INTEGER PRIMARY KEY,
    captured INTEGER NOT NULL,      -- as `capture` has it: the oldest are pruned first
    zstd BLOB NOT NULL
) STRICT;
CREATE INDEX capture_body_oldest ON capture_body (captured, capture);
-- One row: how many bytes all of them take, so that each save can keep to a limit without counting anew.
CREATE TABLE capture_bytes (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    bytes INTEGER NOT NULL
) STRICT;
INSERT INTO capture_bytes (one, bytes) VALUES (1, 0);
CREATE TRIGGER capture_body_kept AFTER INSERT ON capture_body BEGIN
    UPDATE capture_bytes SET bytes = bytes + length(NEW.zstd);
END;
CREATE TRIGGER capture_body_pruned AFTER DELETE ON capture_body BEGIN
    UPDATE capture_bytes SET bytes = bytes - length(OLD.zstd);
END;

-- Everything that ever changed, in order, without a gap.
CREATE TABLE change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    kind TEXT NOT NULL,             -- new, edited, touched, withdrawn, restored, blog_changed, blog_ended
    outlet TEXT NOT NULL,
    blog BLOB NOT NULL,
    entry INTEGER,                  -- entry.n
    revision INTEGER,
    parts TEXT NOT NULL,            -- JSON: what differs
    significance REAL NOT NULL,     -- how much of it, from 0 to 1
    history INTEGER NOT NULL,       -- 1 for an entry that was filled in later and belongs into archives
    capture INTEGER
) STRICT;
CREATE INDEX change_at ON change (at);
CREATE INDEX change_of_blog ON change (blog, seq);
CREATE INDEX change_of_outlet ON change (outlet, seq);
CREATE INDEX change_of_entry ON change (entry, seq) WHERE entry IS NOT NULL;
-- What a feed of edits or corrections shows.
CREATE INDEX change_of_content ON change (seq) WHERE kind IN ('edited', 'withdrawn');

CREATE TABLE entry_2 (
    n INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which entries were first seen, without a gap
    id BLOB NOT NULL UNIQUE,
    blog BLOB NOT NULL REFERENCES blog (id),
    outlet TEXT NOT NULL,
    blog_key TEXT NOT NULL,
    key TEXT NOT NULL,
    rank INTEGER NOT NULL,
    permalink TEXT,
    headline TEXT,
    byline TEXT NOT NULL,
    published INTEGER NOT NULL,
    published_stamp TEXT NOT NULL,
    updated_stamp TEXT,
    body_html TEXT NOT NULL,
    body_text TEXT NOT NULL,
    images TEXT NOT NULL,
    marks TEXT NOT NULL,
    problems TEXT NOT NULL,
    content_hash BLOB NOT NULL,     -- empty where it has to be computed anew: its definition has changed
    shown_hash BLOB NOT NULL,
    first_seen INTEGER NOT NULL,    -- the capture that had it first
    changed INTEGER NOT NULL,       -- the capture that altered it last
    capture INTEGER,                -- the same as a row of `capture`, where it is known
    revision INTEGER NOT NULL,      -- how often it has been edited, and one
    plain INTEGER NOT NULL,         -- whether it stands as a text capture had it
    appeared INTEGER NOT NULL,      -- `at` of its first showing
    since INTEGER NOT NULL,         -- `at` of its present state
    surfaced INTEGER,               -- by which a window takes it: published, or later edited; none in history
    missing INTEGER,                -- the capture that lacked it first
    withdrawn INTEGER,              -- the capture that showed it to be taken back
    archive INTEGER,                -- which archived page of everything has it
    blog_archive INTEGER            -- which archived page of its live blog has it
) STRICT;
INSERT INTO entry_2 (id, blog, outlet, blog_key, key, rank, permalink, headline, byline, published, published_stamp,
    updated_stamp, body_html, body_text, images, marks, problems, content_hash, shown_hash, first_seen, changed, capture,
    revision, plain, appeared, since, surfaced)
SELECT id, blog, outlet, blog_key, key, rank, permalink, headline, byline, published, published_stamp,
    updated_stamp, body_html, body_text, images, marks, problems, x'', x'', first_seen, changed, NULL,
    1, 0, first_seen, changed, min(published, first_seen)
FROM entry ORDER BY first_seen, published, outlet, blog_key, rank;
DROP TABLE entry;
ALTER TABLE entry_2 RENAME TO entry;

-- The window of each scope walks one of these and stops at its limit.
CREATE INDEX entry_everything ON entry (surfaced DESC, n DESC) WHERE surfaced IS NOT NULL;
CREATE INDEX entry_of_outlet ON entry (outlet, surfaced DESC, n DESC) WHERE surfaced IS NOT NULL;
CREATE INDEX entry_of_blog ON entry (blog, surfaced DESC, n DESC) WHERE surfaced IS NOT NULL;
-- A search by time walks these.
CREATE INDEX entry_published ON entry (published DESC, n DESC);
CREATE INDEX entry_of_outlet_published ON entry (outlet, published DESC, n DESC);
CREATE INDEX entry_of_blog_published ON entry (blog, published DESC, n DESC);
-- A live blog that has moved is found by the ids of its entries.
CREATE INDEX entry_key ON entry (outlet, key);
CREATE INDEX entry_unarchived ON entry (n) WHERE archive IS NULL;
CREATE INDEX entry_archived ON entry (archive) WHERE archive IS NOT NULL;
CREATE INDEX entry_blog_unarchived ON entry (blog, n) WHERE blog_archive IS NULL;
CREATE INDEX entry_blog_archived ON entry (blog, blog_archive) WHERE blog_archive IS NOT NULL;

-- An entry as it stood from `since` until `until`.
CREATE TABLE revision (
    entry INTEGER NOT NULL,
    revision INTEGER NOT NULL,      -- the same for states that differ in marks or links alone
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    surfaced INTEGER,
    outlet TEXT NOT NULL,
    blog BLOB NOT NULL,
    changed INTEGER NOT NULL,
    capture INTEGER,
    permalink TEXT,
    headline TEXT,
    byline TEXT NOT NULL,
    updated_stamp TEXT,
    body_html TEXT NOT NULL,
    body_text TEXT NOT NULL,
    images TEXT NOT NULL,
    marks TEXT NOT NULL,
    problems TEXT NOT NULL,
    withdrawn INTEGER,
    PRIMARY KEY (entry, until)
) STRICT;
CREATE INDEX revision_everything ON revision (surfaced DESC, until, since);
CREATE INDEX revision_of_outlet ON revision (outlet, surfaced DESC, until, since);
CREATE INDEX revision_of_blog ON revision (blog, surfaced DESC, until, since);

-- What was known of a page itself until an instant.
CREATE TABLE blog_revision (
    blog BLOB NOT NULL,
    until INTEGER NOT NULL,
    head TEXT NOT NULL,             -- JSON
    PRIMARY KEY (blog, until)
) STRICT;

-- Other names: of an entry, a key that a later page gave it; of a live blog, the id its page would have now.
CREATE TABLE entry_alias (
    blog BLOB NOT NULL,
    key TEXT NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (blog, key)
) STRICT;
CREATE TABLE blog_alias (
    id BLOB PRIMARY KEY,
    blog BLOB NOT NULL
) STRICT;
-- Ids that were never issued here, and which a page gives by itself: under another key of the entry, or of its live blog.
CREATE TABLE entry_id_alias (
    id BLOB PRIMARY KEY,
    entry BLOB NOT NULL
) STRICT;

-- Archived pages (RFC 5005): numbered from 1 and never changed; each shows its entries as they stood at `at`.
CREATE TABLE archive (
    blog BLOB NOT NULL,             -- empty for the pages of everything
    page INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (blog, page)
) STRICT;

-- Full text of what stands now; `rowid` is entry.n.
CREATE VIRTUAL TABLE entry_text USING fts5(
    headline, byline, body, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 2"
);
INSERT INTO entry_text (rowid, headline, byline, body) SELECT n, headline, byline, body_text FROM entry;

INSERT INTO change (at, seen, kind, outlet, blog, entry, revision, parts, significance, history)
SELECT first_seen, first_seen, 'new', outlet, blog, n, 1, '[]', 0, 0 FROM entry ORDER BY n;

-- What counts the commits is the last number of the log.
DROP TABLE state;
