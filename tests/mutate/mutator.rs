//! What goes wrong with pages, and what somebody may do to one on purpose.

use super::dice::Dice;

/// Runs of one thing, many times.
const RUNS: &[&str] = &[
    " ",
    "\n",
    "\n\n",
    "\t",
    "\u{a0}",
    "&nbsp;",
    "&amp;",
    "&lt;",
    "&#x202e;",
    "&",
    "«x» ",
    "£",
    "é",
    "\u{200b}",
    "\u{ad}",
    "\u{301}",
    "<",
    ">",
    "<!--",
    "-->",
    "]]>",
    "<![CDATA[",
    "\"",
    "'",
    "\\",
    "\\u0000",
    "\\ud83d",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "13:30 ",
    "1 ",
    "<p>",
    "</p>",
    "<div>",
    "</div>",
    "<b>",
    "<a href=/>",
    "<a><div>",
    "<ul><li>",
    "<table>",
    "<table><tr><td>",
    "<tr>",
    "</table>",
    "<br>",
    "<hr>",
    "<img src=a.jpg>",
    "<font><p>",
    "<blockquote>",
    "<form><div>",
    "<svg>",
    "<math>",
    "<template>",
    "<select>",
    "<caption>",
    "<h2>",
    "<span> </span>",
    "<time>13:30</time>",
    "<article>",
    "<section>",
    "<iframe src=/x>",
    "<video src=/x>",
    "<pre>",
    "<i></i>",
    "<p> ",
];

/// Markup after which a parser reads on in another way.
const TURNS: &[&str] = &[
    "<script>",
    "</script>",
    "<style>",
    "<textarea>",
    "<title>",
    "<plaintext>",
    "<noscript>",
    "<xmp>",
    "<frameset>",
    "</body>",
    "</html>",
    "<svg><desc>",
    "<math><mi>",
    "<template>",
    "<select>",
    "<table>",
    "<!--",
    "<![CDATA[",
    "<body hidden>",
    "</p>",
    "</article>",
    "</div>",
    "<base href='javascript:alert(1)'>",
    "<a href='javascript:alert(1)' onclick=alert(1)>x</a>",
    "<img src=x onerror=alert(1)>",
    "<a href='jAvAsCrIpT&colon;alert(1)'>y</a>",
    "<p onclick=x style=y>z</p>",
    "<a href='data:text/html,x'>w</a>",
    "<svg onload=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<scr<script>ipt>",
    "<p lang='\"><script>alert(1)</script>'>q</p>",
    "<meta charset=utf-7>",
    "<link rel=canonical href='https://user:pw@www.theguardian.com/live/x'>",
    "<html lang='x\u{0}'>",
];

/// Times that nobody expects.
const TIMES: &[&str] = &[
    "",
    "0",
    "-1",
    "24:00",
    "23:59:60",
    "25:61",
    "00:00",
    "12:60 am",
    "13:30",
    "1.30",
    "99:99",
    "1970-01-01T00:00:00+14:00",
    "2200-12-31T23:59:59-12:00",
    "2200-12-31T23:59",
    "1970-01-01T00:00",
    "1969-12-31T23:59:59Z",
    "9999-12-31T23:59:59Z",
    "0000-00-00",
    "0001-01-01T00:00:00Z",
    "2022-02-30T10:00:00Z",
    "2022-10-30T01:30",
    "2022-03-27T01:30",
    "2024-02-29T12:00:00Z",
    "2023-02-29",
    "1e999",
    "9223372036854775807",
    "253402300799",
    "253402300800",
    "1641496820",
    "1641496820000",
    "99999999999999999999",
    "just now",
    "0 minutes ago",
    "9999 days ago",
    "9999 hours ago",
    "-5 minutes ago",
    "5 minutes ago",
    "01.01.1970",
    "31.12.2200",
    "23:59 GMT 31.12.2200",
    "00:00 01.01.1970",
    "12:00 BST",
    "12:00 GMT 30.10.2022",
    "6 January 2022 13:30",
    "January 6, 2022",
    "2262-04-11T23:47:16.854775807Z",
    "2022-01-06T10:00:00+99:99",
    "2022-01-06T10:00:00+é9",
    "２０２２-01-06",
    "null",
    "true",
    "{}",
    "NaN",
    "13:30\u{0}",
    "13:30\u{202e}",
    "2022-01-06T10:00:00Z\r\nX: y",
];

