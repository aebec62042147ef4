//! Permanent ids: the same live blog gives the same ids on every machine, offline or live.

use uuid::Uuid;

/// Namespace of every id (RFC 9562 section 5.5): `tidings` in the URL namespace, version 5. Changing it
/// changes every id ever issued.
const NAMESPACE: Uuid = Uuid::from_u128(0x6497_b73b_4df9_5079_aaef_4e56_0be0_8c62);

/// Id of a live blog: over its outlet and the outlet's own id for it.
pub fn blog_id(outlet: &str, blog: &str) -> Uuid {
    name(&[outlet, blog])
}

/// Id of an entry: over its outlet, the live blog's own id and the entry's own key.
pub fn entry_id(outlet: &str, blog: &str, entry: &str) -> Uuid {
    name(&[outlet, blog, entry])
}

/// Id of the feed of all live blogs of an outlet. A live blog's own feed has the live blog's id.
pub fn outlet_feed_id(outlet: &str) -> Uuid {
    name(&[outlet])
}

/// Id of the feed of everything that one server follows. Unlike all other ids it is that server's own, told by its base
/// address: two servers follow different things.
pub fn everything_feed_id(base_url: &str) -> Uuid {
    name(&["", "everything", base_url, ""])
}

/// Id of the feed of a topic, which is a server's own too: another one may join other live blogs under that name.
pub fn topic_feed_id(base_url: &str, topic: &str) -> Uuid {
    name(&["", "topic", base_url, topic])
}

/// Id of a feed that holds a selection of another one, or tells it otherwise, as `variant` says.
pub fn variant_feed_id(feed: Uuid, variant: &str) -> Uuid {
    name(&["", "variant", &feed.to_string(), variant])
}

/// Id of a story: over the entry that told it first when it was found.
pub fn story_id(first: Uuid) -> Uuid {
    name(&["", "story", &first.to_string(), ""])
}

/// What a derived entry key begins with, or none for an outlet's own id: the published minute (`2022-01-06T15:04Z.1`) or
/// `untimed` before the count of entries that share it.
pub fn derived_stem(key: &str) -> Option<&str> {
    let (stem, count) = key.rsplit_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let minute = |stem: &str| {
        let shape = stem.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
        shape.eq(*b"0000-00-00T00:00Z")
    };
    (digits(count) && (stem == "untimed" || minute(stem))).then_some(stem)
}

/// The parts are joined by a character that none of them can hold, so that ("a", "bc") and ("ab", "c") differ.
fn name(parts: &[&str]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, parts.join("\u{0}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_keys_are_known_by_their_shape() {
        assert_eq!(derived_stem("2022-01-06T15:04Z.1"), Some("2022-01-06T15:04Z"));
        assert_eq!(derived_stem("untimed.12"), Some("untimed"));
        for own in
            ["b2392480", "2022-01-06T15:04Z", "2022-01-06T15:04Z.", "2022-1-6T15:04Z.1", "article", "untimed.x", "1.2"]
        {
            assert_eq!(derived_stem(own), None, "{own}");
        }
    }
}
