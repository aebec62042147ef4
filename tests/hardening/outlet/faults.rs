//! What can go wrong with an answer, one by one.

use std::sync::OnceLock;

use super::{Scene, Step, coded};

/// A kind of answer that is not the page.
pub struct Fault {
    pub name: String,
    /// What has to stand in the reason that is shown, one of several between bars. None where the page is as good as whole:
    /// then nothing changes, and nothing is wrong.
    pub told: Option<&'static str>,
    /// How long the host asks to be left alone, in seconds.
    pub rest: Option<u64>,
    pub answer: Answering,
}

/// Makes an answer of what there is.
type Answering = Box<dyn Fn(&Scene) -> Vec<Step> + Send + Sync>;

/// A place inside of `length` bytes, another one for each seed.
fn place(scene: &Scene, length: usize) -> usize {
    let mixed = scene.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    1 + (mixed >> 33) as usize % (length - 1)
}

fn head(status: &str, headers: &[&str]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for header in headers {
        head += &format!("{header}\r\n");
    }
    (head + "\r\n").into_bytes()
}

const HTML: &str = "Content-Type: text/html; charset=utf-8";

fn length(bytes: usize) -> String {
    format!("Content-Length: {bytes}")
}

/// A good answer.
pub fn whole(page: &[u8]) -> Vec<u8> {
    [head("200 OK", &[HTML, &length(page.len())]), page.to_vec()].concat()
}

/// With this type, and these headers.
fn typed(kind: &str, headers: &[&str], body: &[u8]) -> Vec<Step> {
    let (kind, length) = (format!("Content-Type: {kind}"), length(body.len()));
    vec![Step::Send([head("200 OK", &[&[kind.as_str(), length.as_str()], headers].concat()), body.to_vec()].concat())]
}

fn html(body: &str) -> Vec<Step> {
    vec![Step::Send(whole(body.as_bytes()))]
}

fn in_chunks(body: &[u8], each: usize) -> Vec<u8> {
    let chunk = |piece: &[u8]| [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
    body.chunks(each).flat_map(chunk).collect()
}

fn chunked_head() -> Vec<u8> {
    head("200 OK", &[HTML, "Transfer-Encoding: chunked"])
}

fn with_coding(coding: &str, body: &[u8]) -> Vec<Step> {
    typed("text/html", &[&format!("Content-Encoding: {coding}")], body)
}

fn redirect(to: &str) -> Vec<Step> {
    vec![Step::Send(head("302 Found", &[&format!("Location: {to}"), "Content-Length: 0"]))]
}

/// Twenty statuses that are no page.
const STATUSES: [(u16, &str); 20] = [
    (204, "status 204"),
    (205, "status 205"),
    (206, "status 206"),
    (300, "status 300"),
    (304, "status 304"),
    (400, "status 400"),
    (401, "status 401"),
    (402, "status 402"),
    (403, "status 403"),
    (404, "status 404"),
    (406, "status 406"),
    (410, "status 410"),
    (418, "status 418"),
    (429, "status 429"),
    (451, "status 451"),
    (500, "status 500"),
    (502, "status 502"),
    (503, "status 503"),
    (504, "status 504"),
    (520, "status 520"),
];

/// What stands in the way where status 200 is no proof.
const WALLS: [(&str, &str, &str); 12] = [
    ("check", "a check for robots", "<title>Just a moment...</title><div id=cf-challenge>One second, please.</div>"),
    (
        "captcha",
        "a check for robots",
        "<title>harbour.example</title><script src='https://geo.captcha-delivery.com/c.js'></script>",
    ),
    ("puzzle", "a check for robots", "<h1>Show us that you are human</h1><div class=g-recaptcha></div>"),
    ("traffic", "a check for robots", "<p>We have seen unusual traffic from where you are.</p>"),
    ("block", "a block", "<title>Access Denied</title><h1>Access Denied</h1>Reference #18.2f"),
    ("region", "a block", "<p>This page is not available in your region.</p>"),
    (
        "consent",
        "a consent wall",
        "<title>Before you continue</title><form action='https://consent.harbour.example/save'></form>",
    ),
    ("cookies", "a consent wall", "<h2>We value your privacy</h2><button>Accept all cookies</button>"),
    ("paywall", "a paywall or login", "<h1>Subscribe to continue</h1><p>It costs a crown a week.</p>"),
    ("login", "a paywall or login", "<p>Please log in to continue</p><form><input type=password></form>"),
    ("maintenance", "maintenance", "<h1>Down for maintenance</h1><p>The harbour master is painting.</p>"),
    ("script", "a page that only a browser fills", "<noscript>You need to enable JavaScript.</noscript><div id=root></div>"),
];

/// Seventeen mebibytes of nothing, compressed once.
fn seventeen() -> &'static [u8] {
    static BODY: OnceLock<Vec<u8>> = OnceLock::new();
    BODY.get_or_init(|| coded("gzip", &vec![b' '; 17 << 20]))
}

