//! `tidings parse` on pages it can read: the contract with scripts, and each format.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Done, each, fixture, ids, run, run_on};

/// Every case of the fixtures, with what its `case.toml` tells about the page.
fn cases() -> Vec<(PathBuf, Vec<String>)> {
    let mut cases = Vec::new();
    for outlet in std::fs::read_dir(crate::fixtures::outlets()).unwrap() {
        for case in std::fs::read_dir(outlet.unwrap().path()).unwrap() {
            let case = case.unwrap().path();
            let about: toml::Table = std::fs::read_to_string(case.join("case.toml")).unwrap().parse().unwrap();
            let told = ["url", "captured"].into_iter().filter_map(|key| {
                let value = about.get(key)?;
                let value = value.as_str().map(str::to_owned).unwrap_or_else(|| value.as_datetime().unwrap().to_string());
                Some([format!("--{key}"), value])
            });
            cases.push((case, told.flatten().collect()));
        }
    }
    assert!(cases.len() > 20);
    cases
}

fn parse(page: &Path, more: &[&str]) -> Done {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), ["parse".as_ref(), page.as_os_str()].into_iter().chain(more.iter().map(AsRef::as_ref)))
}

fn is_instant(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.ends_with('Z') && text.parse::<DateTime<Utc>>().is_ok())
}

fn is_text_or_null(value: &Value) -> bool {
    value.is_string() || value.is_null()
}

/// A name the contract holds, with what its value is.
fn field<'a>(of: &'a Value, name: &str, right: impl Fn(&Value) -> bool) -> &'a Value {
    let value = of.get(name).unwrap_or_else(|| panic!("`{name}` is missing in {of:#}"));
    assert!(right(value), "`{name}` is {value:#}");
    value
}

fn one_of(words: &'static [&'static str]) -> impl Fn(&Value) -> bool {
    move |value| value.as_str().is_some_and(|word| words.contains(&word))
}

fn is_stamp(value: &Value) -> bool {
    field(value, "at", is_instant);
    field(value, "precision", one_of(&["second", "minute", "hour", "day", "unknown"]));
    field(value, "printed", is_text_or_null);
    field(value, "origin", one_of(&["text", "attribute", "json_ld", "meta", "json", "first_seen", "change_seen"]));
    field(value, "zone", |zone| zone.is_null() || zone.as_str().is_some_and(|name| name.parse::<chrono_tz::Tz>().is_ok()));
    true
}

fn are_problems(value: &Value) -> bool {
    for problem in value.as_array().unwrap() {
        field(problem, "code", |code| {
            code.as_str().is_some_and(|code| code.chars().all(|c| c == '_' || c.is_ascii_lowercase()))
        });
        field(problem, "message", |message| message.as_str().is_some_and(|message| !message.is_empty()));
    }
    true
}

fn holds_the_contract(blog: &Value) {
    let plain = |c: char| c == '-' || c.is_ascii_lowercase() || c.is_ascii_digit();
    field(blog, "outlet", |slug| slug.as_str().is_some_and(|slug| !slug.is_empty() && slug.chars().all(plain)));
    field(blog, "outlet_name", Value::is_string);
    if let Some(older) = blog.get("older") {
        assert!(older.as_str().is_some_and(|url| url.starts_with("http")), "{older}");
    }
    field(blog, "url", is_text_or_null);
    field(blog, "headline", Value::is_string);
    let coverage = field(blog, "coverage", Value::is_object);
    field(coverage, "state", one_of(&["live", "ended", "article", "unknown"]));
    for name in ["started", "ended"] {
        field(coverage, name, |value| value.is_null() || is_instant(value));
    }
    field(blog, "problems", are_problems);
    for entry in field(blog, "entries", Value::is_array).as_array().unwrap() {
        let id = field(entry, "id", Value::is_string).as_str().unwrap();
        let uuid = uuid::Uuid::parse_str(id.strip_prefix("urn:uuid:").unwrap()).unwrap();
        assert_eq!(uuid.get_version_num(), 5);
        field(entry, "permalink", |value| value.is_null() || value.as_str().is_some_and(|url| url.starts_with("http")));
        field(entry, "headline", is_text_or_null);
        field(entry, "byline", |value| value.as_array().is_some_and(|names| names.iter().all(Value::is_string)));
        field(entry, "published", is_stamp);
        field(entry, "updated", |value| value.is_null() || is_stamp(value));
        field(entry, "body_html", Value::is_string);
        field(entry, "body_text", Value::is_string);
        let marks = one_of(&["pinned", "key_event", "summary", "breaking"]);
        field(entry, "marks", |value| value.as_array().is_some_and(|all| all.iter().all(&marks)));
        field(entry, "problems", are_problems);
    }
}

