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
CREATE INDEX change_of_content ON change (seq DESC) WHERE kind IN ('edited', 'withdrawn');
CREATE INDEX change_of_content_of_outlet ON change (outlet, seq DESC) WHERE kind IN ('edited', 'withdrawn');
CREATE INDEX change_of_content_of_blog ON change (blog, seq DESC) WHERE kind IN ('edited', 'withdrawn');

CREATE TABLE entry_2 (
    n INTEGER PRIMARY KEY AUTOINCREMENT, -- the order in which entries were first seen, without a gap
    id BLOB NOT NULL UNIQUE,
    -- Where it stands in time, for ever: 64 for each second since 1970, from that of its publication (or of its first showing,
    -- for one dated later than that), and the next free number where that is taken. The order of a search.
    place INTEGER NOT NULL UNIQUE,
    history INTEGER NOT NULL,       -- 1 when it was filled in later
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
INSERT INTO entry_2 (id, place, history, blog, outlet, blog_key, key, rank, permalink, headline, byline, published,
    published_stamp, updated_stamp, body_html, body_text, images, marks, problems, content_hash, shown_hash, first_seen,
    changed, capture, revision, plain, appeared, since, surfaced)
SELECT id, nth + max(filed - nth) OVER (ORDER BY nth), 0, blog, outlet, blog_key, key, rank, permalink, headline, byline,
    published, published_stamp, updated_stamp, body_html, body_text, images, marks, problems, x'', x'', first_seen,
    changed, NULL, 1, 0, first_seen, changed, min(published, first_seen)
FROM (SELECT *, row_number() OVER (ORDER BY filed, first_seen, published, outlet, blog_key, rank) AS nth
    FROM (SELECT *, max(min(published, first_seen), 0) / 1000 * 64 AS filed FROM entry))
ORDER BY first_seen, published, outlet, blog_key, rank;
DROP TABLE entry;
ALTER TABLE entry_2 RENAME TO entry;

-- The window of each scope walks one of these and stops at its limit. `since` tells whether it stood so at an instant.
CREATE INDEX entry_everything ON entry (surfaced DESC, n DESC, since) WHERE surfaced IS NOT NULL;
CREATE INDEX entry_of_outlet ON entry (outlet, surfaced DESC, n DESC, since) WHERE surfaced IS NOT NULL;
CREATE INDEX entry_of_blog ON entry (blog, surfaced DESC, n DESC, since) WHERE surfaced IS NOT NULL;
-- A search by time walks these.
CREATE INDEX entry_placed ON entry (history, place);
CREATE INDEX entry_of_outlet_placed ON entry (outlet, history, place);
CREATE INDEX entry_of_blog_placed ON entry (blog, history, place);
-- A live blog that has moved is found by the ids of its entries.
CREATE INDEX entry_key ON entry (outlet, key);
CREATE INDEX entry_unarchived ON entry (n) WHERE archive IS NULL;
CREATE INDEX entry_archived ON entry (archive) WHERE archive IS NOT NULL;
CREATE INDEX entry_blog_unarchived ON entry (blog, n) WHERE blog_archive IS NULL;
CREATE INDEX entry_blog_archived ON entry (blog, blog_archive) WHERE blog_archive IS NOT NULL;

-- An entry as it stood from `since` until `until`.
CREATE TABLE revision (
    id INTEGER PRIMARY KEY,         -- 1048576 times the entry's place, and how many states it had before
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
    UNIQUE (entry, until)
) STRICT;
-- A window as it stood walks these beside those of `entry`.
CREATE INDEX revision_everything ON revision (surfaced DESC, entry DESC, until DESC, since) WHERE surfaced IS NOT NULL;
CREATE INDEX revision_of_outlet ON revision (outlet, surfaced DESC, entry DESC, until DESC, since) WHERE surfaced IS NOT NULL;
CREATE INDEX revision_of_blog ON revision (blog, surfaced DESC, entry DESC, until DESC, since) WHERE surfaced IS NOT NULL;

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

-- Existing entries fill the archives as far as they fill pages.
UPDATE entry SET archive = (n - 1) / 50 + 1 WHERE n <= (SELECT count(*) FROM entry) / 50 * 50;
UPDATE entry SET blog_archive = own.page FROM (
    SELECT n AS nth, (row_number() OVER (PARTITION BY blog ORDER BY n) - 1) / 50 + 1 AS page,
        count(*) OVER (PARTITION BY blog) / 50 AS pages FROM entry
) AS own WHERE n = nth AND page <= pages;
INSERT INTO archive (blog, page, at) SELECT x'', archive, (SELECT max(changed) FROM blog) FROM entry
WHERE archive IS NOT NULL GROUP BY archive;
INSERT INTO archive (blog, page, at) SELECT blog, blog_archive, (SELECT max(changed) FROM blog) FROM entry
WHERE blog_archive IS NOT NULL GROUP BY blog, blog_archive;

-- Full text of what stands now; `rowid` is entry.place, so that the newest come first without sorting. `scope` holds marks that
-- a query joins with words, since FTS5 skips far through a list of rows and nothing outside of it can: `o` and the outlet in
-- hexadecimal, `b` and the live blog, `w` for what a window may show, `k` for a key event, `c` for one edited or withdrawn.
CREATE VIRTUAL TABLE entry_text USING fts5(
    headline, byline, body, scope, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 2"
);
INSERT INTO entry_text (rowid, headline, byline, body, scope)
SELECT place, headline, (SELECT group_concat(value, ', ') FROM json_each(byline)), body_text,
    'o' || hex(outlet) || ' b' || hex(blog) || ' w' || iif(instr(marks, '"key_event"'), ' k', '')
FROM entry ORDER BY place;
-- The same of what stood before; `rowid` is revision.id.
CREATE VIRTUAL TABLE revision_text USING fts5(
    headline, byline, body, scope, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 2"
);

-- What a list of the live blogs tells without counting: their entries, and when the newest was published.
ALTER TABLE blog ADD COLUMN appeared INTEGER NOT NULL DEFAULT 0; -- `at` of its first showing
ALTER TABLE blog ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blog ADD COLUMN newest INTEGER;
UPDATE blog SET appeared = coalesce(told.first, blog.changed), entries = told.count, newest = told.newest FROM (
    SELECT blog.id AS id, min(first_seen) AS first, count(entry.n) AS count, max(published) AS newest
    FROM blog LEFT JOIN entry ON entry.blog = blog.id GROUP BY blog.id
) AS told WHERE blog.id = told.id;
CREATE INDEX blog_changed ON blog (changed);

-- The log of what was there before: when entries came, and when anything of their live blog last changed after that.
INSERT INTO change (at, seen, kind, outlet, blog, entry, revision, parts, significance, history)
SELECT at, at, kind, outlet, blog, entry, revision, '[]', 0, 0 FROM (
    SELECT first_seen AS at, 'new' AS kind, outlet, blog, n AS entry, 1 AS revision, 0 AS after FROM entry
    UNION ALL
    SELECT changed, 'blog_changed', outlet, id, NULL, NULL, 1 FROM blog
    WHERE changed > (SELECT max(first_seen) FROM entry WHERE blog = blog.id)
) ORDER BY at, after, entry;

-- What counts the commits is the last number of the log.
DROP TABLE state;
