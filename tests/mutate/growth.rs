//! Reading costs as much for each byte of a large page as of a small one.

use super::cost::least;
use super::dice::Dice;
use super::{Seed, keep, long_run, mutator, say, seeds};
use crate::fixtures;
use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tidings::adapters::OUTLETS;
use tidings::outlet::split_page;
use tidings::page::{Captured, Page};

/// What a byte of a page of ten times the size may cost, as a multiple.
const MOST: f64 = 1.5;
/// Less than this says nothing of how it grows.
const NOISE: Duration = Duration::from_millis(8);

/// A case whose entries go on: a mark that begins each entry of a list, and what in the first one is its id. A page may hold
/// the list twice, in its markup and in its JSON-LD.
const CASES: [(&str, &[(&str, &str)]); 25] = [
    ("aljazeera/several-answers", &[("{\n  \"data\": {\n   \"posts\"", "5510037")]),
    ("any/ld-several-shapes", &[("{\"@type\":\"BlogPosting\",", "751105")]),
    ("any/ld-graph", &[("{\n      \"@id\": \"#u-", "88123"), ("{\n   \"@type\": \"BlogPosting\",", "88123")]),
    ("any/microdata", &[("<article itemprop=", "3107")]),
    (
        "bbc/page-one-of-three",
        &[
            ("{\n   \"@context\": \"http://schema.org\",", "5ebab4a75c8cf7066bd00058"),
            ("<li class=\"lx-stream__post-container\">", "5ebab4a75c8cf7066bd00058"),
        ],
    ),
    ("cgtn/article-printed-only", &[("<div class=\"text\"><p>", "nine")]),
    ("cgtn/text-set-into-the-story", &[("The wheel at low water", "first")]),
    ("dw/article-old-clocks", &[("<p>0", "")]),
    ("dw/article-state", &[("<p>", "")]),
    ("dw/live-state", &[("{\"__ref\":\"LiveblogPost:", "65502003"), ("\"LiveblogPost:6550200", "3")]),
    ("dw/liveblog-json", &[("{\n     \"id\": 65502", "003")]),
    ("dw/text-clocks", &[("3", "")]),
    ("dw/text-live-copy", &[("Skip next section ", "4QxAa")]),
    ("guardian/live-pinned", &[("<article id=\"block-", "665ef8608f08e408b7500a01")]),
    ("independent/amp-live-list", &[("{\"@type\":\"BlogPosting\",", "1301507"), ("<div data-sort-time=\"", "1301512")]),
    ("independent/article-amp", &[("<p>", "")]),
    ("independent/text-live-newest-first", &[("Theo Makinde18 July", "")]),
    ("meduza/feature-json", &[("{\n     \"type\":", "")]),
    ("meduza/text-digest", &[("- ", "")]),
    (
        "mirror/ld-holds-more-than-markup",
        &[("{\n   \"@type\": \"BlogPosting\",", "751105"), ("<div class=\"live-event-entry\"", "751105")],
    ),
    (
        "repubblica/false-z",
        &[("{\n   \"@type\": \"BlogPosting\",", ""), ("<section class=\"liveblog__post\"", "419360001_event4")],
    ),
    ("sputnik/html-divs", &[("<div class=\"lv-clock\">", "")]),
    ("sputnik/html-list", &[("<li id=\"r7", "000")]),
    ("sputnik/text-newest-first", &[("18:20 GMT", "")]),
    ("telegraph/captured-that-evening", &[("<p>\n<strong>", "")]),
];

