//! `tidings explain`: what a person sees who describes an outlet or doubts a page, and what tools read.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Done, fixture, run, run_on};
use crate::outlet_server::{Answer, OutletServer};

fn configured(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/configured").join(case)
}

fn explain(page: &Path, more: &[&str]) -> Done {
    let folder = tempfile::tempdir().unwrap();
    let done = run(folder.path(), ["explain".as_ref(), page.as_os_str()].into_iter().chain(more.iter().map(AsRef::as_ref)));
    assert_eq!(done.stderr, "", "all of it stands on stdout");
    done
}

/// The lines of stdout have these parts, in this order.
#[track_caller]
fn tells(done: &Done, parts: &[&str]) {
    let mut rest = done.stdout.as_str();
    for part in parts {
        let Some(at) = rest.find(part) else { panic!("{part:?} is missing, or not in its place, in {}", done.stdout) };
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn a_page_that_is_read_is_told_with_its_evidence() {
    let done = explain(&fixture("guardian/live-pinned"), &[]);
    assert_eq!(done.status, 0, "{}", done.stdout);
    tells(
        &done,
        &[
            "bytes, HTML\n",
            " at the latest: not known",
            "(the page's canonical link) → guardian\n",
            "The Guardian (`guardian`, Europe/London), by the page's canonical link https://www.theguardian.com/",
            "the adapter `guardian`, from html\n",
            "live blog ",
            " entries, in UTC\n",
            "   1  2",
            " to the second  printed \"2",
            "in an attribute\n",
            "key block-",
            "  urn:uuid:",
            "What looks like entries",
            "  each with a time\n",
        ],
    );
    assert!(!done.stdout.contains('\x1b'), "no colours but on a terminal");

    let text = explain(&fixture("sputnik/text-africa-no-gmt"), &[]);
    assert_eq!(text.status, 1, "problems are worth a look");
    tells(
        &text,
        &["bytes, text\n", "by how it is written\n", "from text\n", "! ", "[zone_assumed]\n", "in the text, read in UTC\n"],
    );
    assert!(!text.stdout.contains("What looks like entries"), "a text has no elements");

    let any = explain(&fixture("any/ld-graph"), &[]);
    tells(&any, &["by its schema.org data alone: LiveBlogPosting", "schema.org data, as of any outlet", "a live blog of "]);
    let forced = explain(&fixture("any/ld-graph"), &["--outlet", "mirror"]);
    tells(&forced, &["Mirror", "by --outlet mirror\n"]);
}

/// An outlet that nobody described: the page is refused, and says what a table of it would hold.
#[test]
fn an_unknown_page_shows_where_its_entries_are() {
    let done = explain(&configured("ten-lines").join("page.html"), &[]);
    assert_eq!(done.status, 2);
    tells(
        &done,
        &[
            "https://www.harbourpost.example/live/storm-tracker (the page's canonical link)\n",
            "outlet     not recognised\n",
            "schema.org no live blog\n",
            "refused    no outlet is recognised for www.harbourpost.example",
            "   3  article.update  each with a time\n",
            "published time@datetime  \"2024-01-21T19:05:12+00:00\", an instant\n",
            "headline  h2  \"Bridge closed to lorries\"\n",
            "[[outlet]]\n",
            "hosts = [\"harbourpost.example\"]\n",
            "entry = \"article.update\"\n",
            "published = \"time@datetime\"\n",
            "headline = \"h2\"\n",
        ],
    );
    // Times in a format of the outlet's own are seen, and what they need is said.
    let done = explain(&configured("printed-format-whole-entry").join("page.html"), &[]);
    tells(
        &done,
        &[
            "   4  li[data-cle]  each",
            "published span.heure  \"29/10/2023 à 03h40\", not read without a `format`",
            "format =",
        ],
    );
    // Clocks alone, and a day to count from.
    let page = configured("clock-only-counted-ids").join("page.html");
    let candidates = explain(&page, &["--json"]).blog();
    assert_eq!(candidates["days"][0]["opened"], "meta[name=\"date\"]@content");
    let entries = candidates["candidates"].as_array().unwrap().iter().find(|candidate| candidate["count"] == 3).unwrap();
    assert_eq!(entries["times"][0], json!({ "published": "b", "entries": 3, "printed": "00:05", "reads_as": "clock" }));
}

/// The table that is shown, with the two values only a person knows, reads the page.
#[test]
fn the_table_that_is_shown_works() {
    for (case, zone, entries) in
        [("ten-lines", "Europe/Dublin", 3), ("clock-only-counted-ids", "Europe/Berlin", 4), ("published-nowhere", "UTC", 2)]
    {
        let page = configured(case).join("page.html");
        let url = "https://harbourpost.example/live/a";
        let shown = explain(&page, &["--url", url]).stdout;
        let table = shown[shown.rfind("[[outlet]]").unwrap()..].replacen("\"…\"", "\"Post\"", 1).replacen('…', zone, 1);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), &table).unwrap();
        let page = page.to_str().unwrap();
        let arguments = ["explain", page, "--url", url, "--json", "--captured", "2024-03-01T12:00:00Z"];
        let done = run(folder.path(), arguments);
        assert!(done.status < 2, "{table}\n{done:?}");
        let told = done.blog();
        let outlet = json!([told["outlet"]["slug"], told["outlet"]["zone"], told["reader"]["kind"]]);
        assert_eq!(outlet, json!(["post", zone, "selectors"]), "{case}");
        assert_eq!(told["entries"].as_array().unwrap().len(), entries, "{case}");
        assert!(told["entries"].as_array().unwrap().iter().all(|entry| entry["printed"].is_string()), "{case}");
    }
}

