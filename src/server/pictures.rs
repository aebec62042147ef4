//! The pictures in an entry's body, as a page shows them: fetched when they come into view, and their hosts are not told from
//! where.

/// What every picture is told.
const MANNERS: &str = "loading=\"lazy\" decoding=\"async\" referrerpolicy=\"no-referrer\"";

/// `html`, which has been cleaned, with [`MANNERS`].
pub(super) fn with_manners(html: &str) -> String {
    let mut out = String::with_capacity(html.len() + 128);
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        let (tag, after) = rest[open..].split_at(end_of_tag(&rest[open..]));
        match tag.strip_prefix("<img").filter(|attributes| attributes.starts_with([' ', '>', '/'])) {
            Some(attributes) => {
                out.push_str("<img ");
                out.push_str(MANNERS);
                // Without one, a screen reader spells the address.
                out.push_str(if attributes.contains(" alt=") { "" } else { " alt=\"\"" });
                out.push_str(attributes);
            }
            None => out.push_str(tag),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Where the tag that `html` begins with ends: a `>` in quotes is part of a value.
fn end_of_tag(html: &str) -> usize {
    let mut quote = None;
    for (nth, byte) in html.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return nth + 1,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if byte == open => quote = None,
            _ => {}
        }
    }
    html.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_have_manners_and_nothing_else_changes() {
        for (html, shown) in [
            ("<p>a <b>c</b></p>", "<p>a <b>c</b></p>".to_owned()),
            (r#"<img src="a" alt="b">"#, format!(r#"<img {MANNERS} src="a" alt="b">"#)),
            ("<p><img src=\"a\"></p>", format!("<p><img {MANNERS} alt=\"\" src=\"a\"></p>")),
            // What stands in a value is no tag.
            (r#"<a title="<img src=x>">y</a>"#, r#"<a title="<img src=x>">y</a>"#.to_owned()),
            ("&lt;img src=x&gt; <imgx>", "&lt;img src=x&gt; <imgx>".to_owned()),
            ("<p", "<p".to_owned()),
            ("", String::new()),
        ] {
            assert_eq!(with_manners(html), shown, "{html}");
        }
    }
}
