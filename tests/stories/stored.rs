//! Stories in the store: as live blogs are followed minute by minute, read whole in any order, edited, rebuilt, and brought forward
//! from a store that had none.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;
use tidings::follow::{Split, VERSION};
use tidings::identity::{blog_id, entry_id, story_id};
use tidings::model::{Entry, LiveBlog, Precision, Stamp};
use tidings::reconcile::Reading;
use tidings::replay::replay;
use tidings::store::{FoundStory, InStory, NewCapture, Selection, Store, WholeStory};
use tidings::story::WINDOW;
use uuid::Uuid;

use super::labelled::{CHECKED, Counted, Day, FITTED};
use crate::sample::{blog, entry, minute, stamp};

async fn fresh() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    (folder, store)
}

/// Saves a page whose bytes are what was read of it.
async fn save(store: &Store, read: &LiveBlog, seen: DateTime<Utc>) {
    let body = serde_json::to_vec(read).unwrap();
    let capture = NewCapture {
        url: read.head.url.as_deref(),
        outlet: None,
        title: None,
        content_type: Some("application/json"),
        headers: &[],
        body: &body,
        known_as: None,
        read_by: VERSION,
    };
    store.save(&Reading::new(read, seen), Some(&capture), None).await.unwrap();
}

/// Reads such a page.
fn split() -> Split {
    Arc::new(|page, _| Ok(serde_json::from_slice(&page.body).unwrap()))
}

fn told(outlet: &str, key: &str, at: DateTime<Utc>, headline: &str, body: &str) -> Entry {
    Entry {
        id: entry_id(outlet, "live", key),
        headline: Some(headline.to_owned()).filter(|headline| !headline.is_empty()),
        body_html: format!("<p>{body}</p>"),
        body_text: body.to_owned(),
        published: Stamp { at, ..stamp(0) },
        ..entry(key, 0)
    }
}

/// The live blog of one outlet on a day, as it stood at an instant.
fn page(day: &Day, outlet: &str, until: DateTime<Utc>) -> LiveBlog {
    let own = day.entries.iter().enumerate().filter(|(_, entry)| entry.outlet == outlet && day.at(entry) <= until);
    let mut entries: Vec<Entry> =
        own.map(|(nth, entry)| told(outlet, &format!("e{nth}"), day.at(entry), &entry.headline, &entry.body)).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.published.at));
    blog(outlet, "live", entries)
}

fn id_of(day: &Day, nth: usize) -> Uuid {
    entry_id(&day.entries[nth].outlet, "live", &format!("e{nth}"))
}

async fn stories(store: &Store, day: &Day) -> HashMap<Uuid, InStory> {
    let ids: Vec<Uuid> = (0..day.entries.len()).map(|nth| id_of(day, nth)).collect();
    store.stories_of(&ids, None).await.unwrap()
}

/// Entries by the story that they are in, each by its place in the day.
async fn groups(store: &Store, day: &Day) -> BTreeSet<BTreeSet<usize>> {
    let stories = stories(store, day).await;
    let mut groups: BTreeMap<Uuid, BTreeSet<usize>> = BTreeMap::new();
    for nth in 0..day.entries.len() {
        if let Some(story) = stories.get(&id_of(day, nth)) {
            groups.entry(story.id).or_default().insert(nth);
        }
    }
    groups.into_values().collect()
}

fn count(day: &Day, groups: &BTreeSet<BTreeSet<usize>>, counted: &mut Counted) {
    for (a, b) in day.pairs() {
        let taken = groups.iter().any(|group| group.contains(&a) && group.contains(&b));
        counted.note(&day.entries[a], &day.entries[b], taken);
    }
    for group in groups {
        let outlets: BTreeSet<&str> = group.iter().map(|nth| day.entries[*nth].outlet.as_str()).collect();
        assert!(outlets.len() > 1, "one outlet alone is no story");
        let times = group.iter().map(|nth| day.at(&day.entries[*nth]));
        assert!(times.clone().max().unwrap() - times.min().unwrap() <= WINDOW);
    }
}

