//! OPML 2.0: a list of feeds that a reader takes in at once.

use super::xml::legal;

/// A list of feeds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscriptions {
    /// What the list is called.
    pub title: String,
    /// Feeds that stand in no folder.
    pub feeds: Vec<Subscription>,
    /// Folders with their names; one without feeds is left out.
    pub folders: Vec<(String, Vec<Subscription>)>,
}

/// A feed of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// What a reader calls it.
    pub title: String,
    /// The feed's address.
    pub feed: String,
    /// The address of the page that it belongs to.
    pub page: String,
}

/// The media type that readers and browsers know an OPML document by.
pub const OPML: &str = "text/x-opml; charset=utf-8";

/// Writes the list.
pub fn opml(list: &Subscriptions) -> Vec<u8> {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<opml version=\"2.0\">\n");
    out += &format!("<head>\n<title>{}</title>\n</head>\n<body>\n", escaped(&list.title));
    list.feeds.iter().for_each(|feed| out += &outline(feed));
    for (name, feeds) in list.folders.iter().filter(|(_, feeds)| !feeds.is_empty()) {
        out += &format!("<outline text=\"{0}\" title=\"{0}\">\n", escaped(name));
        feeds.iter().for_each(|feed| out += &outline(feed));
        out += "</outline>\n";
    }
    out += "</body>\n</opml>\n";
    out.into_bytes()
}

/// `type` is `rss` for every format of a feed, as the specification has it.
fn outline(feed: &Subscription) -> String {
    format!(
        "<outline type=\"rss\" text=\"{0}\" title=\"{0}\" xmlUrl=\"{1}\" htmlUrl=\"{2}\"/>\n",
        escaped(&feed.title),
        escaped(&feed.feed),
        escaped(&feed.page)
    )
}

/// Text as an attribute or an element holds it, on one line.
fn escaped(text: &str) -> String {
    let text = legal(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_title_holds_the_document_is_one() {
        let feed = |title: &str| Subscription {
            title: title.into(),
            feed: "https://feeds.example/feed.atom?a=1&b=2".into(),
            page: "https://feeds.example/".into(),
        };
        let list = Subscriptions {
            title: "tidings".into(),
            feeds: vec![feed("a \"b\"\n<c> & \u{1}d")],
            folders: vec![("Empty".into(), vec![]), ("Full".into(), vec![feed("e")])],
        };
        assert_eq!(
            String::from_utf8(opml(&list)).unwrap(),
            r#"<?xml version="1.0" encoding="utf-8"?>
<opml version="2.0">
<head>
<title>tidings</title>
</head>
<body>
<outline type="rss" text="a &quot;b&quot; &lt;c&gt; &amp; d" title="a &quot;b&quot; &lt;c&gt; &amp; d" xmlUrl="https://feeds.example/feed.atom?a=1&amp;b=2" htmlUrl="https://feeds.example/"/>
<outline text="Full" title="Full">
<outline type="rss" text="e" title="e" xmlUrl="https://feeds.example/feed.atom?a=1&amp;b=2" htmlUrl="https://feeds.example/"/>
</outline>
</body>
</opml>
"#
        );
    }
}