#[test]
fn the_selectors_of_a_config_are_told_with_what_they_match() {
    let folder = configured("ten-lines");
    let config = folder.join("outlet.toml");
    let more = ["--config", config.to_str().unwrap(), "--captured", "2024-01-21T19:20:00Z"];
    let done = explain(&folder.join("page.html"), &more);
    assert_eq!(done.status, 0);
    tells(
        &done,
        &[
            "captured   2024-01-21T19:20Z\n",
            "reader     the selectors of `harbour-post`\n",
            "entry      article.update        3 elements\n",
            "published  header time@datetime  3 elements, in 3 entries\n",
            "byline     .by                   1 element, in 1 entry\n",
            "headline   h2                    2 elements, in 2 entries\n",
            "body       .words                4 elements, in 3 entries\n",
            "key_event  .pin                  1 element, in 1 entry\n",
            "3 entries, in UTC\n",
        ],
    );
    // What matches nothing any more.
    let folder = configured("published-nowhere");
    let config = folder.join("outlet.toml");
    let more = ["--config", config.to_str().unwrap(), "--url", "https://kvallspressen.example/live/1"];
    let done = explain(&folder.join("page.html"), &more);
    assert_eq!(done.status, 1);
    tells(&done, &["published  .when  0 elements, in 0 entries\n", "[no_time]", "prints no time", "published span.time"]);
}

/// Refused for its times, and just then there is most to say.
#[test]
fn clocks_without_a_date_are_said_to_be() {
    let done = explain(&fixture("telegraph/undated"), &[]);
    assert_eq!(done.status, 2);
    tells(
        &done,
        &[
            "The Telegraph (`telegraph`, Europe/London), by the page's canonical link",
            "refused    its times are clocks without a date (21.00)",
            "  5 with a time\n",
            "published strong in 5  \"21.00\", a clock without a date\n",
            "meta[name=\"last-modified\"]@content  \"2014-11-18\"\n",
        ],
    );
    // Of a page that was read so far, the entries are told as printed.
    let folder = configured("published-nowhere");
    let config = tempfile::tempdir().unwrap();
    let config = config.path().join("outlet.toml");
    let table = std::fs::read_to_string(folder.join("outlet.toml")).unwrap().replace(".when", ".time");
    std::fs::write(&config, table).unwrap();
    let more = ["--config", config.to_str().unwrap(), "--outlet", "kvallspressen-nytt"];
    let done = explain(&folder.join("page.html"), &more);
    assert_eq!(done.status, 2);
    tells(
        &done,
        &[
            "published  .time  2 elements, in 2 entries\n",
            "refused    its times are clocks without a date (10:55)",
            "2 entries, as printed: without an instant\n",
            "   1  no instant  printed \"10:55\" in the text\n",
            "   2  no instant  printed \"10:40\" in the text\n",
        ],
    );
    let told = explain(&folder.join("page.html"), &[&more[..], &["--json"]].concat()).blog();
    assert_eq!((&told["live_blog"], &told["entries"][0]["at"]), (&Value::Null, &Value::Null));
}