/// What was once quadratic, or easily is: pieces of a page, of which those with `true` go on. `¤` is a byte that no text
/// holds, `#` a number that counts.
type Shape = (&'static str, &'static [(bool, &'static str)]);

const INDEPENDENT: &str = "<link rel=canonical href=https://www.independent.co.uk/news/x-b1234567.html><div id=main>";
const SPUTNIK: &str = "<link rel=canonical href=https://sputniknews.com/20241203/x-1121104477.html>";

const SHAPES: &[Shape] = &[
    ("malformed bytes", &[(false, "<meta charset=utf-8>"), (false, INDEPENDENT), (true, "¤¤¤¤¤¤¤¤")]),
    ("parts that are left out", &[(false, INDEPENDENT), (true, "<p>a</p><aside>b</aside>")]),
    ("quotation marks in one text", &[(false, INDEPENDENT), (true, "«x» ")]),
    ("references in one text", &[(false, INDEPENDENT), (true, "a &amp; b")]),
    ("hard spaces in one text", &[(false, INDEPENDENT), (false, "<pre>"), (true, "&nbsp;")]),
    ("quotation marks in a description", &[(false, INDEPENDENT), (false, "<img src=a.jpg alt='"), (true, "«x» ")]),
    ("spaces beside spaces", &[(false, INDEPENDENT), (false, "<p>x"), (true, "<span> </span>")]),
    ("spaces behind words", &[(false, INDEPENDENT), (false, "<p>"), (true, "x <!-- --> ")]),
    (
        "spaces behind a long tag",
        &[(false, INDEPENDENT), (false, "<p><ol lang='"), (true, "x"), (false, "'>"), (true, "<br> ")],
    ),
    ("breaks", &[(false, INDEPENDENT), (false, "<p>x"), (true, "<br> y")]),
    ("empty cells", &[(false, INDEPENDENT), (false, "<table>"), (true, "<tr><td></td></tr>")]),
    ("paragraphs in a caption", &[(false, INDEPENDENT), (false, "<table><caption>"), (true, "<p>x</p>")]),
    ("captions", &[(false, INDEPENDENT), (false, "<table>"), (true, "<caption>x</caption>")]),
    ("empty links", &[(false, INDEPENDENT), (true, "<a href=/></a>")]),
    ("inline elements side by side", &[(false, INDEPENDENT), (false, "<div>"), (true, "<b>x</b>")]),
    ("attributes of one tag", &[(false, INDEPENDENT), (false, "<p"), (true, " a#")]),
    ("numbers in one line", &[(true, "12 34 ")]),
    ("numbers that could be times", &[(true, "New firstOld first12:00 GMT 1.1 ")]),
    (
        "posts behind one reference",
        &[
            (
                false,
                "<link rel=canonical href=https://www.dw.com/en/x/live-65501235><script>window.__APOLLO_STATE__={\"ROOT_QUERY\":{\"content(1)\":{\"__ref\":\"L\"}},\"L\":{\"posts\":[",
            ),
            (true, "{\"__ref\":\"P\"},"),
            (false, "0]},\"P\":{\"id\":1,\"text\":\""),
            (true, "<p>x</p>"),
            (false, "\"}}</script>"),
        ],
    ),
    (
        "updates behind one reference",
        &[
            (
                false,
                "<link rel=canonical href=https://www.example.org/live><script type=application/ld+json>[{\"@type\":\"LiveBlogPosting\",\"liveBlogUpdate\":[",
            ),
            (true, "{\"@id\":\"a\"},"),
            (false, "0]},{\"@id\":\"a\",\"headline\":\""),
            (true, "<p>x</p>"),
            (false, "\"}]</script>"),
        ],
    ),
    (
        "authors behind one reference",
        &[
            (
                false,
                "<link rel=canonical href=https://www.example.org/live><script type=application/ld+json>[{\"@type\":\"LiveBlogPosting\",\"liveBlogUpdate\":[",
            ),
            (true, "{\"url\":\"#a#\",\"author\":{\"@id\":\"a\"}},"),
            (false, "0]},{\"@id\":\"a\",\"name\":\""),
            (true, "Ann Lee and all of her sisters "),
            (false, "\"}]</script>"),
        ],
    ),
    (
        "an id in a list",
        &[
            (
                false,
                "{\"root\":{\"url\":\"live/2022/03/05/x\",\"layout\":\"live\",\"content\":{\"broadcast\":{\"items_ids\":[",
            ),
            (true, "1,"),
            (false, "1],\"items\":{\"1\":{\"blocks\":["),
            (true, "{\"type\":\"p\",\"data\":\"x\"},"),
            (false, "0]}}}}}}"),
        ],
    ),
    (
        "ids in a list",
        &[
            (
                false,
                "{\"root\":{\"url\":\"live/2022/03/05/x\",\"layout\":\"live\",\"content\":{\"broadcast\":{\"items_ids\":[",
            ),
            (true, "#,"),
            (false, "1],\"items\":{"),
            (
                true,
                "\"#\":{\"meta\":{\"published_at\":1646480405},\"blocks\":[{\"type\":\"p\",\"data\":\"The water goes down.\"}]},",
            ),
            (false, "\"1\":{}}}}}}"),
        ],
    ),
    (
        "one property many times",
        &[
            (
                false,
                "<link rel=canonical href=https://www.example.org/live><div itemscope itemtype=https://schema.org/LiveBlogPosting><p itemprop='",
            ),
            (true, "liveBlogUpdate "),
            (false, "'>"),
            (true, "<i>x</i>"),
        ],
    ),
    (
        "a long address",
        &[
            (false, "<link rel=canonical href=https://www.theguardian.com/world/live/"),
            (true, "xxxxxxxx"),
            (false, "><div id=liveblog-body>"),
            (true, "<article id=block-#><p>x <a href=?>y</a></p></article>"),
        ],
    ),
    (
        "entries that are not closed",
        &[
            (false, "<link rel=canonical href=https://www.theguardian.com/world/live/x><div id=liveblog-body>"),
            (
                true,
                "<article id=block-#a><article id=block-#b><article id=block-#c><p>Nobody closes these.</article></article></article>",
            ),
        ],
    ),
    (
        "times like few others",
        &[
            (false, SPUTNIK),
            (false, "<div><div><p>10:00 GMT 03.12.2024</p><p>10:00 GMT 03.12.2024</p></div>"),
            (true, "<div><p class=a#>11:00 GMT 03.12.2024</p></div>"),
        ],
    ),
    (
        "one id",
        &[
            (false, "<link rel=canonical href=https://www.theguardian.com/world/live/x><div id=liveblog-body>"),
            (true, "<article id=block-1><p>The same again.</article>"),
        ],
    ),
    (
        "commas before space",
        &[
            (
                false,
                "<link rel=canonical href=https://www.example.org/live><script type=application/ld+json>{\"@type\":\"LiveBlogPosting\",\"a\":[",
            ),
            (true, ",   "),
        ],
    ),
    (
        "brackets in a text of JSON-LD",
        &[
            (
                false,
                "<link rel=canonical href=https://www.example.org/live><script type=application/ld+json>{\"@type\":\"LiveBlogPosting\",\"liveBlogUpdate\":{\"articleBody\":\"",
            ),
            (true, "[[<p <//&amp;a;"),
            (false, "\"}}</script>"),
        ],
    ),
];

/// The page of a shape, of about `size` bytes.
fn shaped((_, pieces): &Shape, size: usize) -> Page {
    let unit: usize = pieces.iter().filter(|(on, _)| *on).map(|(_, piece)| piece.len()).sum();
    let mut body = Vec::new();
    for (on, piece) in *pieces {
        for number in 0..if *on { size / unit } else { 1 } {
            let piece = piece.replace("#", &number.to_string());
            for part in piece.split_inclusive('¤') {
                body.extend_from_slice(part.trim_end_matches('¤').as_bytes());
                body.extend(part.ends_with('¤').then_some(0xff));
            }
        }
    }
    Page { body, url: None, content_type: None, captured: Captured::By("2030-01-01T00:00:00Z".parse().unwrap()) }
}

/// A case with its entries repeated, of about `size` bytes.
fn repeated(case: &str, lists: &[(&str, &str)], size: usize) -> Page {
    let page = fixtures::page(&fixtures::outlets().join(case));
    let mut text = String::from_utf8(page.body).unwrap();
    let unit = |text: &str, mark: &str| {
        let start = text.find(mark).unwrap_or_else(|| panic!("{case} does not hold `{mark}`"));
        let length = text[start + mark.len()..].find(mark).unwrap_or_else(|| panic!("{case} holds `{mark}` once"));
        start..start + mark.len() + length
    };
    let times = size / lists.iter().map(|(mark, _)| unit(&text, mark).len()).sum::<usize>();
    for (mark, id) in lists {
        let unit = unit(&text, mark);
        let entry = text[unit.clone()].to_owned();
        let numbered = |number: usize| match id.len() {
            0 => entry.clone(),
            length => entry.replace(id, &format!("{number:0length$}")),
        };
        assert!(entry.contains(id), "{case}: `{id}` is no id in `{entry:.200}`");
        text.insert_str(unit.end, &(0..times).map(numbered).collect::<String>());
    }
    Page { body: text.into_bytes(), ..page }
}

/// How much more a byte of the larger page costs, and what the larger one took. What is slower by chance is slower once: of
/// several rounds the best counts.
fn growth(pages: [&Page; 2]) -> (f64, Duration) {
    let mut best = (f64::INFINITY, Duration::ZERO);
    for runs in [1, 3, 5, 7] {
        let [small, large] = pages.map(|page| least(runs, || drop(black_box(split_page(page, None)))));
        let a_byte = |took: Duration, page: &Page| took.as_secs_f64() / page.body.len() as f64;
        let ratio = a_byte(large, pages[1]) / a_byte(small, pages[0]).max(f64::MIN_POSITIVE);
        if ratio < best.0 {
            best = (ratio, large);
        }
        if best.0 <= MOST || best.1 < NOISE {
            break;
        }
    }
    best
}

/// Small enough for a build that is not optimised; the long run takes pages of real size.
fn sizes() -> [usize; 2] {
    if long_run().is_some() { [200_000, 2_000_000] } else { [20_000, 200_000] }
}

fn tell(what: &str, (ratio, took): (f64, Duration), slow: &mut Vec<String>) {
    let line = format!("{what:40} {took:>10.2?} {ratio:5.2} times as much a byte");
    if long_run().is_some() {
        say(&line);
    }
    if ratio > MOST && took >= NOISE {
        slow.push(line);
    }
}

#[test]
fn ten_times_the_entries_cost_ten_times_as_much() {
    let mut slow = Vec::new();
    for (case, lists) in CASES {
        let [small, large] = sizes().map(|size| repeated(case, lists, size));
        let blog = split_page(&small, None).unwrap_or_else(|refusal| panic!("{case}, repeated: {refusal}"));
        let entries =
            |page: &Page| split_page(page, None).unwrap().entries.iter().map(|entry| entry.body_text.len()).sum::<usize>();
        assert!(entries(&large) > 4 * entries(&small).min(100_000), "{case} does not grow: {:?}", blog.problems);
        tell(case, growth([&small, &large]), &mut slow);
    }
    assert!(slow.is_empty(), "what grows faster than the page:\n{}", slow.join("\n"));
}

/// Adding an outlet without showing how it grows is noticed; those of one engine are shown by one of them.
#[test]
fn every_adapter_is_shown_to_grow() {
    let shown: BTreeSet<&str> = CASES.iter().filter_map(|(case, _)| case.split('/').next()).collect();
    let of_engines =
        ["birmingham-mail", "daily-record", "irish-mirror", "liverpool-echo", "manchester-evening-news", "wales-online"];
    for outlet in OUTLETS.iter().map(|outlet| outlet.slug).filter(|slug| !of_engines.contains(slug) && *slug != "wordpress")
    {
        assert!(shown.contains(outlet), "{outlet}: none of its cases is in CASES");
    }
}

#[test]
fn no_shape_is_quadratic() {
    let mut slow = Vec::new();
    for shape in SHAPES {
        let [small, large] = sizes().map(|size| shaped(shape, size));
        tell(shape.0, growth([&small, &large]), &mut slow);
    }
    assert!(slow.is_empty(), "what grows faster than the page:\n{}", slow.join("\n"));
}

/// Any stretch of any page, many times over: whatever a page may repeat. Only in a long run.
#[test]
fn no_stretch_is_quadratic() {
    let Some(seconds) = long_run() else { return };
    let mut slow = Vec::new();
    for (outlet, seeds) in &seeds("no_stretch_is_quadratic") {
        let small: Vec<&Seed> = seeds.iter().filter(|seed| seed.page.body.len() < 40_000).collect();
        let (start, mut number) = (Instant::now(), 0);
        while start.elapsed() < seconds / 5 {
            let mut dice = Dice::of(outlet, number | 1 << 40);
            let (seed, other) = (*dice.pick(&small), *dice.pick(&small));
            let body = match dice.one_in(2) {
                true => seed.page.body.clone(),
                false => mutator::mutated(&seed.page.body, &other.page.body, 20_000, &mut dice),
            };
            let slice = dice.stretch(body.len(), 3000);
            let grown = |size: usize| {
                let times = size / slice.len().max(1);
                Page { body: mutator::grown(&body, slice.clone(), times), ..seed.page.clone() }
            };
            let [small, large] = [grown(60_000), grown(600_000)];
            let (ratio, took) = growth([&small, &large]);
            // A page that only turns costly where it is long costs more a byte, too; twice as much is no accident.
            if ratio > 2.0 && took >= 2 * NOISE {
                let path = keep(&format!("growing-{outlet}-{number}"), &large);
                slow.push(format!("{outlet} {number} ({}): {took:.2?}, {ratio:.2} times as much a byte: {path}", seed.name));
                say(&slow[slow.len() - 1]);
            }
            number += 1;
        }
        say(&format!("{outlet:24} {:4} s {number:7} pages grown", start.elapsed().as_secs()));
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}
