//! Pages of one shape, up to a million times over: what has made a parser take minutes, or overflow its stack, or fill the
//! memory. Each is read by a process of its own, on a stack as small as the server's workers have.

use super::{full, say};
use crate::mutate::cost::timed;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tidings::outlet::split_page;
use tidings::page::{Captured, Page};

/// Largest page that is fetched, decoded.
const LARGEST: usize = 8 << 20;
/// What reading one may take on the processor, and of memory.
const LONGEST: Duration = Duration::from_secs(1);
const MOST_MEMORY: usize = 256 << 20;
/// The page for the process that reads one.
const PAGE: &str = "TIDINGS_HARDENING_PAGE";

/// What stands before what is repeated, where that is read as an entry's body.
const BODY: &str = "<!doctype html><meta charset=utf-8><link rel=canonical href=https://www.theguardian.com/world/live/x>\
     <div id=liveblog-body><article id=block-1><time datetime=2024-06-04T11:00:00Z>12.00</time><div>";
/// The same where it is an entry, and where it is a part of JSON-LD.
const LIST: &str = "<!doctype html><meta charset=utf-8><link rel=canonical href=https://www.theguardian.com/world/live/x>\
     <div id=liveblog-body>";
const JSON_LD: &str = "<!doctype html><meta charset=utf-8><link rel=canonical href=https://news.example/live>\
     <script type=application/ld+json>{\"@type\":\"LiveBlogPosting\",\"liveBlogUpdate\":[";

/// What stands first, and what comes again and again; `#` counts, `¤` is a byte that no text holds.
const SHAPES: [(&str, &str); 38] = [
    (BODY, "<div>"),
    (BODY, "<ul><li>"),
    (BODY, "<form><div>"),
    (BODY, "<a href=/><div>"),
    (BODY, "<blockquote>"),
    (BODY, "<b>"),
    (BODY, "<a href=/#>"),
    (BODY, "<table>"),
    (BODY, "<table><tr><td>"),
    (BODY, "<svg>"),
    (BODY, "<math><mi>"),
    (BODY, "<span>"),
    (BODY, "<template>"),
    (BODY, "<h2>x"),
    (BODY, "<font><p>"),
    (BODY, "<p><b id=#>x</p>"),
    (BODY, "<p>x</p>"),
    (BODY, "<li>x"),
    (BODY, "<td>x"),
    (BODY, "<br>x"),
    (BODY, "<select><option>x"),
    (BODY, "<p a#=x>"),
    (BODY, "«x» "),
    (BODY, "&nbsp;&amp;"),
    (BODY, "\u{a0}"),
    (BODY, "<!-->"),
    (BODY, "<script>x</script>"),
    (BODY, "<img src=/#.jpg alt='« »'>"),
    (BODY, "¤\u{0}"),
    ("<!doctype html><p", " a#"),
    ("<!doctype html><p title='", "«x» &amp;"),
    ("<!doctype html><!--", "<p x -"),
    (LIST, "<article id=block-#><time datetime=2024-06-04T11:00:00Z>12.00</time><p>x</p></article>"),
    (LIST, "<article id=block-#><time datetime=2024-06-04T11:00:00Z>12.00</time>"),
    (LIST, "<article><section><div><p><b><i><a href=/>x</a></i></b></p></div></section></article>"),
    (JSON_LD, "["),
    (JSON_LD, "{\"@type\":\"BlogPosting\",\"@id\":\"##\",\"headline\":\"x\",\"datePublished\":\"2024-06-04T11:00:00Z\"},"),
    ("", "[{\"a\":"),
];

/// A page that holds a shape so many times, as far as a page may be large.
fn page((before, unit): (&str, &str), times: usize) -> Vec<u8> {
    let mut body = before.as_bytes().to_vec();
    for number in 0..times {
        let unit = unit.replacen('#', &number.to_string(), 1);
        if body.len() + unit.len() > LARGEST {
            break;
        }
        for part in unit.split_inclusive('¤') {
            body.extend_from_slice(part.trim_end_matches('¤').as_bytes());
            body.extend(part.ends_with('¤').then_some(0xff));
        }
    }
    body
}