/// Each outlet's page is read after each of its entries, as it is when they are followed.
async fn follow(store: &Store, day: &Day) {
    let mut order: Vec<usize> = (0..day.entries.len()).collect();
    order.sort_by_key(|nth| day.at(&day.entries[*nth]));
    for nth in order {
        let entry = &day.entries[nth];
        save(store, &page(day, &entry.outlet, day.at(entry)), day.at(entry) + TimeDelta::seconds(30)).await;
    }
}

#[tokio::test]
async fn stories_are_found_as_they_are_told() {
    let (mut fitted, mut checked) = (Counted::default(), Counted::default());
    for name in FITTED.iter().chain(&CHECKED) {
        let day = Day::named(name);
        let (_folder, store) = fresh().await;
        follow(&store, &day).await;
        let counted = if FITTED.contains(name) { &mut fitted } else { &mut checked };
        count(&day, &groups(&store, &day).await, counted);
    }
    println!("fitted {fitted:?}, checked {checked:?}");
    assert!(fitted.wrong.is_empty(), "{:?}", fitted.wrong);
    assert!(checked.new_mistakes().is_empty(), "{:?}", checked.new_mistakes());
    assert!(fitted.recall() >= 0.85, "{fitted:?}");
    assert!(checked.recall() >= 0.6, "{checked:?}");
    assert_eq!(fitted.seeded.wrong + checked.seeded.wrong, 0);
}

/// Whole live blogs, one after another, in every order of three outlets.
#[tokio::test]
async fn the_order_of_reading_makes_no_story_wrong() {
    let (mut same, mut all) = (0, 0);
    for name in ["dam", "election"] {
        let day = Day::named(name);
        let outlets: Vec<String> =
            day.entries.iter().map(|entry| entry.outlet.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        assert_eq!(outlets.len(), 3);
        let mut first: Option<BTreeSet<BTreeSet<usize>>> = None;
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let (_folder, store) = fresh().await;
            let late = day.entries.iter().map(|entry| day.at(entry)).max().unwrap() + TimeDelta::minutes(1);
            for nth in order {
                save(&store, &page(&day, &outlets[nth], late), late).await;
            }
            let groups = groups(&store, &day).await;
            let mut counted = Counted::default();
            count(&day, &groups, &mut counted);
            assert!(counted.wrong.is_empty(), "{order:?}: {:?}", counted.wrong);
            assert!(counted.recall() >= 0.75, "{order:?}: {counted:?}");
            let first = first.get_or_insert_with(|| groups.clone());
            same += groups.intersection(first).count();
            all += groups.union(first).count();
        }
    }
    println!("{same} of {all} stories are the same in each order");
    assert!(same * 10 >= all * 8, "{same} of {all}");
}

/// All that is known of stories, as the tables have it.
async fn rows(path: &Path) -> Vec<String> {
    let mut db = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let mut all = Vec::new();
    for query in [
        "SELECT entry || ' ' || since || ' ' || hex(story) AS it FROM story_member ORDER BY 1",
        "SELECT hex(id) || ' ' || hex(story) || ' ' || since AS it FROM story_alias ORDER BY 1",
        "SELECT entry || ' ' || published || ' ' || outlet || ' ' || gist AS it FROM story_gist ORDER BY 1",
        "SELECT key || ' ' || published || ' ' || entry || ' ' || outlet AS it FROM story_key ORDER BY 1",
    ] {
        let found = sqlx::query(query).fetch_all(&mut db).await.unwrap();
        all.extend(found.iter().map(|row| row.get::<String, _>("it")));
    }
    db.close().await.unwrap();
    all
}

