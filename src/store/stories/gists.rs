//! What entries are told by, as the store keeps it; and what is said around them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::super::rows::{self, Fault, json};
use super::super::text::PLACES;
use crate::story::{Evidence, Gist, Usual, WINDOW};

/// Entries that say what is said around: those of the same hours, the newest ones.
const AROUND: i64 = 400;
/// Entries that say what their live blog says all the time.
const OF_BLOG: i64 = 40;

/// An entry as it is compared.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub n: i64,
    pub id: Uuid,
    pub blog: Uuid,
    pub outlet: String,
    pub published: i64,
    pub gist: Gist,
    pub story: Option<Uuid>,
}

/// The entries numbered so, and all of the stories that they are in.
pub(super) async fn load(db: &mut SqliteConnection, numbers: &[i64]) -> Result<HashMap<i64, Told>, Fault> {
    let found = sqlx::query(
        "WITH own AS MATERIALIZED (
            SELECT picked.value AS n, (SELECT story FROM story_member WHERE entry = picked.value ORDER BY since DESC LIMIT 1)
                AS story FROM json_each(?) AS picked
         ), every AS MATERIALIZED (
            SELECT n, story FROM own
            UNION SELECT entry, story FROM (SELECT DISTINCT story FROM own WHERE story IS NOT NULL)
                CROSS JOIN story_member USING (story)
         )
         SELECT every.n AS n, every.story AS story, id, blog, entry.outlet AS outlet, story_gist.published AS published, gist
         FROM every CROSS JOIN story_gist ON story_gist.entry = every.n CROSS JOIN entry ON entry.n = every.n",
    )
    .bind(json(&numbers)?)
    .fetch_all(db)
    .await?;
    let mut all = HashMap::new();
    for row in &found {
        let story: Option<&[u8]> = row.try_get("story")?;
        let told = Told {
            n: row.try_get("n")?,
            id: rows::id(row, "id")?,
            blog: rows::blog_of(row)?,
            outlet: row.try_get("outlet")?,
            published: row.try_get("published")?,
            gist: Gist::read(row.try_get("gist")?),
            story: story.map(|_| rows::id(row, "story")).transpose()?,
        };
        all.insert(told.n, told);
    }
    Ok(all)
}

/// What is said around, looked up once for each live blog and each three hours.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    around: HashMap<i64, Arc<Usual>>,
    topics: HashMap<(Uuid, i64), Arc<HashSet<String>>>,
}

/// Of the later one, whichever it is: the two are compared alike from either side.
fn hours(one: &Told, other: &Told) -> i64 {
    one.published.max(other.published).div_euclid(WINDOW.num_milliseconds())
}

impl Surroundings {
    /// How much two entries are alike that tell of the same development. What is said around them, and what their live blogs say
    /// all the time, is looked up only where it can still decide: most candidates come to nothing, each from another live blog.
    pub async fn likeness(&mut self, db: &mut SqliteConnection, one: &Told, other: &Told) -> Result<Option<f64>, Fault> {
        let none = HashSet::new();
        let may_be_same = |around: &Usual| Evidence::of(&one.gist, &other.gist, around, [&none, &none]).may_be_same();
        if !may_be_same(&Usual::default()) || !may_be_same(&*self.around(db, hours(one, other)).await?) {
            return Ok(None);
        }
        let evidence = self.compare(db, one, other).await?;
        Ok(evidence.is_same().then_some(evidence.likeness))
    }

    /// Compares two entries.
    pub async fn compare(&mut self, db: &mut SqliteConnection, one: &Told, other: &Told) -> Result<Evidence, Fault> {
        let hours = hours(one, other);
        let around = self.around(db, hours).await?;
        let topics = (self.topics(db, one.blog, hours).await?, self.topics(db, other.blog, hours).await?);
        Ok(Evidence::of(&one.gist, &other.gist, &around, [&topics.0, &topics.1]))
    }

    async fn around(&mut self, db: &mut SqliteConnection, hours: i64) -> Result<Arc<Usual>, Fault> {
        if let Some(known) = self.around.get(&hours) {
            return Ok(known.clone());
        }
        let window = WINDOW.num_milliseconds();
        let gists: Vec<String> = sqlx::query_scalar(
            "SELECT gist FROM story_gist WHERE published >= ? AND published < ? ORDER BY published DESC, entry DESC LIMIT ?",
        )
        .bind((hours - 1) * window)
        .bind((hours + 2) * window)
        .bind(AROUND)
        .fetch_all(db)
        .await?;
        let usual = Arc::new(usual(&gists));
        self.around.insert(hours, usual.clone());
        Ok(usual)
    }

    async fn topics(&mut self, db: &mut SqliteConnection, blog: Uuid, hours: i64) -> Result<Arc<HashSet<String>>, Fault> {
        if let Some(known) = self.topics.get(&(blog, hours)) {
            return Ok(known.clone());
        }
        let half = |history: i64| {
            format!(
                "SELECT * FROM (SELECT gist, place FROM entry CROSS JOIN story_gist ON story_gist.entry = n
                 WHERE blog = ?1 AND history = {history} AND place < ?2 ORDER BY place DESC LIMIT ?3)"
            )
        };
        let sql = format!("{} UNION ALL {} ORDER BY place DESC LIMIT ?3", half(0), half(1));
        let found = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(&blog.as_bytes()[..])
            .bind((hours + 1) * WINDOW.num_seconds() * PLACES)
            .bind(OF_BLOG)
            .fetch_all(db)
            .await?;
        let gists = found.iter().map(|row| Ok(row.try_get("gist")?)).collect::<Result<Vec<String>, Fault>>()?;
        let topics = Arc::new(usual(&gists).said_all_the_time());
        self.topics.insert((blog, hours), topics.clone());
        Ok(topics)
    }
}

fn usual(gists: &[String]) -> Usual {
    let mut usual = Usual::default();
    gists.iter().for_each(|gist| usual.add(&Gist::read(gist)));
    usual
}