/// What reading a page took.
struct Cost {
    processor: Duration,
    memory: usize,
}

/// Reads a page in a process of its own. None where that did not come to its end.
fn cost_of(path: &Path) -> Option<Cost> {
    let this = std::env::current_exe().unwrap();
    let run = ["hardening::pages::one_page", "--exact", "--ignored", "--nocapture", "--test-threads=1"];
    let output = Command::new(this).args(run).env(PAGE, path).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let figures = told.lines().find_map(|line| line.split_once("figures ")).map(|(_, figures)| figures.split(' '))?;
    let [processor, memory] = figures.map(|figure| figure.parse().unwrap()).collect::<Vec<u64>>()[..] else { return None };
    output.status.success().then_some(Cost { processor: Duration::from_micros(processor), memory: memory as usize })
}

/// The most memory that this process has held so far, in bytes.
fn most_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<usize>().ok()? * 1024)
}

#[test]
#[ignore = "the process that reads one page"]
fn one_page() {
    let body = std::fs::read(std::env::var_os(PAGE).expect("a page to read")).unwrap();
    let mut spent = LONGEST;
    // What only a page that asks for it does: the proof that each limit can be passed.
    match &body[..] {
        b"spin" => spent = Duration::ZERO,
        b"hoard" => drop(std::hint::black_box(vec![1u8; 300 << 20])),
        b"abort" => std::process::abort(),
        _ => {}
    }
    let captured = Captured::By("2030-01-01T00:00:00Z".parse().unwrap());
    let page = Page { body, url: None, content_type: Some("text/html".into()), captured };
    let (took, _) = timed(|| {
        while spent < LONGEST {
            spent += timed(|| (0..1_000_000u64).fold(0, |sum, number| sum ^ std::hint::black_box(number))).0;
        }
        split_page(&page, None).map(|blog| blog.entries.len())
    });
    println!("figures {} {}", took.as_micros(), most_memory().unwrap_or_default());
}

#[test]
fn no_shape_takes_long_or_much() {
    let folder = tempfile::tempdir().unwrap();
    let sizes: &[usize] = if full() { &[1_000, 10_000, 100_000, 1_000_000] } else { &[10_000, 1_000_000] };
    let (mut wrong, mut most) = (Vec::new(), (Duration::ZERO, 0));
    for shape in SHAPES {
        for &times in sizes {
            let path = folder.path().join("page.html");
            std::fs::write(&path, page(shape, times)).unwrap();
            let name = format!("{} × {times}", shape.1);
            let Some(cost) = cost_of(&path) else {
                wrong.push(format!("{name}: does not come to an end"));
                continue;
            };
            if cost.processor > LONGEST || cost.memory > MOST_MEMORY {
                wrong.push(format!("{name}: {:.2?} and {} MiB", cost.processor, cost.memory >> 20));
            }
            most = (most.0.max(cost.processor), most.1.max(cost.memory));
            if full() {
                say(&format!("{name:60} {:>10.2?} {:>5} MiB", cost.processor, cost.memory >> 20));
            }
        }
    }
    if full() {
        say(&format!("{} pages: at most {:.2?} and {} MiB", SHAPES.len() * sizes.len(), most.0, most.1 >> 20));
    }
    assert!(wrong.is_empty(), "{} of {} pages:\n{}", wrong.len(), SHAPES.len() * sizes.len(), wrong.join("\n"));
}

/// The proof that it can fail.
#[test]
fn what_takes_long_or_much_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let cost = |text: &str| {
        let path = folder.path().join(text);
        std::fs::write(&path, text).unwrap();
        cost_of(&path)
    };
    let plain = cost("<!doctype html><p>x").unwrap();
    assert!(plain.processor < LONGEST && (1 << 20..MOST_MEMORY).contains(&plain.memory));
    assert!(cost("hoard").unwrap().memory > MOST_MEMORY);
    assert!(cost("abort").is_none());
    assert!(cost("spin").unwrap().processor > LONGEST);
}
