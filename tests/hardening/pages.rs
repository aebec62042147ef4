//! Pages of one shape, up to a million times over: what has made a parser take minutes, or overflow its stack, or fill the
//! memory. Each is read by a process of its own, `tidings parse`, on threads with a stack as small as the server's workers have.
//!
//! The second that a page may take is promised of the program as it is released: `TIDINGS_PROGRAM=target/release/tidings`. In
//! a build that is not optimised a page may take as many times that as an ordinary large page does there.

use super::programs::{Verdict, python};
use super::{full, say};
use crate::cli::{program, released};
use std::path::Path;
use std::time::Duration;

/// Largest page that is fetched, decoded.
const LARGEST: usize = 8 << 20;
/// What reading one may take on the processor, and of memory.
const LONGEST: Duration = Duration::from_secs(1);
const MOST_MEMORY: usize = 256 << 20;

/// What stands before what is repeated, where that is read as an entry's body.
const BODY: &str = "<!doctype html><meta charset=utf-8><link rel=canonical href=https://www.theguardian.com/world/live/x>\
     <div id=liveblog-body><article id=block-1><time datetime=2024-06-04T11:00:00Z>12.00</time><div>";
/// The same where it is an entry, and where it is a part of JSON-LD.
const LIST: &str = "<!doctype html><meta charset=utf-8><link rel=canonical href=https://www.theguardian.com/world/live/x>\
     <div id=liveblog-body>";
const JSON_LD: &str = "<!doctype html><meta charset=utf-8><link rel=canonical href=https://news.example/live>\
     <script type=application/ld+json>{\"@type\":\"LiveBlogPosting\",\"liveBlogUpdate\":[";

/// What stands first, and what comes again and again; `#` counts, `¤` is a byte that no text holds.
const SHAPES: [(&str, &str); 40] = [
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
    // Nearly as many references as a page may hold, and the longest.
    (BODY, "&nbsp; and no more of them than these "),
    (BODY, "&CounterClockwiseContourIntegral; "),
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

/// Runs `tidings parse` over each page and tells what each run took: microseconds on the processor, KiB of memory, how it ended.
const MEASURE: &str = r#"
import os, resource, sys
program = sys.argv[1]
for path in sys.stdin.read().splitlines():
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0); os.dup2(nowhere, 1); os.dup2(nowhere, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
        os.execv(program, [program, "parse", path])
    _, status, used = os.wait4(child, 0)
    print(int((used.ru_utime + used.ru_stime) * 1e6), used.ru_maxrss, os.waitstatus_to_exitcode(status), flush=True)
"#;

/// What reading a page took.
#[derive(Debug)]
struct Cost {
    processor: Duration,
    memory: usize,
    /// It was read or refused, and not ended by a signal or a panic.
    ended: bool,
}

/// Reads pages, each in a process of its own. None without Python.
fn costs_of(program: &Path, pages: &[&Path]) -> Option<Vec<Cost>> {
    let list: Vec<String> = pages.iter().map(|page| page.display().to_string()).collect();
    let told = match python(MEASURE, &[&program.to_string_lossy()], list.join("\n").as_bytes()) {
        Verdict::Accepted(told) => told,
        Verdict::Absent => return None,
        Verdict::Refused(why) => panic!("{why}"),
    };
    let cost = |line: &str| {
        let figures: Vec<i64> = line.split(' ').map(|figure| figure.parse().unwrap()).collect();
        Cost {
            processor: Duration::from_micros(figures[0].unsigned_abs()),
            memory: figures[1].unsigned_abs() as usize * 1024,
            ended: (0..=2).contains(&figures[2]),
        }
    };
    Some(told.lines().map(cost).collect())
}

/// A page as large as a page may be, that holds what live blogs hold.
fn ordinary() -> Vec<u8> {
    let sentence = "The ferry waits at the pier, and nobody on it knows for how long; the captain has gone to ask. ";
    let entry = format!(
        "<article id=block-#><header><time datetime=2024-06-04T11:00:00Z>12.00</time><h2>The ferry waits</h2></header>\
         <div>{}</div></article>",
        format!("<p>{}</p>", sentence.repeat(8)).repeat(8)
    );
    page((LIST, &entry), usize::MAX)
}

#[test]
fn no_shape_takes_long_or_much() {
    let folder = tempfile::tempdir().unwrap();
    let write = |body: &[u8]| {
        let path = folder.path().join("page.html");
        std::fs::write(&path, body).unwrap();
        path
    };
    let cost = |body: &[u8]| Some(costs_of(&program(), &[&write(body)])?.remove(0));
    let Some(plain) = cost(&ordinary()) else {
        return say("skipped: no_shape_takes_long_or_much needs python3");
    };
    let longest = if released() { LONGEST } else { LONGEST.max(3 * plain.processor) };
    // The largest take a build that is not optimised some minutes: they are for the released program.
    let sizes: &[usize] = match (full(), released()) {
        (true, _) => &[1_000, 10_000, 100_000, 1_000_000],
        (false, true) => &[10_000, 1_000_000],
        (false, false) => &[1_000, 10_000],
    };
    let (mut wrong, mut most) = (Vec::new(), (plain.processor, plain.memory));
    for shape in SHAPES {
        for &times in sizes {
            let name = format!("{} × {times}", shape.1);
            let Some(cost) = cost(&page(shape, times)) else { unreachable!("python3 was there") };
            if cost.processor > longest || cost.memory > MOST_MEMORY || !cost.ended {
                wrong.push(format!("{name}: {:.2?} and {} MiB, {cost:?}", cost.processor, cost.memory >> 20));
            }
            most = (most.0.max(cost.processor), most.1.max(cost.memory));
            if full() {
                say(&format!("{name:60} {:>10.2?} {:>5} MiB", cost.processor, cost.memory >> 20));
            }
        }
    }
    let count = SHAPES.len() * sizes.len();
    say(&format!(
        "{count} pages of one shape: at most {:.2?} and {} MiB (an ordinary page of {} MiB: {:.2?})",
        most.0,
        most.1 >> 20,
        LARGEST >> 20,
        plain.processor
    ));
    assert!(wrong.is_empty(), "{} of {count} pages take more than {longest:.2?}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The proof that it can fail: programs that take long, or much, or do not come to an end.
#[cfg(unix)]
#[test]
fn what_takes_long_or_much_is_found() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let cost = |name: &str, script: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/usr/bin/env python3\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        Some(costs_of(&path, &[Path::new("page")])?.remove(0))
    };
    let Some(plain) = cost("plain", "pass") else { return };
    assert!(plain.ended && plain.processor < LONGEST && plain.memory < MOST_MEMORY, "{plain:?}");
    assert!(cost("spin", "import time\nwhile time.process_time() < 1.2: pass").unwrap().processor > LONGEST);
    assert!(cost("hoard", "x = b'x' * (300 << 20)").unwrap().memory > MOST_MEMORY);
    assert!(!cost("abort", "import os\nos.abort()").unwrap().ended);
    assert!(!cost("panic", "raise SystemExit(101)").unwrap().ended);
}
