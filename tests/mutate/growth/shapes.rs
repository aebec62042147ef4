//! Pages of one shape, as large as one likes.

use tidings::page::{Captured, Page};

/// What was once quadratic, or easily is: pieces of a page, of which those with `true` go on. `¤` is a byte that no text
/// holds, `#` a number that counts.
pub type Shape = (&'static str, &'static [(bool, &'static str)]);

const GUARDIAN: &str = "<link rel=canonical href=https://www.theguardian.com/world/live/x><div id=liveblog-body>";
const INDEPENDENT: &str = "<link rel=canonical href=https://www.independent.co.uk/news/x-b1234567.html><div id=main>";
const SPUTNIK: &str = "<link rel=canonical href=https://sputniknews.com/20241203/x-1121104477.html>";
const ANY: &str = "<link rel=canonical href=https://www.example.org/live>";
const JSON_LD: &str = "<script type=application/ld+json>[{\"@type\":\"LiveBlogPosting\",\"liveBlogUpdate\":[";
const MEDUZA: &str =
    "{\"root\":{\"url\":\"live/2022/03/05/x\",\"layout\":\"live\",\"content\":{\"broadcast\":{\"items_ids\":[";

pub const SHAPES: &[Shape] = &[
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
        "clocks of an old page",
        &[
            (false, "<link rel=canonical href=https://www.dw.com/en/x/a-52844556><div id=bodyContent><div class=longText>"),
            (false, "<p>13:52 x<p>12:51 y<p>11:50 "),
            (true, "«z»&amp; "),
        ],
    ),
    (
        "posts behind one reference",
        &[
            (false, "<link rel=canonical href=https://www.dw.com/en/x/live-65501235><script>window.__APOLLO_STATE__="),
            (false, "{\"ROOT_QUERY\":{\"content(1)\":{\"__ref\":\"L\"}},\"L\":{\"posts\":["),
            (true, "{\"__ref\":\"P\"},"),
            (false, "0]},\"P\":{\"id\":1,\"text\":\""),
            (true, "<p>x</p>"),
            (false, "\"}}</script>"),
        ],
    ),
    (
        "updates behind one reference",
        &[
            (false, ANY),
            (false, JSON_LD),
            (true, "{\"@id\":\"a\"},"),
            (false, "0]},{\"@id\":\"a\",\"headline\":\""),
            (true, "<p>x</p>"),
            (false, "\"}]</script>"),
        ],
    ),
    (
        "authors behind one reference",
        &[
            (false, ANY),
            (false, JSON_LD),
            (true, "{\"url\":\"a#\",\"author\":{\"@id\":\"a\"}},"),
            (false, "0]},{\"@id\":\"a\",\"name\":\""),
            (true, "Ann Lee and all of her sisters "),
            (false, "\"}]</script>"),
        ],
    ),
    (
        "one id in a list",
        &[
            (false, MEDUZA),
            (true, "1,"),
            (false, "1],\"items\":{\"1\":{\"blocks\":["),
            (true, "{\"type\":\"p\",\"data\":\"x\"},"),
            (false, "0]}}}}}}"),
        ],
    ),
    (
        "ids in a list",
        &[
            (false, MEDUZA),
            (true, "#,"),
            (false, "1],\"items\":{"),
            (
                true,
                "\"#\":{\"meta\":{\"published_at\":1646480405},\"blocks\":[{\"type\":\"p\",\"data\":\"It goes down.\"}]},",
            ),
            (false, "\"1\":{}}}}}}"),
        ],
    ),
    (
        "one property many times",
        &[
            (false, ANY),
            (false, "<div itemscope itemtype=https://schema.org/LiveBlogPosting><p itemprop='"),
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
        "entries inside entries",
        &[(false, GUARDIAN), (true, "<article id=block-#a><article id=block-#b><p>Nobody closes it.</article></article>")],
    ),
    (
        "times unlike the others",
        &[
            (false, SPUTNIK),
            (false, "<div><div><p>10:00 GMT 03.12.2024</p><p>10:00 GMT 03.12.2024</p></div>"),
            (true, "<div><p class=a#>11:00 GMT 03.12.2024</p></div>"),
        ],
    ),
    ("one id", &[(false, GUARDIAN), (true, "<article id=block-1><p>The same again.</article>")]),
    (
        "commas before space",
        &[(false, ANY), (false, "<script type=application/ld+json>{\"@type\":\"LiveBlogPosting\",\"a\":["), (true, ",   ")],
    ),
    (
        "brackets in a text of JSON-LD",
        &[
            (false, ANY),
            (false, JSON_LD),
            (false, "{\"articleBody\":\""),
            (true, "[[<p <//&amp;a;"),
            (false, "\"}]}]</script>"),
        ],
    ),
];

/// The page of a shape, of about `size` bytes.
pub fn shaped((_, pieces): &Shape, size: usize) -> Page {
    let unit: usize = pieces.iter().filter(|(on, _)| *on).map(|(_, piece)| piece.len()).sum();
    let mut body = Vec::new();
    for (on, piece) in *pieces {
        for number in 0..if *on { size / unit } else { 1 } {
            let piece = if *on { piece.replace('#', &number.to_string()) } else { (*piece).to_owned() };
            for part in piece.split_inclusive('¤') {
                body.extend_from_slice(part.trim_end_matches('¤').as_bytes());
                body.extend(part.ends_with('¤').then_some(0xff));
            }
        }
    }
    Page { body, url: None, content_type: None, captured: Captured::By("2030-01-01T00:00:00Z".parse().unwrap()) }
}
