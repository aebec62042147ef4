//! Killed at any moment, `tidings` leaves a store that opens at once, in which every page is there with all that it changed or
//! not at all, the log has no gap, and nothing is missing that anybody has seen.
//!
//! The program itself is run and killed with SIGKILL, at random moments of refreshing pages that are different at each
//! request. What is left is judged by SQL over the file (`integrity`), and in the end by a replay: the captures alone have to
//! give the same store.

pub mod integrity;
mod newsroom;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{Connection, SqliteConnection};
use tidings::outlet::split_page;
use tidings::replay::replay;
use tidings::store::Store;

use super::{full, say};
use integrity::{Bytes, Seen};
use newsroom::Newsroom;

/// Live blogs that are refreshed at each turn: as many transactions.
const PAGES: usize = 5;
/// What opening the store may take after a kill.
const OPENS: Duration = Duration::from_secs(2);

/// A generator that a failure can be repeated with (Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// As if every interval had passed.
pub async fn make_due(store: &Path) {
    let mut db = SqliteConnection::connect_with(&sqlx::sqlite::SqliteConnectOptions::new().filename(store)).await.unwrap();
    sqlx::query("UPDATE source SET next_due = 0").execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}

fn start(folder: &Path, arguments: &[&str]) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_tidings"))
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn killed_at_any_moment_nothing_is_lost_or_half_there() {
    // `TIDINGS_KILLS=200` for another number of times.
    let told = std::env::var("TIDINGS_KILLS").ok().map(|told| told.parse().expect("TIDINGS_KILLS is a number"));
    let rounds: usize = told.unwrap_or(if full() { 1000 } else { 50 });
    let folder = tempfile::tempdir().unwrap();
    let newsroom = Newsroom::open();
    let followed: String =
        (0..PAGES).map(|n| format!("[[live_blog]]\nurl = \"{}/live/{n}\"\nallow_private = true\n", newsroom.base)).collect();
    std::fs::write(folder.path().join("config.toml"), format!("[fetch]\ngap = \"0s\"\n{followed}")).unwrap();
    let path = folder.path().join("tidings.db");

    // Once to its end, to know how long it takes. Under way, a kill may fall before the beginning and after the end.
    let from = Instant::now();
    assert!(start(folder.path(), &["refresh"]).wait().unwrap().success());
    let whole = from.elapsed();
    let mut seen = Seen::default();
    seen.check(&path, Bytes::All).await.unwrap();

    let mut dice = Dice(20_220_107);
    let (mut alive, mut between, mut slowest) = (0, 0, Duration::ZERO);
    for round in 0..rounds {
        make_due(&path).await;
        // The schedule of a server, now and then, instead of one cycle.
        let serving = round % 8 == 7;
        let arguments: &[&str] = if serving { &["serve", "--listen", "127.0.0.1:0"] } else { &["refresh"] };
        let mut child = start(folder.path(), arguments);
        let after = Duration::from_micros(dice.below(whole.as_micros() as u64 * 11 / 10));
        tokio::time::sleep(after).await;
        alive += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();

        let opening = Instant::now();
        let store =
            Store::open(&path).await.unwrap_or_else(|error| panic!("round {round}, killed after {after:?}: {error}"));
        let took = opening.elapsed();
        slowest = slowest.max(took);
        assert!(took <= OPENS, "round {round}: it opens after {took:?}");
        store.close().await;
        // What was kept earlier is looked through now and then, and in the end.
        let every = if round % 10 == 9 || round + 1 == rounds { Bytes::All } else { Bytes::New };
        let grown =
            seen.check(&path, every).await.unwrap_or_else(|wrong| panic!("round {round}, killed after {after:?}: {wrong}"));
        between += usize::from((1..PAGES as i64).contains(&grown));
    }
    // It has to have been killed at work, and between two of its transactions, or nothing was proved.
    assert!(alive * 3 > rounds && between * 50 > rounds, "{alive} alive and {between} half-way of {rounds}");

    let old = Store::open_to_read(&path).await.unwrap();
    let new = Store::open(&folder.path().join("new.db")).await.unwrap();
    let told = replay(&old, &new, &(Arc::new(split_page) as _), false, |_| ()).await.unwrap();
    let differing: Vec<String> = old.compare(&new, 5).await.unwrap().into_iter().flat_map(|table| table.lines).collect();
    assert!(differing.is_empty() && told.is_whole(), "{differing:#?}");
    say(&format!(
        "killed {rounds} times, {alive} at work, {between} between two pages: {} entries, {} changes, {} captures, opens in {slowest:?}",
        seen.entries(),
        seen.changes(),
        told.captures
    ));
}

/// The proof that the judge can say no.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_half_there_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let newsroom = Newsroom::open();
    let config = format!("[fetch]\ngap = \"0s\"\n[[live_blog]]\nurl = \"{}/live/0\"\nallow_private = true\n", newsroom.base);
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    let path = folder.path().join("tidings.db");
    let mut seen = Seen::default();
    for _ in 0..8 {
        assert!(start(folder.path(), &["refresh"]).wait().unwrap().success());
        seen.check(&path, Bytes::All).await.unwrap();
        make_due(&path).await;
    }
    let good = std::fs::read(&path).unwrap();
    for (damage, found) in [
        ("DELETE FROM change WHERE seq = 5", "a gap"),
        ("DELETE FROM change WHERE seq = (SELECT max(seq) FROM change)", "in the log"),
        ("UPDATE change SET kind = 'touched' WHERE seq = (SELECT max(seq) FROM change WHERE kind = 'edited')", "in the log"),
        ("DELETE FROM revision WHERE entry = (SELECT max(entry) FROM revision)", "earlier states"),
        ("DELETE FROM capture WHERE id = (SELECT max(id) FROM capture)", "captures"),
        ("DELETE FROM capture_body WHERE capture = 2", "bytes"),
        ("UPDATE capture SET sha256 = zeroblob(32) WHERE id = 2", "bytes"),
        ("UPDATE capture_bytes SET bytes = bytes + 1", "bytes"),
        ("DELETE FROM entry WHERE n = (SELECT max(n) FROM entry)", "entries"),
        ("UPDATE entry SET published = published + 60000 WHERE n = 1", "has another time"),
        ("UPDATE entry SET id = zeroblob(16) WHERE n = 1", "is lost"),
        ("UPDATE entry SET withdrawn = 1 WHERE n = 1", "withdrawn"),
        ("DELETE FROM entry_text WHERE rowid = (SELECT place FROM entry WHERE n = 2)", "full text"),
        // A page of which one entry was not written, and its number given to the next.
        (
            "DELETE FROM entry_text WHERE rowid = (SELECT place FROM entry WHERE n = 3); DELETE FROM change WHERE entry = 3;
             DELETE FROM revision WHERE entry = 3; DELETE FROM entry WHERE n = 3",
            "gap",
        ),
    ] {
        std::fs::write(&path, &good).unwrap();
        let mut db =
            SqliteConnection::connect_with(&sqlx::sqlite::SqliteConnectOptions::new().filename(&path)).await.unwrap();
        sqlx::raw_sql(damage).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
        let wrong = seen.clone().check(&path, Bytes::All).await.expect_err(damage);
        assert!(wrong.contains(found), "{damage}: {wrong}");
    }
    std::fs::write(&path, &good).unwrap();
    seen.check(&path, Bytes::All).await.unwrap();
}