/// Ids and addresses that nobody expects.
const NAMES: &[&str] = &[
    "",
    "#",
    "0",
    "untimed.0",
    "article",
    "post-",
    "block-",
    "block-ffffffff",
    "block--fffffff",
    "post-\u{0}",
    "post1",
    "\u{202e}",
    "a b",
    "#:~:text=x",
    "https://",
    "//",
    "http://[::1]/",
    "https://www.bbc.co.uk/news/live/world-52627824",
    "javascript:alert(1)",
    "/19700101/x-11111111.html",
    "https://sputniknews.com/00010101/x-1121104477.html",
    "https://sputniknews.com/99991231/x-1121104477.html",
    "mailto:x@y",
    "../../../../etc",
];

/// A page with something wrong with it, of at most `most` bytes.
pub fn mutated(page: &[u8], other: &[u8], most: usize, dice: &mut Dice) -> Vec<u8> {
    let mut body = page.to_vec();
    for _ in 0..dice.size(6) {
        body = once(body, other, most, dice);
        body.truncate(most);
    }
    body
}

fn once(mut body: Vec<u8>, other: &[u8], most: usize, dice: &mut Dice) -> Vec<u8> {
    let room = most.saturating_sub(body.len());
    let at = dice.below(body.len() + 1);
    match dice.below(22) {
        0 => {
            for _ in 0..dice.size(30) {
                let (at, bit) = (dice.below(body.len()), dice.below(8));
                body.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
            }
        }
        1 => body.truncate(at),
        2 => {
            let gone = dice.stretch(body.len(), 2000);
            body.drain(gone);
        }
        3 => {
            // The beginning of one page and the end of another.
            let from = dice.below(other.len() + 1);
            body.truncate(at);
            body.extend_from_slice(&other[from..]);
        }
        4 => {
            let within = dice.stretch(other.len(), 4000);
            insert(&mut body, at, &other[within]);
        }
        5 => return repeated(&body, room, dice),
        6 | 7 => {
            let run = dice.pick(RUNS).as_bytes();
            let times = dice.size((room / run.len()).min(20_000));
            insert(&mut body, at, &run.repeat(times));
        }
        8 => insert(&mut body, at, dice.pick(TURNS).as_bytes()),
        9 => {
            let turn = dice.pick(TURNS).as_bytes();
            let start = tag(&body, at).start;
            insert(&mut body, start, turn);
        }
        10 => {
            // One element, many times over.
            let tag = tag(&body, at);
            let times = dice.size((room / tag.len().max(1)).min(3000));
            let copies = body[tag.clone()].repeat(times);
            insert(&mut body, tag.start, &copies);
        }
        11 => attribute(&mut body, at, room, dice),
        12 | 13 => {
            // What is printed as a time becomes another one, somewhere or everywhere.
            let found = times(&body);
            let everywhere = dice.one_in(4);
            let time = *dice.pick(TIMES);
            if let Some(chosen) = (!found.is_empty()).then(|| dice.pick(&found).clone()) {
                let old = body[chosen.clone()].to_vec();
                if everywhere {
                    body = replaced(&body, &old, time.as_bytes())
                } else {
                    put(&mut body, chosen, time.as_bytes())
                }
            }
        }
        14 => {
            let word = word(&body, at);
            let new = if dice.one_in(2) { dice.pick(NAMES) } else { dice.pick(TIMES) };
            put(&mut body, word, new.as_bytes());
        }
        15 => {
            // One word stands where another did: an id twice, a class in the wrong place.
            let (from, to) = (word(&body, at), word(&body, dice.below(body.len() + 1)));
            let from = body[from].to_vec();
            put(&mut body, to, &from);
        }
        16 => {
            let bytes: Vec<u8> = (0..dice.size(40)).map(|_| dice.below(256) as u8).collect();
            insert(&mut body, at, &bytes);
        }
        17 => {
            // A value becomes one of another kind, as JSON has them.
            let value = word(&body, at);
            let quoted = value.start.saturating_sub(1)..(value.end + 1).min(body.len());
            let new = *dice.pick(&[
                "null",
                "true",
                "[]",
                "{}",
                "-1",
                "1e400",
                "\"\\u0000\"",
                "[[[[[]]]]]",
                "\"\\ud83d\"",
                "{\"@id\":\"#a\"}",
                "0.5",
            ]);
            put(&mut body, quoted, new.as_bytes());
        }
        18 => {
            let mark = *dice.pick(b"\"{}[]<>,:&;/=\\ \n");
            let places: Vec<usize> = (0..body.len()).filter(|&at| body[at] == mark).collect();
            if let Some(&at) = (!places.is_empty()).then(|| dice.pick(&places)) {
                body.remove(at);
            }
        }
        19 => {
            let moved = dice.stretch(body.len(), 3000);
            let piece: Vec<u8> = body.drain(moved).collect();
            let to = dice.below(body.len() + 1);
            insert(&mut body, to, &piece);
        }
        20 => {
            let run = *dice.pick(&[
                "<div>",
                "<ul><li>",
                "<b>",
                "<article id=post-1>",
                "<span>",
                "[",
                "{\"a\":",
                "<blockquote>",
                "<em class=x>",
            ]);
            let times = dice.size((room / run.len()).min(3000));
            insert(&mut body, at, run.repeat(times).as_bytes());
        }
        _ => {
            let to = *dice.pick(&["\r\n", "\r", "", " ", "\u{2028}", "\u{0}", "\u{fffe}", "\u{8}"]);
            let from = *dice.pick(&["\n", " ", "</p>", "><"]);
            body = replaced(&body, from.as_bytes(), to.as_bytes());
        }
    }
    body
}