/// What scripts read, on every page there is: the names, their types, what each case expects to the last byte; and what the
/// exit status and stderr say of it.
#[test]
fn the_json_of_every_page_holds_the_contract() {
    let mut with_problems = 0;
    for (case, told) in cases() {
        let name = case.strip_prefix(crate::fixtures::outlets()).unwrap().to_str().unwrap();
        let page = fixture(name);
        let done = parse(&page, &told.iter().map(String::as_str).collect::<Vec<_>>());
        let expected = std::fs::read_to_string(case.join("expected.json")).unwrap();
        if let Some(reason) = serde_json::from_str::<Value>(&expected).unwrap()["refused"].as_str() {
            done.refused(&[reason]);
            continue;
        }
        assert_eq!(done.stdout, expected, "{name}");
        let blog = done.blog();
        holds_the_contract(&blog);

        let own = blog["problems"].as_array().unwrap();
        let of_entries = blog["entries"].as_array().unwrap().iter().flat_map(|entry| entry["problems"].as_array().unwrap());
        let problems: Vec<&Value> = own.iter().chain(of_entries).collect();
        assert_eq!(done.status, i32::from(!problems.is_empty()), "{name}");
        let lines: Vec<&str> = done.stderr.lines().collect();
        assert_eq!(lines.len(), problems.len(), "{name}: one line for each: {lines:?}");
        for (line, problem) in lines.iter().zip(&problems) {
            let (message, code) = (problem["message"].as_str().unwrap(), problem["code"].as_str().unwrap());
            assert!(line.starts_with(page.to_str().unwrap()), "{line}");
            assert!(line.ends_with(&format!("{message} [{code}]")), "{line}");
        }
        with_problems += usize::from(done.status == 1);
    }
    assert!(with_problems > 3, "no case shows what a problem looks like");
}

/// The words of the contract that real pages bring about.
#[test]
fn enums_are_spelled_as_documented() {
    let blog = |case: &str| parse(&fixture(case), &[]).blog();
    let unixtime = blog("sputnik/html-unixtime");
    assert_eq!(each(&unixtime, "/published/origin"), ["attribute", "attribute", "text", "attribute"]);
    assert_eq!(each(&unixtime, "/published/precision"), ["second", "second", "minute", "second"]);
    assert_eq!(each(&unixtime, "/published/zone")[2], "UTC");
    let article = blog("independent/article-2015-engine");
    assert_eq!(article["coverage"]["state"], "article");
    assert_eq!(article["entries"][0]["published"]["origin"], "meta");
    let ended = blog("independent/text-ended-oldest-first");
    assert_eq!(ended["coverage"]["state"], "ended");
    assert_eq!(ended["entries"][0]["published"]["zone"], "Europe/London");
    let live = blog("independent/amp-live-list");
    assert_eq!(live["coverage"]["state"], "live");
    let marks = live["entries"].as_array().unwrap().iter().flat_map(|entry| entry["marks"].as_array().unwrap());
    assert_eq!(marks.collect::<Vec<_>>(), ["key_event", "key_event"]);
    assert_eq!(blog("sputnik/text-africa-no-gmt")["problems"][0]["code"], "zone_assumed");
}

