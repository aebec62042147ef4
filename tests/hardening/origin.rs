//! Outlets that answer as no outlet should, in every way that `outlet` knows: the program comes back from each of them within
//! its limits, keeps what it had, and says what was wrong.
//!
//! `tidings refresh` itself is run, over one live blog for each fault. A whole fetch is given four seconds instead of thirty,
//! so that the quick set is quick; what it may last beyond its limit is the same in both. An answer that a busy machine was too
//! slow for is asked for once more: that it was in time is nobody's promise.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tidings::store::{Store, StoredEntry};

use super::kill::make_due;
use super::outlet::{Fault, Outlet, Visit, all};
use super::{full, say};
use crate::cli::{run, tidings};
use crate::sample::minute;

/// What a visit may last beyond the limit on a whole fetch.
const MORE: Duration = Duration::from_secs(5);

/// What a whole fetch is given here.
const LIMIT: Duration = Duration::from_secs(4);

/// How often an answer is asked for that came too late to be judged.
const TRIES: usize = 3;

/// What the whole program may hold while 24 fetches run at once, in KiB.
const MEMORY: u64 = 256 << 10;

/// The entries of each live blog, by the path of its page.
type Entries = BTreeMap<String, Vec<StoredEntry>>;

/// What is known after a cycle.
struct Cycle {
    entries: Entries,
    /// What `tidings status` tells, by address.
    status: BTreeMap<String, Value>,
    visits: Vec<Visit>,
    /// The most that the program ever held, in KiB, where the system tells.
    peak: Option<u64>,
}

fn settings(bases: &[String], faults: &[Fault], limits: &str) -> String {
    let mut config = format!("[fetch]\ngap = \"0s\"\nat_once = 24\n{limits}");
    for (base, fault) in bases.iter().zip(faults) {
        config += &format!("[[live_blog]]\nurl = \"{base}/live/{}\"\nallow_private = true\n", fault.name);
    }
    config
}

/// The high-water mark of a process's memory, in KiB.
pub fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
}