/// A stretch of the page many times over: what a list that goes on looks like, and what a page that is quadratic in it does.
pub fn repeated(body: &[u8], room: usize, dice: &mut Dice) -> Vec<u8> {
    let slice = dice.stretch(body.len(), 6000);
    let times = dice.size(room / slice.len().max(1));
    grown(body, slice, times)
}

/// The page with one of its stretches `times` times more.
pub fn grown(body: &[u8], slice: std::ops::Range<usize>, times: usize) -> Vec<u8> {
    [&body[..slice.end], &body[slice.clone()].repeat(times), &body[slice.end..]].concat()
}

fn insert(body: &mut Vec<u8>, at: usize, piece: &[u8]) {
    put(body, at..at, piece);
}

fn put(body: &mut Vec<u8>, place: std::ops::Range<usize>, piece: &[u8]) {
    drop(body.splice(place, piece.iter().copied()));
}

fn replaced(body: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = (!old.is_empty()).then(|| rest.windows(old.len()).position(|window| window == old)).flatten() {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// The next tag from a place on.
fn tag(body: &[u8], at: usize) -> std::ops::Range<usize> {
    let find = |from: usize, mark: u8| body[from..].iter().position(|&byte| byte == mark).map(|found| from + found);
    let start = find(at, b'<').unwrap_or(at);
    start..find(start, b'>').map_or(body.len(), |end| end + 1)
}

/// The word around a place.
fn word(body: &[u8], at: usize) -> std::ops::Range<usize> {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.' | b'+' | b'/' | b'#');
    let start = body[..at].iter().rposition(|byte| !part(byte)).map_or(0, |before| before + 1);
    let end = body[at..].iter().position(|byte| !part(byte)).map_or(body.len(), |length| at + length);
    start..end
}

/// Everything that looks like a time: digits with what stands between the digits of one.
fn times(body: &[u8]) -> Vec<std::ops::Range<usize>> {
    let part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b':' | b'-' | b'.' | b'T' | b'Z' | b'+');
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = body[at..].iter().position(u8::is_ascii_digit).map(|digit| at + digit) {
        at = body[start..].iter().position(|&byte| !part(byte)).map_or(body.len(), |length| start + length);
        if at - start >= 4 {
            found.push(start..at);
        }
    }
    found
}

/// A tag gets an attribute it has not, one that it has, or thousands.
fn attribute(body: &mut Vec<u8>, at: usize, room: usize, dice: &mut Dice) {
    let tag = tag(body, at);
    let place = tag.end.saturating_sub(1).max(tag.start);
    let name = *dice.pick(&[
        "lang",
        "dir",
        "start",
        "alt",
        "href",
        "src",
        "id",
        "class",
        "datetime",
        "data-unixtime",
        "data-post-time",
        "hidden",
        "itemprop",
        "itemscope",
        "data-sort-time",
        "content",
        "srcset",
        "title",
        "x",
    ]);
    let piece = match dice.below(4) {
        0 => {
            let filler = *dice.pick(&["x", "«x» ", "&amp;", "&nbsp;", "a b ", "?", "liveBlogUpdate ", "9"]);
            format!(" {name}=\"{}\"", filler.repeat(dice.size((room / 12).min(60_000))))
        }
        1 => (0..dice.size((room / 8).min(6000))).map(|number| format!(" a{number}")).collect(),
        2 => format!(" {name}='{}'", dice.pick(NAMES)),
        _ => format!(" {name}=\"{}\" ", dice.pick(TIMES)),
    };
    insert(body, place, piece.as_bytes());
}