/// The three feeds and the JSON are four views of the same entries.
#[test]
fn feeds_hold_the_entries_of_the_json() {
    for case in
        ["independent/amp-live-list", "sputnik/html-divs", "sputnik/text-past-midnight", "sputnik/article-old-engine"]
    {
        let as_format = |format: &str| parse(&fixture(case), &["--format", format]).fine().stdout;
        let blog = parse(&fixture(case), &["--format", "json"]).fine().blog();
        let mut newest_first: Vec<(&str, &str)> = each(&blog, "/published/at").into_iter().zip(each(&blog, "/id")).collect();
        newest_first.sort_by(|one, other| other.0.cmp(one.0));
        let wanted: Vec<&str> = newest_first.iter().map(|(_, id)| *id).collect();
        for (format, name) in [("rss", "rss"), ("atom", "atom"), ("jsonfeed", "json")] {
            let got = ids(as_format(format).as_bytes(), name);
            assert_eq!(super::set(got.iter()), super::set(wanted.iter().copied()), "{case} as {format}");
            assert_eq!(got[0], wanted[0], "{case} as {format}: the newest is on top");
        }
        let atom = atom_syndication::Feed::read_from(as_format("atom").as_bytes()).unwrap();
        let instants: Vec<_> = atom.entries.iter().map(|entry| entry.published.unwrap().to_utc()).collect();
        let wanted: Vec<DateTime<Utc>> = newest_first.iter().map(|(at, _)| at.parse().unwrap()).collect();
        assert_eq!(instants, wanted, "{case}");
        assert_eq!(atom.title.value, blog["headline"].as_str().unwrap());
    }
}

#[test]
fn text_is_a_timeline_from_the_oldest_to_the_newest() {
    let page = fixture("sputnik/text-past-midnight");
    let timeline = parse(&page, &["--format", "text"]).fine().stdout;
    let blog = parse(&page, &[]).blog();
    assert!(timeline.starts_with(blog["headline"].as_str().unwrap()));
    let clocks: Vec<&str> = timeline.lines().filter(|line| line.ends_with('Z') && line.len() == 6).collect();
    assert_eq!(clocks, ["18:05Z", "23:59Z", "00:00Z", "00:12Z", "02:40Z"]);
    let days: Vec<&str> = timeline.lines().filter(|line| line.ends_with("(UTC)")).collect();
    assert_eq!(days, ["Sunday, 8 May 2022 (UTC)", "Monday, 9 May 2022 (UTC)"]);
    for headline in each(&blog, "/headline") {
        assert!(timeline.contains(headline), "{headline}");
    }
    assert!(!timeline.contains('\x1b'), "nobody asked for colours in a file");
}

#[test]
fn several_files_are_several_objects_and_one_feed() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (fixture("sputnik/html-list"), fixture("independent/amp-live-list"));
    let arguments = |format| ["parse", one.to_str().unwrap(), other.to_str().unwrap(), "--format", format];
    let blogs = run(folder.path(), arguments("json")).fine().json();
    let outlets: Vec<&Value> = blogs.iter().map(|blog| &blog["outlet"]).collect();
    assert_eq!(outlets, ["sputnik", "independent"], "in the order they were named");
    let feed = run(folder.path(), arguments("atom")).fine().stdout;
    let all = blogs.iter().flat_map(|blog| each(blog, "/id"));
    assert_eq!(super::set(ids(feed.as_bytes(), "atom")), super::set(all));
    let text = run(folder.path(), arguments("text")).fine().stdout;
    for blog in &blogs {
        assert!(text.contains(blog["headline"].as_str().unwrap()));
    }
}

#[test]
fn a_dash_is_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    for case in ["sputnik/html-divs", "independent/text-ended-oldest-first"] {
        let page = fixture(case);
        let piped = run_on(folder.path(), ["parse", "-"], &std::fs::read(&page).unwrap()).fine();
        assert_eq!(piped.stdout, parse(&page, &[]).stdout);
    }
    run_on(folder.path(), ["parse", "-"], b"A shopping list\nbread\n").refused(&["standard input: ", "no outlet"]);
}

/// Ids are what a reader's "already read" hangs on: host and slug of the address may change, and the page's order.
#[test]
fn the_same_live_blog_has_the_same_ids_from_any_capture() {
    let of = |case: &str, url: &str| {
        let blog = parse(&fixture(case), &["--url", url]).fine().blog();
        each(&blog, "/headline").into_iter().zip(each(&blog, "/id")).map(|(h, id)| format!("{id} {h}")).collect::<Vec<_>>()
    };
    let newest = of("sputnik/text-newest-first", "https://sputniknews.com/20220912/live-updates-freighters-1100693512.html");
    let oldest = of("sputnik/text-oldest-first", "https://sputnikglobe.com/20220912/another-slug-1100693512.html");
    assert_eq!((newest.len(), oldest.len()), (6, 5));
    for entry in oldest {
        assert!(newest.contains(&entry), "{entry}");
    }
}

