//! `tidings parse` and `tidings fetch` on what they can't read: exit status 2, nothing on stdout, the reason on stderr.

use std::fs::File;

use super::{fixture, run, run_on};
use crate::outlet_server::{Answer, OutletServer};

#[test]
fn what_is_no_page_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("empty.html"), "").unwrap();
    std::fs::write(at("blank.txt"), " \n\t\r\n ").unwrap();
    std::fs::write(at("picture.png"), [b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 400], &[200; 4000]].concat()).unwrap();
    std::fs::write(at("list.txt"), "bread\nmilk\n").unwrap();
    std::fs::write(at("other.html"), "<html><head><link rel=canonical href='https://news.example/a'></head></html>")
        .unwrap();
    std::fs::write(at("broken.json"), "{\"outlet\": ").unwrap();
    std::fs::create_dir(at("pages")).unwrap();
    File::create(at("huge.html")).unwrap().set_len(70 << 20).unwrap();
    for (name, reason) in [
        ("empty.html", "the page is empty"),
        ("blank.txt", "the page is empty"),
        ("picture.png", "binary data"),
        ("list.txt", "no outlet is recognised"),
        ("other.html", "no outlet is recognised for news.example"),
        ("broken.json", "no outlet is recognised"),
        ("pages", "the folder holds no page"),
        ("missing.html", "there is no such file"),
        ("huge.html", "larger than 64 MiB"),
    ] {
        let done = run(folder.path(), ["parse", name]).refused(&[name, reason]);
        assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
        for format in ["rss", "atom", "jsonfeed", "text"] {
            run(folder.path(), ["parse", name, "--format", format]).refused(&[reason]);
        }
    }
    run_on(folder.path(), ["parse", "-"], b"").refused(&["standard input: the page is empty"]);
    run_on(folder.path(), ["parse", "-"], &[0; 5000]).refused(&["binary data"]);
}

/// One bad file among good ones: the status tells, and the good ones are not lost.
#[test]
fn a_refused_file_does_not_take_the_others_along() {
    let folder = tempfile::tempdir().unwrap();
    let good = fixture("sputnik/html-list");
    let done = run(folder.path(), ["parse", "missing.html", good.to_str().unwrap()]).says(&["missing.html: "]);
    assert_eq!((done.status, done.json().len(), done.stderr.lines().count()), (2, 1, 1));
    // Problems of one and the refusal of another: the worse status counts.
    let problems = fixture("sputnik/text-africa-no-gmt");
    let done = run(folder.path(), ["parse", problems.to_str().unwrap(), "missing.html"]).says(&["[zone_assumed]"]);
    assert_eq!((done.status, done.stderr.lines().count()), (2, 2));
}

#[test]
fn an_unknown_outlet_is_answered_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let page = fixture("sputnik/html-list");
    for (given, part) in [
        ("sputnk", "did you mean `sputnik`?"),
        ("Independent", "did you mean `independent`?"),
        ("The Independent", "did you mean `independent`?"),
        ("zzz", "known: "),
    ] {
        let done = run(folder.path(), ["parse", page.to_str().unwrap(), "--outlet", given]).refused(&[given, part]);
        assert_eq!(done.stderr.contains("did you mean"), given != "zzz");
    }
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let page = fixture("sputnik/html-list");
    let page = page.to_str().unwrap();
    for (arguments, part) in [
        (&["parse"][..], "FILE"),
        (&["parse", page, "--format", "xml"], "jsonfeed"),
        (&["parse", page, "--captured", "yesterday"], "2022-01-06T19:20:00Z"),
        (&["parse", page, "--captured", "2022-01-06T19:20:00"], "with its offset"),
        (&["parse", page, "--url", "sputniknews.com/a"], "https://"),
        (&["parse", page, page, "--url", "https://sputniknews.com/a"], "--url is the address of one page"),
        (&["fetch"], "URL"),
        (&["fetch", "ftp://news.example/"], "only http:// and https:// are"),
        (&["serve", "--listen", "8080"], "--listen"),
        (&["serve", "--follow", "news.example/live"], "https://"),
        (&["prase", page], "parse"),
    ] {
        run(folder.path(), arguments).refused(&[part]);
    }
    // No command at all is a question, and gets the help.
    let done = run(folder.path(), [""; 0]);
    assert!(done.status == 2 && done.stderr.contains("Usage: tidings"), "{done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_page_that_can_not_be_fetched_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let outlet = OutletServer::start().await;
    outlet.answer("/broken", Answer::status(500));
    outlet.answer("/round", Answer::redirect("/round"));
    outlet.answer("/shop", Answer::html("<!DOCTYPE html><html><head><title>Shop</title></head><body>Bread</body></html>"));
    outlet.answer("/nothing", Answer::html(""));
    for (path, reason) in
        [("/broken", "500"), ("/gone", "404"), ("/round", "redirect"), ("/shop", "no outlet"), ("/nothing", "empty")]
    {
        let url = outlet.url(path);
        let done = run(folder.path(), ["fetch", "--allow-private", url.as_str()]).refused(&[path, reason]);
        assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
    }
    let nobody = "http://127.0.0.1:9/live";
    run(folder.path(), ["fetch", "--allow-private", nobody]).refused(&[nobody, "refused"]);
    run(folder.path(), ["fetch", nobody]).refused(&[nobody, "not on the public internet", "--allow-private"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "fetch keeps nothing");
}
