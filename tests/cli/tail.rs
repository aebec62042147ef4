//! `tidings tail`: beside a server, as lines and as a timeline.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use super::{PATIENCE, Serving, run, tidings};
use crate::live_page::LivePage;
use crate::outlet_server::{Answer, OutletServer};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn changes_are_printed_as_they_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let outlet = OutletServer::start().await;
    let mut page = LivePage::new("/live/storm");
    page.add("a", 1);
    page.add("b", 2);
    outlet.answer("/live/storm", Answer::html(page.html()));
    let config = format!(
        "every = \"10s\"\nmin_every = \"10s\"\nbase_url = \"https://feeds.example.org/\"\n[[live_blog]]\nurl = \"{}\"\nallow_private = true\n",
        outlet.url("/live/storm")
    );
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    run(folder.path(), ["tail"]).refused(&["there is no store at tidings.db"]);
    let serving = Serving::start(folder.path(), &[]);
    serving.until("/healthz", |health| health["entries"] == 2);

    let all = run(folder.path(), ["tail", "--since", "0", "--end"]).fine();
    let lines: Vec<Value> = all.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["seq"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    let id = lines[0]["entry"]["id"].as_str().unwrap().trim_start_matches("urn:uuid:");
    assert_eq!(lines[0]["entry"]["url"], format!("https://feeds.example.org/entries/{id}"));
    // It is what the server tells.
    assert_eq!(run(folder.path(), ["tail", "--since", "1", "--end", "--q", "\"ferry b\""]).fine().stdout.lines().count(), 1);
    assert_eq!(run(folder.path(), ["tail", "--since", "0", "--end", "--q", "boat"]).fine().stdout, "");
    let text = run(folder.path(), ["tail", "--since", "0", "--end", "--format", "text", "--author", "ann rower"]).fine();
    for part in
        ["Friday, 7 January 2022 (UTC)", "12:01:00Z  Harbour Post  Ann Rower", "        Ferry b is late", "wind turns"]
    {
        assert!(text.stdout.contains(part), "{part} in {}", text.stdout);
    }
    assert!(!text.stdout.contains('\x1b'), "no colours outside of a terminal");

    // The page is years old, so that the server would ask for it again tomorrow.
    serving.stop("TERM");
    super::follow::make_due(&folder.path().join("tidings.db")).await;
    let mut following = tidings(folder.path(), ["tail", "--kind", "new,edited"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    // It says nothing before something happens, so that it is there is only seen from outside.
    std::thread::sleep(std::time::Duration::from_millis(700));
    page.add("c", 3);
    page.update("a").body = "The ferry a has left.".into();
    outlet.answer("/live/storm", Answer::html(page.html()));
    run(folder.path(), ["refresh"]).fine();
    let from = Instant::now();
    let mut printed: Vec<Value> = lines.by_ref().take(2).map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert!(from.elapsed() < PATIENCE / 3, "{:?}", from.elapsed());
    printed.sort_by_key(|line| line["kind"].as_str().unwrap().to_owned());
    assert_eq!((&printed[0]["kind"], &printed[1]["kind"]), (&"edited".into(), &"new".into()));
    assert_eq!(printed[1]["entry"]["headline"], "Ferry c is late");
    following.kill().unwrap();
    following.wait().unwrap();

    for (arguments, told) in [
        (&["tail", "--since", "99"][..], "there is no change 99: the log of tidings.db ends at 4"),
        (&["tail", "--kind", "gone"], "the kinds are new, edited, touched"),
        (&["tail", "--q", "\"ferry"], "opens a quote and does not close it"),
        (&["tail", "--since=-1"], "--since"),
    ] {
        run(folder.path(), arguments).refused(&[told]);
    }
}

/// A reader that has seen enough ends it.
#[test]
fn a_closed_pipe_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), "").unwrap();
    let seeds = folder.path().join("seeds");
    std::fs::create_dir(&seeds).unwrap();
    std::fs::copy(super::fixture("sputnik/text-africa-no-gmt"), seeds.join("page.txt")).unwrap();
    let story = "title = \"A story\"\n[[live_blog]]\nurl = \"https://sputniknews.com/20220110/a-1.html\"\noutlet = \"sputnik\"\n\
        captured = 2022-01-10T19:05:00Z\ncapture = \"page.txt\"\n";
    std::fs::write(seeds.join("story.toml"), story).unwrap();
    Serving::start(folder.path(), &[]).stop("TERM");
    let mut child = tidings(folder.path(), ["tail", "--since", "0", "--end"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
