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

/// The parts are joined by a character that none of them can hold, so that ("a", "bc") and ("ab", "c") differ.
fn name(parts: &[&str]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, parts.join("\u{0}").as_bytes())
}
