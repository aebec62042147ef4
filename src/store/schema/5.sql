-- What is sent to others unasked: how far each sink has come, and who has subscribed to which feed (WebSub).

CREATE TABLE sink (
    url TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,       -- the change up to which it has taken everything
    last_ok INTEGER,
    failures INTEGER NOT NULL,  -- since then
    last_error TEXT
) STRICT;

-- Subscriptions that were asked for, or asked to be ended, and that the subscriber has not confirmed yet.
CREATE TABLE hub_request (
    topic TEXT NOT NULL,        -- path and query of the feed
    callback TEXT NOT NULL,
    host TEXT NOT NULL,         -- of the callback
    subscribe INTEGER NOT NULL, -- 0 where it is to end
    secret TEXT,
    lease_s INTEGER NOT NULL,
    reader TEXT,                -- whose token was shown, where tokens are asked for
    asked INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    next_due INTEGER NOT NULL,
    PRIMARY KEY (topic, callback)
) STRICT;

-- Those that hold. What is still to be delivered needs no list: it is what the feed says and `etag` does not name.
CREATE TABLE hub_subscription (
    topic TEXT NOT NULL,
    callback TEXT NOT NULL,
    host TEXT NOT NULL,
    secret TEXT,
    reader TEXT,
    expires INTEGER NOT NULL,
    etag TEXT,                  -- of the feed as the subscriber was last sent it
    failures INTEGER NOT NULL,
    next_due INTEGER NOT NULL,  -- after a failure, not to be tried before
    last_error TEXT,
    PRIMARY KEY (topic, callback)
) STRICT;
CREATE INDEX hub_subscription_of_host ON hub_subscription (host);