/// What the page itself does not say can be told.
#[test]
fn outlet_url_and_capture_can_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let html = std::fs::read_to_string(fixture("sputnik/html-list")).unwrap();
    let anonymous = html.replace("https://sputnikglobe.com/20241203/kerva-ferries-cross-again-1121104477.html", "");
    let anonymous = anonymous.as_bytes();
    run_on(folder.path(), ["parse", "-"], anonymous).refused(&[
        "no outlet is recognised",
        "--outlet",
        "independent, ",
        ", sputnik",
    ]);
    let named = run_on(folder.path(), ["parse", "-", "--outlet", "sputnik"], anonymous).fine().blog();
    assert_eq!((&named["outlet"], &named["url"]), (&Value::from("sputnik"), &Value::Null));
    let url = "https://sputniknews.com/20241203/anything-1121104477.html";
    let addressed = run_on(folder.path(), ["parse", "-", "--url", url], anonymous).fine().blog();
    assert_eq!(addressed["url"], url);
    let canonical = parse(&fixture("sputnik/html-list"), &[]).blog();
    assert_eq!(each(&addressed, "/id"), each(&canonical, "/id"));
    // An address does not overrule what the page says of itself; --outlet does.
    let elsewhere = parse(&fixture("sputnik/html-list"), &["--url", "https://archive.example/1"]).fine().blog();
    assert_eq!(elsewhere, canonical);
    let text = fixture("sputnik/text-newest-first");
    assert_eq!(parse(&text, &["--outlet", "independent"]).blog()["outlet"], "independent");
    parse(&fixture("sputnik/html-list"), &["--outlet", "independent"]).refused(&["not a live blog or an article"]);
}

/// Clocks without a date, as Sputnik printed them before 2021.
#[test]
fn clocks_are_dated_by_the_address_or_the_capture_and_never_by_a_guess() {
    let page = fixture("sputnik/text-era-a-clock-only");
    let url = "https://sputniknews.com/us/202101061081668117-Live-Updates-Ferry/";
    let undated = parse(&page, &["--outlet", "sputnik"]).refused(&["clocks without a date (17:50)", "--captured", "--url"]);
    assert_eq!(undated.stderr.lines().count(), 1);
    let wanted = ["07T17:50", "07T15:22", "07T09:40", "07T00:14", "06T23:41", "06T21:03", "06T19:08"];
    let wanted = wanted.map(|at| format!("2021-01-{at}:00Z"));
    let captured = ["--outlet", "sputnik", "--captured", "2021-01-07T18:05:00Z"];
    for told in [&["--url", url][..], &captured, &["--outlet", "sputnik", "--captured", "2021-01-07 20:05:00+02:00"]] {
        assert_eq!(each(&parse(&page, told).fine().blog(), "/published/at"), wanted, "{told:?}");
    }
    // Captured an hour before the newest clock: that must have been yesterday's.
    let earlier = parse(&page, &["--outlet", "sputnik", "--captured", "2021-01-07T16:50:00Z"]).blog();
    assert_eq!(each(&earlier, "/published/at")[0], "2021-01-06T17:50:00Z");
}

/// A file's own date is the latest it can have been saved at: enough to notice what can't be.
#[test]
fn an_entry_later_than_its_file_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved.html");
    std::fs::copy(fixture("sputnik/html-list"), &saved).unwrap();
    let at: DateTime<Utc> = "2024-12-03T17:30:00Z".parse().unwrap();
    std::fs::File::options().write(true).open(&saved).unwrap().set_modified(at.into()).unwrap();
    let done = parse(&saved, &[]).says(&["[future]"]);
    assert_eq!((done.status, done.stderr.lines().count()), (1, 2));
    assert_eq!(done.blog()["entries"][0]["problems"][0]["code"], "future");
    parse(&saved, &["--captured", "2024-12-03T19:45:00Z"]).fine();
}
