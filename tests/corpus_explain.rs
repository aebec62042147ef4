//! On real pages: what is shown as the likeliest entries are the entries.

use crate::corpus::folder;
use std::collections::BTreeSet;
use tidings::html::{Css, Limits, parse};
use tidings::outlet::{candidates, explain};
use tidings::page::{Captured, Page};

/// Among the first five, the same elements as the adapter's own selector finds; on the Guardian's page the pinned repeat of
/// one of them may be there too.
#[test]
fn entries_of_real_pages_are_among_the_first_candidates() {
    let Some(corpus) = folder("entries_of_real_pages_are_among_the_first_candidates") else { return };
    for (file, truth, entries, more) in [
        ("mirror/uk-riots-2024-08-05.html", ".live-event-entries .live-event-entry[id]", 30, 0),
        ("guardian/russia-ukraine-2023-05-15.html", r#"#liveblog-body article[id^="block-"]"#, 10, 1),
        ("repubblica/israele-hamas-2023-11-02.html", "section.liveblog__post", 79, 0),
        ("independent/wwc-england-2023-08-14.html", r#"div[id^="post-"]"#, 10, 0),
        ("bbc/covid-2020-05-12.html", r#"article.lx-stream-post[id^="post_"]"#, 20, 0),
    ] {
        let body = std::fs::read(corpus.join("corpus/pages").join(file)).unwrap();
        let captured = Captured::By("2026-01-01T00:00:00Z".parse().unwrap());
        let page = Page { body, url: None, content_type: None, captured };
        let html = parse(&page.text().0, Limits::default()).unwrap();
        let select = |css: &str| -> BTreeSet<_> {
            Css::parse(css).unwrap().outermost(html.root_element()).iter().map(|element| element.id()).collect()
        };
        let wanted = select(truth);
        assert_eq!(wanted.len(), entries, "{file}");
        let found = candidates(&html);
        let right = found.iter().take(5).any(|candidate| {
            let selected = select(&candidate.entry);
            assert_eq!(selected.len(), candidate.count, "{file}: {}", candidate.entry);
            selected.is_superset(&wanted) && selected.len() <= wanted.len() + more && candidate.with_time == candidate.count
        });
        assert!(right, "{file}: {:#?}", found.iter().take(5).map(|candidate| &candidate.entry).collect::<Vec<_>>());

        let told = explain(tidings::adapters::OUTLETS, &page, None);
        assert!(told.refused.is_none() && told.entries.len() >= entries, "{file}: {:?}", told.refused);
        assert_eq!(told.candidates, found, "{file}");
    }
}
