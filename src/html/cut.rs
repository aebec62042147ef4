//! Whether a page stops in the middle.

/// Elements that a page is built of, and that it has to close itself.
const BUILT_OF: [&str; 5] = ["div", "article", "section", "main", "ul"];

/// Whether markup was cut off: it never comes to the end that its beginning promises, and elements are left open that nothing
/// but their end closes. A page may leave out `</body>` and `</html>`, and a sloppy one may forget a `</div>`; both at once is
/// a proxy that gave up, or a server that was restarted.
pub fn is_cut(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let has = |tag: &str| text.contains(tag);
    if !(has("<html") || has("<body")) || has("</html") || has("</body") {
        return false;
    }
    let count = |start: &str, name: &str| {
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        text.match_indices(start).filter(|(at, _)| text[at + start.len()..].strip_prefix(name).is_some_and(ends)).count()
    };
    text.trim_end().rfind('<') > text.trim_end().rfind('>')
        || BUILT_OF.iter().any(|name| count("<", name) > count("</", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_cut_where_it_neither_ends_nor_closes() {
        for (text, cut) in [
            ("<html><body><div><p>It is over.</div></body></html>", false),
            ("<html><body><div><p>It is over.</div>", false),
            ("<html><body><div><p>It is over.</body>", false),
            ("<HTML><BODY><DIV><P>It is", true),
            ("<html><p>It is <a href=\"/x", true),
            ("<html><article><div>It</div>", true),
            ("<html><divan>It<main-part>", false),
            ("<div>It is a fragment", false),
            ("", false),
        ] {
            assert_eq!(is_cut(text), cut, "{text}");
        }
    }
}
