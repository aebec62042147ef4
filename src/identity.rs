//! Permanent ids: the same live blog gives the same ids on every machine, offline or live.

use uuid::Uuid;

/// Namespace of every id (RFC 9562 section 5.5): `tidings` in the URL namespace, version 5. Changing it
/// changes every id ever issued.
const NAMESPACE: Uuid = Uuid::from_u128(0x6497b73b_4df9_5079_aaef_4e56_0be0_8c62);

/// Id of a live blog: over its outlet and the outlet's own id for it.
pub fn blog_id(outlet: &str, blog: &str) -> Uuid {
    name(&[outlet, blog])
}

/// Id of an entry: over its outlet, the live blog's own id and the entry's own key.
pub fn entry_id(outlet: &str, blog: &str, entry: &str) -> Uuid {
    name(&[outlet, blog, entry])
}

/// The parts are joined by a character that none of them can hold, so that ("a", "bc") and ("ab", "c") differ.
fn name(parts: &[&str]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, parts.join("\u{0}").as_bytes())
}
