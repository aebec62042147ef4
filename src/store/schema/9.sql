-- What each save reads of all entries of its live blog (`store/known.rs`), in their order, where
-- their rows are a page each and more, one here and one there.
CREATE INDEX entry_known ON entry (blog, n, id, key, published_stamp, rank, revision, content_hash, shown_hash, plain, edge,
    missing, withdrawn);
