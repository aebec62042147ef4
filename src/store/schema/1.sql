-- Instants are milliseconds since 1970 in UTC; lists, stamps and coverage are JSON; ids are the 16 bytes of a UUID.

-- One row. `generation` grows with every commit that changes what a feed shows, so that another process can tell.
CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO state (one, generation) VALUES (1, 0);

CREATE TABLE blog (
    id BLOB PRIMARY KEY,
    outlet TEXT NOT NULL,
    outlet_name TEXT NOT NULL,
    key TEXT NOT NULL,
    url TEXT,
    headline TEXT NOT NULL,
    standfirst TEXT,
    language TEXT,
    coverage TEXT NOT NULL,
    problems TEXT NOT NULL,
    seen INTEGER NOT NULL,     -- the newest capture that was read into it
    changed INTEGER NOT NULL,  -- the newest capture that altered what a feed of it shows
    UNIQUE (outlet, key)
) STRICT;

-- `outlet` and `blog_key` repeat what `blog` says, so that the order of a feed is the order of an index.
CREATE TABLE entry (
    id BLOB PRIMARY KEY,
    blog BLOB NOT NULL REFERENCES blog (id),
    outlet TEXT NOT NULL,
    blog_key TEXT NOT NULL,
    key TEXT NOT NULL,
    rank INTEGER NOT NULL,          -- nth among the entries of one live blog at one instant, the oldest is 0
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
    content_hash BLOB NOT NULL,     -- a change of this moves `updated`
    shown_hash BLOB NOT NULL,       -- a change of this is written
    first_seen INTEGER NOT NULL,
    changed INTEGER NOT NULL
) STRICT;

-- The window of each scope walks one of these and stops at its limit.
CREATE INDEX entry_everything ON entry (published DESC, outlet, blog_key, rank DESC, id);
CREATE INDEX entry_of_outlet ON entry (outlet, published DESC, blog_key, rank DESC, id);
CREATE INDEX entry_of_blog ON entry (blog, published DESC, rank DESC, id);

-- A followed address and how it fares.
CREATE TABLE source (
    url TEXT PRIMARY KEY,
    outlet TEXT,
    title TEXT,
    every_s INTEGER NOT NULL,
    followed INTEGER NOT NULL,      -- 0 once the configuration no longer names it; its entries stay
    etag TEXT,
    last_modified TEXT,
    body_hash BLOB,
    blog BLOB,
    last_tried INTEGER,
    last_ok INTEGER,
    next_due INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    last_error TEXT,
    problems TEXT NOT NULL
) STRICT;
CREATE INDEX source_due ON source (next_due) WHERE followed = 1;