/// What takes back all that this schema and the later ones make: the indexes first, as those of older tables would stay.
fn taking_back(schema: usize) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/schema");
    let texts = (schema..).map_while(|number| std::fs::read_to_string(folder.join(format!("{number}.sql"))).ok());
    let text: String = texts.collect();
    let made = |kind| {
        let name =
            move |line: &str| Some(line.strip_prefix(&format!("CREATE {kind} "))?.split_whitespace().next()?.to_owned());
        text.lines().filter_map(name).map(move |name| format!("DROP {kind} {name}")).collect::<Vec<_>>()
    };
    // What was added to one of these tables goes with it.
    let stays = |table: &str| !made("TABLE").contains(&format!("DROP TABLE {table}"));
    let added = text.lines().filter_map(|line| {
        let (table, column) = line.strip_prefix("ALTER TABLE ")?.split_once(" ADD COLUMN ")?;
        let column = column.split_whitespace().next()?;
        stays(table).then(|| format!("ALTER TABLE {table} DROP COLUMN {column}"))
    });
    made("INDEX").into_iter().chain(made("TABLE")).chain(added).collect()
}

#[tokio::test]
async fn a_replay_and_a_store_of_before_come_to_the_same_stories() {
    let (folder, store) = fresh().await;
    let day = Day::named("dam");
    follow(&store, &day).await;
    // An edit that makes one of what was two, and one that changes nothing of it.
    let mut edited = page(&day, "dw", day.at(&day.entries[day.entries.len() - 1]));
    edited.entries[0].body_text += " Nothing of it was known before.";
    edited.entries[0].body_html = format!("<p>{}</p>", edited.entries[0].body_text);
    save(&store, &edited, "2023-11-14T14:00:00Z".parse().unwrap()).await;

    let again = Store::open(&folder.path().join("again.db")).await.unwrap();
    assert!(replay(&store, &again, &split(), false, |_| ()).await.unwrap().is_whole());
    for compared in store.compare(&again, 5).await.unwrap() {
        assert_eq!((compared.differing, &compared.lines), (0, &Vec::new()), "{}", compared.what);
        let empty = compared.what.starts_with("0 places");
        assert!(!empty, "or there is nothing to compare");
    }
    let path = folder.path().join("tidings.db");
    let before = rows(&path).await;
    assert!(before.len() > 400, "{}", before.len());
    assert_eq!(rows(&folder.path().join("again.db")).await, before);

    // As a tidings without stories has left it, and one whose keys had no outlet.
    store.close().await;
    for schema in [4, 8] {
        let mut db = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
        for statement in taking_back(schema) {
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut db).await.unwrap();
        }
        let version = format!("PRAGMA user_version = {}", schema - 1);
        sqlx::query(sqlx::AssertSqlSafe(version)).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
        Store::open(&path).await.unwrap().close().await;
        assert_eq!(rows(&path).await, before, "from schema {}", schema - 1);
    }
}

const LANDED: &str =
    "The tanker Maria Grey has run aground on Tern Island with 60,000 tonnes of crude oil, the coastguard at Lowport said.";
const CAPTAIN: &str =
    "Captain Jonas Vik was arrested in Lowport, where prosecutor Ada Holm accuses him of having been drunk at the wheel.";

/// A page of one entry, and its id.
fn single(outlet: &str, at: i64, body: &str) -> (LiveBlog, Uuid) {
    let read = blog(outlet, "live", vec![told(outlet, "x", minute(at), "", body)]);
    let id = read.entries[0].id;
    (read, id)
}