#[test]
fn what_is_no_page_is_explained_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let done = run_on(folder.path(), ["explain", "-"], b"\n");
    assert_eq!(done.status, 2);
    tells(&done, &["standard input\n", "1 byte, of no form that is read", "refused    the page is empty"]);
    let deep = "<html>".to_owned() + &"<div>".repeat(2000);
    let done = run_on(folder.path(), ["explain", "-"], deep.as_bytes());
    tells(&done, &["10,006 bytes, HTML", "refused    the page nests elements more than 512 deep"]);
    let done = run_on(folder.path(), ["explain", "-"], b"<!doctype html><p>caf\xe9 \x1b[31m<title>\x1b[2J</title>");
    assert!(!done.stdout.contains('\x1b'), "a page does not steer the terminal");
    tells(&run_on(folder.path(), ["explain", "-"], b"{\"a\": 1}"), &["bytes, JSON", "outlet     not recognised", "refused"]);
    let damaged = run_on(folder.path(), ["explain", "-"], b"<!doctype html><meta charset=utf-8><p>caf\xe9 \xff");
    tells(&damaged, &["HTML", "[charset]", "refused"]);

    run(folder.path(), ["explain", "missing.html"]).refused(&["missing.html: ", "there is no such file"]);
    run(folder.path(), ["explain", "ftp://news.example/a"]).refused(&["only http:// and https:// are"]);
    run(folder.path(), ["explain", "https://news.example/a", "--url", "https://news.example/b"]).refused(&["--url"]);
    let page = fixture("sputnik/html-list");
    let done = explain(&page, &["--outlet", "sputnk"]);
    assert_eq!(done.status, 2);
    tells(&done, &["→ sputnik\n", "refused    there is no outlet `sputnk`: did you mean `sputnik`?", "What looks like"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_live_page_is_fetched_once_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let outlet = OutletServer::start().await;
    outlet.answer("/live", Answer::html(std::fs::read(configured("ten-lines").join("page.html")).unwrap()));
    let url = outlet.url("/live");
    let told = run(folder.path(), ["explain", "--allow-private", url.as_str(), "--json"]);
    assert_eq!((told.status, told.stderr.as_str()), (2, ""));
    let told = told.blog();
    assert_eq!((&told["name"], &told["page"]["url"]), (&json!(url.as_str()), &json!(url.as_str())));
    assert_eq!(
        (&told["page"]["captured_known"], &told["page"]["content_type"]),
        (&json!(true), &json!("text/html; charset=utf-8"))
    );
    assert_eq!(told["candidates"][0]["entry"], "article.update");
    let asked = outlet.asked();
    assert_eq!(asked.iter().filter(|asked| asked.path == "/live").count(), 1);
    run(folder.path(), ["explain", "--allow-private", outlet.url("/gone").as_str()]).refused(&["/gone", "404"]);
}

/// What tools read, of pages of every outlet there is: the names are there, whatever becomes of the page.
#[test]
fn the_json_of_every_page_holds_the_contract() {
    let top = [
        "name",
        "page",
        "addresses",
        "outlet",
        "reader",
        "schema_org",
        "refused",
        "live_blog",
        "entries",
        "days",
        "candidates",
    ];
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let sorted = |names: &[&str]| {
        let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        names.sort();
        names
    };
    let holds = |value: &Value, all: &[&str]| {
        let mut found = names(value);
        found.sort();
        assert_eq!(found, sorted(all), "{value:#}");
    };
    for outlet in crate::fixtures::folders(&crate::fixtures::outlets()) {
        for case in crate::fixtures::folders(&outlet).into_iter().step_by(3) {
            let name = case.strip_prefix(crate::fixtures::outlets()).unwrap().to_str().unwrap();
            let done = explain(&fixture(name), &["--json"]);
            let told = done.blog();
            holds(&told, &top);
            holds(&told["page"], &["url", "bytes", "content_type", "form", "captured", "captured_known", "problems"]);
            assert!(["html", "text", "json"].contains(&told["page"]["form"].as_str().unwrap()));
            assert_eq!(told["refused"].is_string(), done.status == 2, "{name}");
            assert_eq!(told["live_blog"].is_null(), done.status == 2, "{name}");
            if told["outlet"].is_object() {
                holds(&told["outlet"], &["slug", "name", "zone", "by", "value"]);
            }
            if told["live_blog"].is_object() {
                let head = ["outlet", "outlet_name", "key", "id", "url", "headline", "coverage", "older", "problems"];
                holds(&told["live_blog"], &head);
            }
            for address in told["addresses"].as_array().unwrap() {
                holds(address, &["by", "url", "outlet"]);
            }
            for entry in told["entries"].as_array().unwrap() {
                let fields =
                    ["key", "id", "headline", "printed", "origin", "zone", "precision", "at", "updated", "problems"];
                holds(entry, &fields);
            }
            assert!(told["candidates"].as_array().unwrap().len() <= 20);
            for candidate in told["candidates"].as_array().unwrap() {
                let fields = ["entry", "count", "with_time", "times", "headline", "sample_headline", "begins"];
                holds(candidate, &fields);
                assert!(candidate["with_time"].as_u64() <= candidate["count"].as_u64());
            }
        }
    }
}