/// Of an answer in which the page is whole after all.
const WHOLE: &str = "whole";

/// Every one of them.
#[rustfmt::skip]
pub fn all() -> Vec<Fault> {
    let mut all: Vec<Fault> = Vec::new();
    let mut add = |name: &str, told: &'static str, answer: Answering| {
        let told = (told != WHOLE).then_some(told);
        all.push(Fault { name: name.into(), told, rest: None, answer });
    };
    use Step::{Drip, Endless, Reset, Send, Stall};

    // Torn down, and closed, at each phase.
    for (how, end) in [("reset", Some(Reset)), ("closed", None)] {
        let ending = move |bytes: Vec<u8>| [Some(Send(bytes)), end.clone()].into_iter().flatten().collect::<Vec<Step>>();
        let e = ending.clone();
        add(&format!("{how}-at-the-request"), "no answer", Box::new(move |_| e(Vec::new())));
        let e = ending.clone();
        add(&format!("{how}-in-the-status"), "no answer", Box::new(move |s| e(b"HTTP/1.1 200 OK"[..place(s, 15)].to_vec())));
        let e = ending.clone();
        add(&format!("{how}-in-the-head"), "no answer", Box::new(move |s| {
            let head = head("200 OK", &[HTML]);
            e(head[..17 + place(s, head.len() - 17)].to_vec())
        }));
        let e = ending.clone();
        add(&format!("{how}-behind-the-head"), "came damaged|no answer", Box::new(move |s| e(head("200 OK", &[HTML, &length(s.page.len())]))));
        let e = ending.clone();
        add(&format!("{how}-in-the-body"), "came damaged|no answer", Box::new(move |s| {
            let answer = whole(s.page);
            let body = answer.len() - s.page.len();
            e(answer[..body + place(s, s.page.len())].to_vec())
        }));
        add(&format!("{how}-in-a-chunk"), "came damaged|no answer", Box::new(move |s| {
            let body = in_chunks(s.page, 1000);
            ending([chunked_head(), body[..place(s, body.len())].to_vec()].concat())
        }));
    }

    // Silent, and slow, at each phase.
    add("silent-at-the-request", "within", Box::new(|_| vec![Stall]));
    add("silent-in-the-status", "within", Box::new(|s| vec![Send(b"HTTP/1.1 200 OK"[..place(s, 15)].to_vec()), Stall]));
    add("silent-in-the-head", "within", Box::new(|s| {
        let head = head("200 OK", &[HTML]);
        vec![Send(head[..17 + place(s, head.len() - 17)].to_vec()), Stall]
    }));
    add("silent-behind-the-head", "within", Box::new(|s| vec![Send(head("200 OK", &[HTML, &length(s.page.len())])), Stall]));
    add("silent-in-the-body", "within", Box::new(|s| {
        let answer = whole(s.page);
        let cut = answer.len() - s.page.len() + place(s, s.page.len());
        vec![Send(answer[..cut].to_vec()), Stall]
    }));
    add("silent-before-the-last-byte", "within", Box::new(|s| vec![Send(whole(s.page)[..whole(s.page).len() - 1].to_vec()), Stall]));
    add("silent-in-a-chunk", "within", Box::new(|s| {
        let body = in_chunks(s.page, 1000);
        vec![Send([chunked_head(), body[..place(s, body.len())].to_vec()].concat()), Stall]
    }));
    add("silent-before-the-last-chunk", "within", Box::new(|s| vec![Send([chunked_head(), in_chunks(s.page, 1000)].concat()), Stall]));
    add("silent-behind-a-redirect", "within", Box::new(|s| match s.path.ends_with("/on") {
        true => vec![Stall],
        false => redirect(&format!("{}{}/on", s.base, s.path)),
    }));
    add("a-head-byte-by-byte", "within", Box::new(|s| vec![Drip(whole(s.page))]));
    add("a-body-byte-by-byte", "within", Box::new(|s| vec![Send(head("200 OK", &[HTML, &length(s.page.len())])), Drip(s.page.to_vec())]));
    add("chunks-byte-by-byte", "within", Box::new(|s| vec![Send(chunked_head()), Drip(in_chunks(s.page, 1))]));

    // Cut at a kibibyte, so that only the length, the chunks or the coding can tell.
    add("cut-at-a-kibibyte", "came damaged", Box::new(|s| {
        let kibibytes = s.page.len() / 1024;
        let answer = whole(s.page);
        vec![Send(answer[..answer.len() - s.page.len() + 1024 * (1 + s.seed as usize % kibibytes)].to_vec())]
    }));
    // Without a length nothing of the protocol tells, only the page itself.
    add("cut-without-a-length", "", Box::new(|s| vec![Send([head("200 OK", &[HTML]), s.page[..place(s, s.page.len() * 3 / 4)].to_vec()].concat())]));
    add("cut-chunks-at-a-kibibyte", "came damaged", Box::new(|s| {
        let kibibytes = s.page.len() / 1024;
        vec![Send([chunked_head(), in_chunks(&s.page[..1024 * (1 + s.seed as usize % kibibytes)], 512)].concat())]
    }));
    for coding in ["gzip", "br", "zstd", "deflate"] {
        add(&format!("cut-{coding}"), "came damaged", Box::new(move |s| {
            let body = coded(coding, s.page);
            with_coding(coding, &body[..place(s, body.len())])
        }));
    }
    add("gzip-without-its-trailer", "came damaged", Box::new(|s| {
        let body = coded("gzip", s.page);
        with_coding("gzip", &body[..body.len() - 1 - s.seed as usize % 8])
    }));

    // Lengths that are wrong.
    add("a-byte-less-than-said", "came damaged", Box::new(|s| vec![Send([head("200 OK", &[HTML, &length(s.page.len() + 1)]), s.page.to_vec()].concat())]));
    add("much-more-than-said", WHOLE, Box::new(|s| {
        vec![Send([head("200 OK", &[HTML, &length(s.page.len())]), s.page.to_vec(), b"<p>And more of it.</p>".repeat(100)].concat())]
    }));
    add("a-length-of-nine-gibibytes", "larger than", Box::new(|s| vec![Send([head("200 OK", &[HTML, "Content-Length: 9663676416"]), s.page.to_vec()].concat()), Stall]));
    add("a-length-beyond-numbers", "no answer", Box::new(|s| vec![Send([head("200 OK", &[HTML, "Content-Length: 99999999999999999999999"]), s.page.to_vec()].concat())]));
    add("a-length-below-nothing", "no answer", Box::new(|s| vec![Send([head("200 OK", &[HTML, "Content-Length: -1"]), s.page.to_vec()].concat())]));
    add("a-length-in-words", "no answer", Box::new(|s| vec![Send([head("200 OK", &[HTML, "Content-Length: many"]), s.page.to_vec()].concat())]));
    add("two-lengths", "no answer", Box::new(|s| vec![Send([head("200 OK", &[HTML, &length(s.page.len()), &length(s.page.len() - 1 - s.seed as usize)]), s.page.to_vec()].concat())]));

    // Chunks that are none.
    add("a-chunk-of-no-size", "came damaged", Box::new(|s| vec![Send([chunked_head(), b"size\r\n".to_vec(), s.page.to_vec()].concat())]));
    add("a-chunk-beyond-numbers", "came damaged", Box::new(|s| vec![Send([chunked_head(), b"ffffffffffffffffffff\r\n".to_vec(), s.page.to_vec()].concat())]));
    add("a-chunk-longer-than-said", "came damaged", Box::new(|s| vec![Send([chunked_head(), b"10\r\n".to_vec(), s.page.to_vec(), b"\r\n0\r\n\r\n".to_vec()].concat())]));
    add("an-extension-without-end", "came damaged", Box::new(|_| vec![Send(chunked_head()), Send(b"1;".to_vec()), Endless(vec![b'x'; 4096])]));
    add("trailers-without-end", "came damaged", Box::new(|s| vec![Send([chunked_head(), in_chunks(s.page, 1000), b"0\r\n".to_vec()].concat()), Endless(b"X-Trailer: 1\r\n".repeat(200))]));
    add("a-transfer-coding-under-the-chunks", "transfer coding", Box::new(|s| {
        vec![Send([head("200 OK", &[HTML, "Transfer-Encoding: gzip, chunked"]), in_chunks(&coded("gzip", s.page), 1000), b"0\r\n\r\n".to_vec()].concat())]
    }));

    // No end of it.
    add("a-body-without-end", "larger than", Box::new(|_| vec![Send(head("200 OK", &[HTML])), Endless(b"<p>More of it.</p>\n".repeat(1000))]));
    add("chunks-without-end", "larger than", Box::new(|_| vec![Send(chunked_head()), Endless(in_chunks(&b"<p>More of it.</p>\n".repeat(1000), 9000))]));
    add("a-head-without-end", "no answer", Box::new(|_| vec![Send(b"HTTP/1.1 200 OK\r\nX-Long: ".to_vec()), Endless(vec![b'x'; 4096])]));
    add("a-status-without-end", "no answer", Box::new(|_| vec![Send(b"HTTP/1.1 200 ".to_vec()), Endless(vec![b'x'; 4096])]));
    add("ten-thousand-headers", "no answer", Box::new(|s| vec![Send([head("200 OK", &[HTML, b"X-Flood: 1\r\n".repeat(9_999).iter().map(|b| *b as char).collect::<String>().trim_end()]), s.page.to_vec()].concat())]));
    add("a-header-of-a-mebibyte", "no answer", Box::new(|s| vec![Send([head("200 OK", &[HTML, &format!("Set-Cookie: a={}", "x".repeat(1 << 20))]), s.page.to_vec()].concat())]));
    add("interim-answers-without-end", "within", Box::new(|s| vec![Endless([&b"HTTP/1.1 100 Continue\r\n\r\n"[..], b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"][s.seed as usize % 2].repeat(50))]));
    add("only-an-interim-answer", "no answer", Box::new(|_| vec![Send(b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec())]));
    add("nine-mebibytes", "larger than", Box::new(|s| vec![Send(whole(&[s.page, " ".repeat(9 << 20).as_bytes()].concat()))]));
    add("seventeen-mebibytes-of-gzip", "larger than", Box::new(|_| with_coding("gzip", seventeen())));

    // Not the protocol.
    add("another-protocol", "no answer", Box::new(|s| vec![Send([&b"SSH-2.0-OpenSSH_9.9\r\n"[..], b"\x16\x03\x01\0\x02\x02\x28", b"220 mail.example ESMTP\r\n", b"\0\0\0"][s.seed as usize % 4].to_vec())]));
    add("a-page-without-a-head", "no answer", Box::new(|s| vec![Send(s.page.to_vec())]));
    add("another-version", "no answer", Box::new(|s| vec![Send([b"HTTP/9.9 200 OK\r\n\r\n".to_vec(), s.page.to_vec()].concat())]));
    add("a-status-of-two-digits", "no answer", Box::new(|s| vec![Send([b"HTTP/1.1 20 OK\r\n\r\n".to_vec(), s.page.to_vec()].concat())]));
    add("a-header-without-a-colon", "no answer", Box::new(|s| vec![Send([head("200 OK", &["nonsense"]), s.page.to_vec()].concat())]));
    add("a-header-with-a-nul", "no answer", Box::new(|s| vec![Send([head("200 OK", &[HTML, "X-Nul: a\0b"]), s.page.to_vec()].concat())]));

    // Redirects that lead nowhere.
    add("a-redirect-to-itself", "in a loop", Box::new(|s| redirect(s.path)));
    add("redirects-in-a-circle", "in a loop", Box::new(|s| redirect(s.path.strip_suffix("/on").unwrap_or(&format!("{}/on", s.path)))));
    add("redirects-without-end", "redirects", Box::new(|s| redirect(&format!("{}/on", s.path))));
    add("a-redirect-to-nowhere", "without a Location", Box::new(|_| vec![Send(head("301 Moved", &["Content-Length: 0"]))]));
    add("a-redirect-to-no-address", "redirected to", Box::new(|s| redirect(["http://[::", "https://", "http://a b/", "http://harbour.example:99999/"][s.seed as usize % 4])));
    add("a-redirect-to-a-file", "not http or https", Box::new(|_| redirect("file:///etc/hosts")));
    add("a-redirect-with-a-password", "user name or password", Box::new(|s| redirect(&s.base.replace("http://", "http://me:secret@"))));
    add("a-redirect-to-a-closed-port", "refused", Box::new(|s| redirect(&format!("http://127.0.0.1:{}/", s.closed))));

    // What is there is no page.
    add("nothing", "", Box::new(|_| html("")));
    add("white-space", "", Box::new(|s| html(&" \n".repeat(1 + s.seed as usize))));
    add("no-entries", "", Box::new(|_| html("<html><head><title>Harbour Post</title></head><body><h1>Today</h1><p>Bread is dear.</p></body></html>")));
    add("a-page-that-is-gone", "a page that is gone", Box::new(|_| html("<title>Sorry</title><h1>Page not found</h1>")));
    add("a-page-that-leads-elsewhere", "leads elsewhere", Box::new(|s| html(&format!("<meta http-equiv=refresh content='0;url={}/elsewhere'>", s.base))));
    for (kind, type_) in [("pdf", "application/pdf"), ("picture", "image/png"), ("feed", "application/rss+xml"), ("style", "text/css"), ("bytes", "application/octet-stream")] {
        add(&format!("a-{kind}"), "its type is", Box::new(move |s| typed(type_, &[], s.page)));
    }
    add("no-type-and-no-text", "says no type", Box::new(|s| vec![Send([head("200 OK", &[&length(8)]), b"\x89PNG\r\n\x1A\n".to_vec()].concat()), Send(vec![s.seed as u8; 3])]));
    add("json-of-something-else", "", Box::new(|_| typed("application/json", &[], b"{\"error\":{\"code\":17,\"message\":\"no such story\"}}")));
    add("json-that-breaks-off", "", Box::new(|s| typed("application/json", &[], &b"{\"liveblog\":{\"entries\":[{\"id\":1,\"text\":\"x\"}]}}"[..place(s, 40)])));
    add("utf-16-that-is-none", "", Box::new(|s| typed("text/html; charset=utf-16le", &[], s.page)));
    add("a-charset-nobody-knows", WHOLE, Box::new(|s| typed("text/html; charset=harbour-8", &[], s.page)));
    for (name, told, body) in WALLS {
        add(&format!("wall-{name}"), told, Box::new(move |_| html(&format!("<html><body>{body}</body></html>"))));
    }

    // Codings that are damaged, or too many.
    add("gzip-with-a-wrong-sum", "came damaged", Box::new(|s| {
        let mut body = coded("gzip", s.page);
        let at = body.len() - 1 - s.seed as usize % 8;
        body[at] ^= 0x55;
        with_coding("gzip", &body)
    }));
    add("gzip-with-a-flipped-bit", "came damaged", Box::new(|s| {
        let mut body = coded("gzip", s.page);
        let at = 10 + place(s, body.len() - 18);
        body[at] ^= 1 << (s.seed % 8);
        with_coding("gzip", &body)
    }));
    add("gzip-that-is-none", "came damaged", Box::new(|s| with_coding("gzip", s.page)));
    add("gzip-with-more-behind", "came damaged", Box::new(|s| with_coding("gzip", &[coded("gzip", s.page), b"<script>".to_vec()].concat())));
    add("brotli-that-is-none", "came damaged", Box::new(|s| with_coding("br", s.page)));
    add("two-codings", "content coding", Box::new(|s| with_coding("gzip, gzip", &coded("gzip", &coded("gzip", s.page)))));
    add("a-coding-nobody-asked-for", "content coding", Box::new(|s| with_coding("compress", s.page)));

    for (status, told) in STATUSES {
        add(&format!("status-{status}"), told, Box::new(move |s| {
            let headers = if matches!(status, 429 | 503) { "Retry-After: 900" } else { "X-Why: none" };
            let body = if matches!(status, 204 | 205 | 304) { Vec::new() } else { s.page.to_vec() };
            vec![Send([head(&format!("{status} Told"), &[HTML, headers, &length(body.len())]), body].concat())]
        }));
    }
    for fault in &mut all {
        if matches!(fault.name.as_str(), "status-429" | "status-503") {
            fault.rest = Some(900);
        }
    }
    all
}
