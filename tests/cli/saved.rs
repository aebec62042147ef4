//! Many saved pages at once: folders, patterns, compressed files and web archives.

use super::{each, fixture, run};
use std::io::Write;

const LIVE: &str = "independent/amp-live-list";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn record(kind: &str, url: &str, date: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000001>\r\nWARC-Date: {date}\r\n\
         WARC-Target-URI: {url}\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: {}\r\n\r\n",
        content.len()
    );
    [head.as_bytes(), content, b"\r\n\r\n"].concat()
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {status}\r\n{headers}\r\n").as_bytes(), body].concat()
}

/// A crawl: a request, a picture, a missing page, and two live blogs, one of them in gzip and chunks.
fn crawl() -> Vec<Vec<u8>> {
    let page = std::fs::read(fixture(LIVE)).unwrap();
    let text = std::fs::read(fixture("sputnik/text-era-a-clock-only")).unwrap();
    let packed = gzip(&page);
    let chunked = [format!("{:x}\r\n", packed.len()).as_bytes(), &packed[..], b"\r\n0\r\n\r\n"].concat();
    let html = "Content-Type: text/html; charset=utf-8\r\n";
    let coded = format!("{html}Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n");
    let blog = "https://www.independent.co.uk/x-b2357444.html";
    let clocks = "https://sputniknews.com/us/202101061081668117-Live-Updates-Ferry/";
    vec![
        record("warcinfo", "", "2023-06-14T12:00:00Z", b"software: hands\r\n"),
        record("request", blog, "2023-06-14T12:00:00Z", b"GET / HTTP/1.1\r\n\r\n"),
        record(
            "response",
            "https://e.example/i.png",
            "2023-06-14T12:00:00Z",
            &answer("200 OK", "Content-Type: image/png\r\n", b"\x89PNG"),
        ),
        record("response", "https://e.example/gone", "2023-06-14T12:00:00Z", &answer("404 Not Found", html, b"<html>gone")),
        record("response", blog, "2023-06-14T12:00:01Z", &answer("200 OK", &coded, &chunked)),
        record("response", clocks, "2021-01-07T18:00:00Z", &answer("200 OK", "Content-Type: text/plain\r\n", &text)),
    ]
}

#[test]
fn an_archive_gives_its_pages_with_their_instants() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("crawl.warc"), crawl().concat()).unwrap();
    let members: Vec<u8> = crawl().iter().flat_map(|record| gzip(record)).collect();
    std::fs::write(folder.path().join("crawl.warc.gz"), members).unwrap();
    let plain = run(folder.path(), ["parse", "crawl.warc", "--format", "jsonl"]).fine();
    assert_eq!(plain.stdout.lines().count(), 2, "{}", plain.stdout);
    let blogs = plain.json();
    assert_eq!((blogs[0]["key"].as_str(), each(&blogs[0], "/id").len()), (Some("b2357444"), 6));
    // A clock without a date is dated by the address; the instant of capture comes from the record.
    assert_eq!(each(&blogs[1], "/published/at")[0], "2021-01-07T17:50:00Z");
    let packed = run(folder.path(), ["parse", "crawl.warc.gz", "--format", "jsonl"]).fine();
    assert_eq!(packed.stdout, plain.stdout);
    let page = fixture(LIVE);
    let saved = run(folder.path(), ["parse", page.to_str().unwrap()]).fine().blog();
    assert_eq!(each(&saved, "/id"), each(&blogs[0], "/id"), "archived or saved, the ids are the same");
}

#[test]
fn a_damaged_archive_gives_what_stands_before_the_damage() {
    let folder = tempfile::tempdir().unwrap();
    let whole = crawl().concat();
    let cut = &whole[..whole.len() - 400];
    std::fs::write(folder.path().join("cut.warc"), cut).unwrap();
    let done = run(folder.path(), ["parse", "cut.warc", "--format", "jsonl"]);
    assert_eq!((done.status, done.stdout.lines().count()), (2, 1), "{}", done.stderr);
    assert!(done.stderr.contains("cut.warc"), "{}", done.stderr);
    for nonsense in [&b""[..], b"not an archive", b"WARC/1.0\r\n\r\n", &[0xff; 5000]] {
        std::fs::write(folder.path().join("odd.warc"), nonsense).unwrap();
        std::fs::write(folder.path().join("odd.warc.gz"), nonsense).unwrap();
        for name in ["odd.warc", "odd.warc.gz"] {
            assert_eq!(run(folder.path(), ["parse", name]).stdout, "");
        }
    }
}

#[test]
fn folders_patterns_and_compressed_files_are_read_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| folder.path().join("saved").join(name);
    std::fs::create_dir_all(inside("2022/.hidden")).unwrap();
    let page = std::fs::read(fixture(LIVE)).unwrap();
    std::fs::write(inside("b.html"), &page).unwrap();
    std::fs::write(inside("2022/a.html.gz"), gzip(&page)).unwrap();
    std::fs::copy(fixture("sputnik/text-newest-first"), inside("2022/c.txt")).unwrap();
    std::fs::write(inside("2022/.hidden/d.html"), &page).unwrap();
    std::fs::write(inside("2022/picture.png"), b"\x89PNG").unwrap();
    let outlets =
        |done: &super::Done| done.json().iter().map(|blog| blog["outlet"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let all = run(folder.path(), ["parse", "saved", "--format", "jsonl"]).fine();
    assert_eq!(outlets(&all), ["independent", "sputnik", "independent"]);
    let pattern = run(folder.path(), ["parse", "saved/**/*.txt", "saved/?.html", "--format", "jsonl"]).fine();
    assert_eq!(outlets(&pattern), ["sputnik", "independent"]);
    run(folder.path(), ["parse", "saved/*.nothing"]).refused(&["saved/*.nothing: there is no such file", "pattern"]);
    let feed = run(folder.path(), ["parse", "saved", "--format", "atom"]).fine();
    assert_eq!(feed.stdout.matches("<entry>").count(), 6 + 6 + 6);
}

#[test]
fn a_bad_file_is_named_and_the_others_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let page = fixture(LIVE);
    std::fs::write(folder.path().join("bad.html"), "<html><body>Nothing to see").unwrap();
    std::fs::write(folder.path().join("cut.html.gz"), &gzip(&std::fs::read(&page).unwrap())[..500]).unwrap();
    let files = ["parse", "bad.html", page.to_str().unwrap(), "cut.html.gz", "gone.html", "--format", "jsonl"];
    let done = run(folder.path(), files);
    assert_eq!((done.status, done.stdout.lines().count()), (2, 1));
    let named: Vec<&str> = done.stderr.lines().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(named, ["bad.html", "cut.html.gz", "gone.html"], "{}", done.stderr);
}

/// What is written does not depend on how the work is shared out.
#[test]
fn many_pages_come_out_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(fixture("sputnik/text-newest-first")).unwrap();
    for number in 0..300 {
        let page = text.replace("LIVE UPDATES: ", &format!("LIVE UPDATES: {number} "));
        std::fs::write(folder.path().join(format!("{number:04}.txt")), page).unwrap();
    }
    let done = run(folder.path(), ["parse", ".", "--format", "jsonl"]).fine();
    let blogs = done.json();
    assert_eq!(blogs.len(), 300);
    for (number, blog) in blogs.iter().enumerate() {
        assert!(blog["headline"].as_str().unwrap().starts_with(&format!("LIVE UPDATES: {number} ")));
    }
}