async fn whole(store: &Store, id: Uuid) -> WholeStory {
    match store.story(id).await.unwrap() {
        FoundStory::Story(story) => *story,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_story_keeps_its_id_and_tells_who_was_first() {
    let (_folder, store) = fresh().await;
    let (lake, lake_id) = single("lake", 12, LANDED);
    let (hill, hill_id) = single("hill", 5, LANDED);
    save(&store, &lake, minute(13)).await;
    assert!(store.stories_of(&[lake_id], None).await.unwrap().is_empty());
    save(&store, &hill, minute(14)).await;

    let story = story_id(hill_id);
    let known = store.stories_of(&[lake_id, hill_id], None).await.unwrap();
    let (from_lake, from_hill) = (&known[&lake_id], &known[&hill_id]);
    assert_eq!((from_lake.id, from_lake.first, from_hill.id, from_hill.first), (story, false, story, true));
    let also = &from_lake.also[0];
    assert_eq!((also.entry, also.minutes, also.first, also.outlet_name.as_str()), (hill_id, Some(-7), true, "HILL"));
    assert_eq!((from_hill.also.len(), from_hill.also[0].minutes), (1, Some(7)));
    // Told with the change that made it one, to whoever asks whenever.
    let told = store.whole_changes(&Selection::default(), 0, 9).await.unwrap().changes;
    let told: Vec<_> = told.iter().map(|whole| whole.entry.as_ref().unwrap().story).collect();
    assert_eq!(told, [None, Some(story)]);
    // Known since the entry that made it one, and not before.
    assert!(store.stories_of(&[lake_id], Some(minute(13))).await.unwrap().is_empty());
    assert_eq!(store.stories_of(&[lake_id], Some(minute(14))).await.unwrap()[&lake_id], *from_lake);

    // An earlier one of a third outlet joins, and the id stays. One that is known to the day alone can't have been first.
    let (mut moor, moor_id) = single("moor", 0, LANDED);
    moor.entries[0].published.precision = Precision::Day;
    save(&store, &moor, minute(15)).await;
    let whole = whole(&store, story).await;
    let members: Vec<_> = whole.members.iter().map(|member| (member.entry.id, member.first)).collect();
    assert_eq!(members, [(moor_id, false), (hill_id, true), (lake_id, false)]);
    assert_eq!(store.stories_of(&[moor_id], None).await.unwrap()[&moor_id].also[0].minutes, None);
}

#[tokio::test]
async fn one_outlet_alone_is_no_story_and_neither_is_the_next_day() {
    let (_folder, store) = fresh().await;
    let repeated = (0..40).map(|n| told("lake", &format!("r{n}"), minute(n), "", LANDED)).collect();
    save(&store, &blog("lake", "live", repeated), minute(50)).await;
    save(&store, &blog("lake", "other", vec![told("lake", "y", minute(3), "", LANDED)]), minute(51)).await;
    let (hill, hill_id) = single("hill", 24 * 60, LANDED);
    save(&store, &hill, minute(24 * 60)).await;
    let ids: Vec<Uuid> = (0..40).map(|n| entry_id("lake", "live", &format!("r{n}"))).chain([hill_id]).collect();
    assert!(store.stories_of(&ids, None).await.unwrap().is_empty());
    assert_eq!(store.story(story_id(hill_id)).await.unwrap(), FoundStory::Nothing);
}

#[tokio::test]
async fn stories_that_turn_out_to_be_one_keep_the_older_id() {
    let (_folder, store) = fresh().await;
    for (at, outlet, body) in [(1, "lake", LANDED), (2, "hill", LANDED), (3, "moor", CAPTAIN), (4, "wood", CAPTAIN)] {
        save(&store, &single(outlet, at, body).0, minute(10 + at)).await;
    }
    let id = |outlet: &str| entry_id(outlet, "live", "x");
    let of = |outlets: [&str; 4]| outlets.map(id);
    let all = of(["lake", "hill", "moor", "wood"]);
    let apart = store.stories_of(&all, None).await.unwrap();
    let (older, newer) = (story_id(id("lake")), story_id(id("moor")));
    assert_eq!(all.map(|id| apart[&id].id), [older, older, newer, newer]);

    // Now one of them tells of both.
    let (read, _) = single("lake", 1, &format!("{CAPTAIN} {LANDED}"));
    save(&store, &read, minute(20)).await;
    let joined = store.stories_of(&all, None).await.unwrap();
    assert_eq!(all.map(|id| joined[&id].id), [older; 4]);
    assert_eq!(store.story(newer).await.unwrap(), FoundStory::Known(older));
    let story = whole(&store, older).await;
    assert_eq!((story.members.len(), story.aliases), (4, vec![newer]));
    // What was, is what it was.
    let then = store.stories_of(&all, Some(minute(19))).await.unwrap();
    assert_eq!(all.map(|id| then[&id].id), [older, older, newer, newer]);
    assert_eq!(blog_id("lake", "live"), read.head.id);
}