async fn cycle(folder: &Path, outlet: &Outlet) -> Cycle {
    let store = folder.join("tidings.db");
    outlet.forget();
    let mut child = tidings(folder, ["refresh"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    let mut most = None;
    let mut stderr = child.stderr.take().unwrap();
    let said = std::thread::spawn(move || std::io::read_to_string(&mut stderr).unwrap());
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => most = peak(child.id()).or(most),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let said = said.join().unwrap();
    assert!(status.code().is_some_and(|code| code < 2) && !said.contains("panicked"), "{status:?}: {said}");
    let told = run(folder, ["status", "--json"]);
    let rows: Vec<Value> = serde_json::from_str(&told.stdout).unwrap();
    let status = rows.into_iter().map(|row| (row["url"].as_str().unwrap().to_owned(), row)).collect();
    let store = Store::open_to_read(&store).await.unwrap();
    let mut entries = Entries::new();
    for blog in store.blogs().await.unwrap() {
        let path = blog.head.url.as_deref().unwrap().trim_start_matches("https://harbour.example").to_owned();
        entries.insert(path, store.entries_of(blog.head.id).await.unwrap());
    }
    store.close().await;
    Cycle { entries, status, visits: outlet.visits(), peak: most }
}

/// A cycle at an outlet that is well, which all of them are in the end.
async fn cycle_of_the_well(folder: &Path, outlet: &Outlet) -> Cycle {
    let mut last = None;
    for _ in 0..TRIES {
        let cycle = cycle(folder, outlet).await;
        if cycle.status.values().all(|row| row["health"] == "well") {
            return cycle;
        }
        make_due(&folder.join("tidings.db")).await;
        last = Some(cycle.status);
    }
    panic!("not all are well: {last:#?}")
}

/// What is wrong with how a fault was taken.
fn judge(base: &str, fault: &Fault, before: &Entries, after: &Cycle, timeout: Duration) -> Result<(), String> {
    let path = format!("/live/{}", fault.name);
    let host = base.trim_start_matches("http://").split(':').next().unwrap_or_default();
    let visits: Vec<&Visit> =
        after.visits.iter().filter(|visit| visit.host == host && visit.path.starts_with(&path)).collect();
    if visits.is_empty() {
        return Err("it was never asked".into());
    }
    if let Some(long) = visits.iter().filter_map(|visit| Some(visit.went? - visit.came)).find(|long| *long > timeout + MORE)
    {
        return Err(format!("a visit lasted {long:?}"));
    }
    if before.get(&path) != after.entries.get(&path) || before.get(&path).is_none_or(Vec::is_empty) {
        return Err("the entries are not what they were".into());
    }
    let row = after.status.get(&format!("{base}{path}")).ok_or("there is no word of it in the status")?;
    let (health, told) = (row["health"].as_str().unwrap_or_default(), row["told"].as_str().unwrap_or_default());
    match fault.told {
        None if health == "well" => Ok(()),
        Some(reason) if health == "failing" && reason.split('|').any(|reason| told.contains(reason)) => Ok(()),
        _ => Err(format!("its status is `{health}`: {told}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whatever_an_outlet_does_nothing_is_lost_and_it_is_told() {
    let faults = all();
    assert!(faults.len() >= 70, "{}", faults.len());
    let Some((outlet, bases)) = Outlet::under(faults.len(), minute(0)).await else {
        return say("skipped: a hostile outlet for each fault needs as many loopback addresses");
    };
    let folder = tempfile::tempdir().unwrap();
    let quick = "connect_timeout = \"2s\"\nheader_timeout = \"2s\"\ntimeout = \"4s\"\n";
    let write = |limits: &str| std::fs::write(folder.path().join("config.toml"), settings(&bases, &faults, limits)).unwrap();
    write(quick);
    let well = cycle_of_the_well(folder.path(), &outlet).await;
    assert_eq!(well.entries.len(), faults.len());

    let (mut wrong, mut answers, mut again, mut longest, mut most) = (Vec::new(), 0, 0, Duration::ZERO, 0);
    let begun = Instant::now();
    for seed in 0..if full() { 20 } else { 1 } {
        // Once with the limits that a user has.
        let defaults = full() && seed == 0;
        write(if defaults { "" } else { quick });
        let timeout = if defaults { Duration::from_secs(30) } else { LIMIT };
        outlet.sick(true, seed);
        let mut left: Vec<usize> = (0..faults.len()).collect();
        answers += left.len();
        for tried in 1..=TRIES {
            make_due(&folder.path().join("tidings.db")).await;
            let ill = cycle(folder.path(), &outlet).await;
            left.retain(|n| {
                let Err(why) = judge(&bases[*n], &faults[*n], &well.entries, &ill, timeout) else { return false };
                let late = why.contains(" within ") || why.contains("never asked");
                if !late || tried == TRIES {
                    wrong.push(format!("{}, seed {seed}: {why}", faults[*n].name));
                }
                late
            });
            if !defaults {
                let lasted = ill.visits.iter().filter_map(|visit| Some(visit.went? - visit.came));
                longest = longest.max(lasted.max().unwrap_or_default());
            }
            most = ill.peak.unwrap_or_default().max(most);
            if left.is_empty() {
                break;
            }
            again += left.len();
        }
    }
    say(&format!(
        "hostile outlet: {answers} answers of {} kinds in {:.0?}, {again} once more, the longest visit {longest:.1?} of {LIMIT:?}, at most {} MiB",
        faults.len(),
        begun.elapsed(),
        most >> 10
    ));
    assert!(wrong.is_empty(), "{} are taken wrongly:\n{}", wrong.len(), wrong.join("\n"));
    assert!(most < MEMORY, "{most} KiB");

    outlet.sick(false, 0);
    write(quick);
    make_due(&folder.path().join("tidings.db")).await;
    let again = cycle_of_the_well(folder.path(), &outlet).await;
    assert_eq!(again.entries, well.entries);

    what_is_wrong_is_seen(&bases, &faults, &well, folder.path(), &outlet).await;
}

/// The proof that the judge can say no: pages that did change, a reason that is not the right one, an answer that lasted too
/// long, an address that nobody asked.
async fn what_is_wrong_is_seen(bases: &[String], faults: &[Fault], well: &Cycle, folder: &Path, outlet: &Outlet) {
    outlet.news(1);
    make_due(&folder.join("tidings.db")).await;
    let mut other = cycle_of_the_well(folder, outlet).await;
    let whole = faults.iter().position(|fault| fault.told.is_none()).unwrap();
    let (base, fault) = (&bases[whole], &faults[whole]);
    let no = |after: &Cycle, fault: &Fault, part: &str| {
        let why = judge(base, fault, &well.entries, after, LIMIT).expect_err(part);
        assert!(why.contains(part), "{why}");
    };
    no(&other, fault, "the entries are not what they were");
    other.entries.clone_from(&well.entries);
    judge(base, fault, &well.entries, &other, LIMIT).unwrap();
    let failing = Fault { told: Some("status 404"), ..all().swap_remove(whole) };
    no(&other, &failing, "its status is `well`");
    for visit in &mut other.visits {
        visit.went = Some(visit.came + Duration::from_secs(14));
    }
    no(&other, fault, "a visit lasted 14s");
    other.visits.clear();
    no(&other, fault, "it was never asked");
    other = Cycle { entries: Entries::new(), ..cycle(folder, outlet).await };
    other.visits.clone_from(&well.visits);
    no(&other, fault, "the entries are not what they were");
}
