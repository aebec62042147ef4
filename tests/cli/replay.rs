//! `tidings replay`: from what following left behind, with what it says and how it ends.

use sqlx::{Connection, SqliteConnection};
use tidings::store::{KeepCaptures, Store};

use super::follow::make_due;
use super::run;
use crate::live_page::LivePage;
use crate::outlet_server::{Answer, OutletServer};

/// A folder with a store that has followed a page through some changes.
async fn followed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let outlet = OutletServer::start().await;
    let config = format!("[[live_blog]]\nurl = \"{}\"\nallow_private = true\ntitle = \"The storm\"\n", outlet.url("/live"));
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    let mut page = LivePage::new("/live/storm");
    for n in 1..=4 {
        page.add(&format!("upd-{}", 4411 * n), n);
        page.update("upd-4411").body = format!("The ferry has been waiting for {n} hours by now. Nobody is hurt.");
        outlet.answer("/live", Answer::html(page.html()).header("Server", "harbour/2"));
        run(folder.path(), ["refresh"]).fine();
        make_due(&folder.path().join("tidings.db")).await;
    }
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_store_is_rebuilt_and_compared() {
    let folder = followed().await;
    let before = std::fs::read(folder.path().join("tidings.db")).unwrap();
    // What was killed half-way is no obstacle.
    std::fs::write(folder.path().join("new.db.part"), "half of something").unwrap();
    let done = run(folder.path(), ["replay", "--into", "new.db"]).fine();
    assert_eq!(
        done.stdout,
        "new.db is rebuilt from 4 of 4 captures\n\
         compared: 1 live blog, 4 entries, 3 earlier states, 7 changes, 4 captures, 9 feeds\n\
         the same, byte for byte\n"
    );
    assert!(std::fs::read(folder.path().join("tidings.db")).unwrap() == before, "the old store is left alone");
    assert!(!folder.path().join("new.db.part").exists());

    run(folder.path(), ["replay", "--into", "new.db"]).refused(&["new.db is already there"]);
    run(folder.path(), ["replay", "--into", "tidings.db"]).refused(&["tidings.db is already there"]);
    run(folder.path(), ["replay", "--into", "other.db", "--store", "none.db"]).refused(&["there is no store at none.db"]);
    assert!(!folder.path().join("none.db").exists() && !folder.path().join("other.db").exists());
    // The new one is a store like any other.
    let again = run(folder.path(), ["replay", "--store", "new.db", "--into", "third.db"]).fine();
    assert!(again.stdout.ends_with("the same, byte for byte\n"), "{again:?}");
}

/// With other names for what is followed, the pages are read otherwise: that is told, line by line.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_differs_is_listed_and_ends_with_status_1() {
    let folder = followed().await;
    let path = folder.path().join("tidings.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut db = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("UPDATE entry SET headline = 'Not\u{1b}[31m so' WHERE key = 'upd-4411'").execute(&mut db).await.unwrap();
    db.close().await.unwrap();
    let done = run(folder.path(), ["replay", "--into", "new.db"]);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!((done.status, done.stderr.as_str(), lines.len()), (1, "", 13), "{done:?}");
    assert!(lines[0].ends_with("; headline was `Not [31m so` and is `Ferry upd-4411 is late`"), "{done:?}");
    assert!(lines[1].starts_with("feed /feed.rss") && lines[12] == "not the same: 1 rows and 9 feeds differ", "{done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn pruned_captures_need_a_word() {
    let folder = followed().await;
    let store = Store::open(&folder.path().join("tidings.db")).await.unwrap().keeping(KeepCaptures::NONE);
    store.prune("2100-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
    store.close().await;
    run(folder.path(), ["replay", "--into", "new.db"]).refused(&["4 of 4 captures have lost their bytes", "--partial"]);
    assert!(!folder.path().join("new.db").exists() && !folder.path().join("new.db.part").exists());
    let done =
        run(folder.path(), ["replay", "--into", "new.db", "--partial"]).says(&["4 of 4 captures had lost their bytes"]);
    assert_eq!(done.status, 1, "{done:?}");
    assert!(done.stdout.contains("new.db is rebuilt from 0 of 4 captures"), "{done:?}");
}

/// The bounds of the config hold for whatever writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_config_says_how_much_is_kept() {
    let folder = followed().await;
    let config = folder.path().join("config.toml");
    let text = format!("[store]\nkeep_captures = 0\n{}", std::fs::read_to_string(&config).unwrap());
    std::fs::write(&config, text).unwrap();
    run(folder.path(), ["refresh"]);
    let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    let captures = store.captures(0, 99).await.unwrap();
    assert_eq!((captures.len(), captures.iter().filter(|kept| kept.whole).count()), (4, 0));
}
