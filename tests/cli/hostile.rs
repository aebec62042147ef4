//! Pages and readers that don't play along: control characters for the terminal, streams that are closed early.

use std::io::Write;
use std::process::Stdio;

use super::{Done, Serving, fixture, run_on, tidings};

/// What may stand on a terminal beside what is printed: line ends.
fn steers(text: &str) -> bool {
    text.chars().any(|c| c.is_control() && c != '\n')
}

const TEXT: &str = "LIVE UPDATES: \x1b[31mRed\x1b[0m Tape \u{9b}2J Everywhere\nThe lead.\n\
    18:20 GMT 12.09.2022\nHead \x1b]0;owned\x07line\nBody \x1b[2J text\x08\x08 of some more words.\n\
    16:02 GMT 12.09.2022\nOther \x1b[1m Headline\nSome \u{85}body.\n";

const HTML: &str = "<!DOCTYPE html><html><head>\
    <link rel=canonical href='https://sputniknews.com/20220912/live-1100693512.html'></head>\
    <body><h1>He\x1b[31mad &#27;[1m &#x9b;2J</h1><div>18:20 GMT 12.09.2022</div><h3>Red \x1b]0;owned\x07 line</h3>\
    <p>bo &#27;[2J &#x9b;1m dy</p><div>16:02 GMT 12.09.2022</div><p>Second \x07</p></body></html>";

/// A page must not steer the terminal it is shown on, neither through the timeline nor through what is said of it.
#[test]
fn control_characters_of_a_page_reach_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    for page in [TEXT, HTML] {
        let arguments = ["parse", "-", "--outlet", "sputnik", "--format", "text", "--captured", "2021-01-01T00:00:00Z"];
        let done = run_on(folder.path(), arguments, page.as_bytes());
        assert!(done.stdout.contains("18:20Z") && done.stdout.contains("16:02Z"), "{done:?}");
        assert_eq!((done.status, done.stderr.lines().count()), (1, 2), "{done:?}");
        assert!(!steers(&done.stdout), "{:?}", done.stdout);
        assert!(!steers(&done.stderr), "{:?}", done.stderr);
        assert!(done.stdout.contains("[2J"), "only the control characters are gone: {:?}", done.stdout);
    }
}

/// What goes into a feed reader is well-formed XML whatever the page holds.
#[test]
fn control_characters_of_a_page_reach_no_feed() {
    let folder = tempfile::tempdir().unwrap();
    for page in [TEXT, HTML] {
        for format in ["rss", "atom"] {
            let done = run_on(folder.path(), ["parse", "-", "--outlet", "sputnik", "--format", format], page.as_bytes());
            assert!(!done.stdout.chars().any(|c| c < ' ' && !"\n\r\t".contains(c)), "{format}: {:?}", done.stdout);
            assert_eq!(super::ids(done.stdout.as_bytes(), format).len(), 2);
        }
    }
}

/// `tidings parse … | head` has seen enough: no panic, no error.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let page = std::fs::read(fixture("independent/amp-live-list")).unwrap();
    for format in ["json", "rss", "text"] {
        let mut child = tidings(folder.path(), ["parse", "-", "--format", format]).stdin(Stdio::piped()).spawn().unwrap();
        // Gone before there is anything to write, so that it can't be written in time.
        drop(child.stdout.take());
        child.stdin.take().unwrap().write_all(&page).unwrap();
        Done::of(child).fine();
    }
    // Nobody reads the problems either.
    let africa = std::fs::read(fixture("sputnik/text-africa-no-gmt")).unwrap();
    let mut child = tidings(folder.path(), ["parse", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    child.stdin.take().unwrap().write_all(&africa).unwrap();
    assert_eq!(Done::of(child).status, 1);
}

/// `tidings serve 2>&1 | head`: the terminal is gone, the server is not.
#[test]
fn serving_goes_on_when_nobody_reads_the_log() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens there, so that there is something to log.
    let follow = ["serve", "--listen", "127.0.0.1:0", "--allow-private", "--follow", "http://127.0.0.1:9/live"];
    let mut child = tidings(folder.path(), follow).spawn().unwrap();
    drop(child.stderr.take());
    let serving = Serving::of(child);
    serving.until("/healthz", |health| health["sources"][0]["failures"] == 1);
    assert_eq!(serving.get("/feed.atom").status, 200);
    serving.stop("TERM");
}
