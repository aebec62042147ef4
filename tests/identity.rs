//! What a reader's program leans on: an id, once issued, is for ever.

use crate::fixtures::outlets;
use std::collections::BTreeMap;
use tidings::model::LiveBlog;
use tidings::outlet::split_page;
use tidings::page::{Captured, Page};
use uuid::Uuid;

fn text_of(case: &str) -> String {
    let folder = outlets().join(case);
    let page = ["page.html", "page.txt"].map(|name| folder.join(name)).into_iter().find(|path| path.exists()).unwrap();
    std::fs::read_to_string(page).unwrap()
}

fn read(case: &str, text: &str) -> LiveBlog {
    // The text captures carry no address; theirs stands in the case.
    let about: toml::Table =
        toml::from_str(&std::fs::read_to_string(outlets().join(case).join("case.toml")).unwrap()).unwrap();
    let page = Page {
        body: text.as_bytes().to_vec(),
        url: Some(about["url"].as_str().unwrap().parse().unwrap()),
        content_type: None,
        captured: Captured::By("2030-01-01T00:00:00Z".parse().unwrap()),
    };
    split_page(&page, None).unwrap_or_else(|refusal| panic!("{case}: {refusal}"))
}

fn ids(blog: &LiveBlog) -> Vec<(Uuid, String)> {
    blog.entries.iter().map(|entry| (entry.id, entry.published.at.to_rfc3339())).collect()
}

const LIVE: [&str; 9] = [
    "independent/amp-live-list",
    "independent/amp-footer-time-only",
    "independent/text-ended-oldest-first",
    "independent/text-live-newest-first",
    "sputnik/html-divs",
    "sputnik/html-sections",
    "sputnik/text-newest-first",
    "sputnik/text-oldest-first",
    "sputnik/text-caption-before-headline",
];

#[test]
fn editing_any_text_keeps_every_id() {
    for case in LIVE {
        let page = text_of(case);
        let before = read(case, &page);
        let mut edited = page.clone();
        let mut edits = 0;
        for entry in &before.entries {
            let lines = entry.headline.iter().map(String::as_str).chain(entry.body_text.lines());
            for line in lines.filter(|line| line.len() > 12) {
                if edited.contains(line) {
                    edited = edited.replace(line, &format!("Corrected by the desk: {line}"));
                    edits += 1;
                }
            }
        }
        // The page's own headline is rewritten while it is live.
        edited = edited.replace(&before.head.headline, "LIVE UPDATES: Another Headline Altogether");
        assert!(edits >= before.entries.len() / 2, "{case}: only {edits} edits");
        let after = read(case, &edited);
        assert_ne!(before.head.headline, after.head.headline, "{case}");
        assert_eq!(before.head.id, after.head.id, "{case}");
        assert_eq!(ids(&before), ids(&after), "{case}");
        assert_ne!(before.entries, after.entries, "{case}");
    }
}

/// Newer entries, one of them in the same minute as the newest there was.
#[test]
fn adding_entries_on_top_keeps_every_id() {
    let on_top = [
        (
            "sputnik/text-newest-first",
            "New firstOld first\n",
            "19:59 GMT 12.09.2022\nA Newer Line\n19:46 GMT 12.09.2022\nSame Minute\nWords.\n",
        ),
        (
            "sputnik/html-divs",
            "<div class=\"lv\">",
            "<div class=\"lv-clock\">19:22 GMT 03.12.2024</div><div class=\"lv-head\">The same minute again</div>",
        ),
        (
            "independent/amp-live-list",
            "<div items>",
            "<div id=\"post-1399999\" data-sort-time=\"1686743600000\"><a href=\"#post-1399999\"><amp-timeago \
             datetime=\"2023-06-14T11:40:12.000Z\">1686742812</amp-timeago></a><div><h3>Newer</h3><p>Words.</p></div></div>",
        ),
        (
            "independent/text-live-newest-first",
            "Show latest update\n\n\n",
            "Third train moves\n\nWords in a sentence.\n\nInes Carroway18 July 2022 16:55\n\nSame minute\n\nInes Carroway18 July 2022 16:42\n\n",
        ),
    ];
    for (case, mark, newer) in on_top {
        let page = text_of(case);
        let before = read(case, &page);
        assert!(page.contains(mark), "{case}: no `{mark}`");
        let after = read(case, &page.replacen(mark, &format!("{mark}{newer}"), 1));
        assert!(after.entries.len() > before.entries.len(), "{case}: nothing was added");
        let now: BTreeMap<Uuid, _> = after.entries.iter().map(|entry| (entry.id, entry)).collect();
        assert_eq!(now.len(), after.entries.len(), "{case}: an id twice");
        for entry in &before.entries {
            assert_eq!(now.get(&entry.id).copied(), Some(entry), "{case}: {}", entry.key);
        }
    }
}

/// Host and slug change while a page is live; the number stays.
#[test]
fn moving_house_keeps_the_live_blog() {
    let page = text_of("sputnik/text-newest-first");
    let at = |url: &str| {
        let page = Page {
            body: page.clone().into_bytes(),
            url: Some(url.parse().unwrap()),
            content_type: None,
            captured: Captured::By("2030-01-01T00:00:00Z".parse().unwrap()),
        };
        let blog = split_page(&page, None).unwrap();
        (blog.head.id, ids(&blog))
    };
    let home = at("https://sputniknews.com/20220912/live-updates-freighters-held-1100693512.html");
    assert_eq!(home, at("https://sputnikglobe.com/20220912/another-slug--1100693512.html"));
    assert_eq!(home, at("https://sputniknews.com/world/202209121100693512-Live-Updates-Old-Address/"));
    assert_ne!(home, at("https://sputnikglobe.com/20220912/another-page-1100693513.html"));
}

/// Ids are part of the product: these were issued, and stay.
#[test]
fn ids_that_were_issued_stay() {
    let blog = read("independent/amp-live-list", &text_of("independent/amp-live-list"));
    assert_eq!(blog.head.id.to_string(), "5ed8562f-bdc8-5c7b-8c68-9470c9db3a13");
    assert_eq!(blog.entries[0].id.to_string(), "a8c133af-4ceb-5a00-a2f9-e2f128d219fa");
    let blog = read("sputnik/text-newest-first", &text_of("sputnik/text-newest-first"));
    assert_eq!(blog.entries[0].id.to_string(), "89109b78-78e3-58d5-a99d-512340cd7b12");
}
