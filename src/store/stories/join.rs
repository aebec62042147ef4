//! Joins entries that tell of the same into one story, where nothing in any of them speaks against it.

use std::collections::HashMap;

use sqlx::SqliteConnection;
use uuid::Uuid;

use super::super::rows::Fault;
use super::gists::{Surroundings, Told};
use crate::identity::story_id;
use crate::story::WINDOW;

/// Entries of one story, at most. One that everybody tells of all day is no development any more.
const MOST: usize = 24;

/// One entry's neighbours, and what comparing them takes.
pub(super) struct Joining<'a> {
    pub told: HashMap<i64, Told>,
    pub surroundings: &'a mut Surroundings,
    pub at: i64,
}

impl Joining<'_> {
    /// Joins the entry numbered `n` with those of `alike`, or with their stories, the likest first.
    pub async fn join(mut self, db: &mut SqliteConnection, n: i64, alike: &[i64]) -> Result<(), Fault> {
        let mut group = self.group(n);
        for other in alike {
            if group.contains(other) {
                continue;
            }
            let theirs = self.group(*other);
            if self.is_one(db, &group, &theirs).await? {
                group.extend(theirs);
                self.write(db, &group).await?;
            }
        }
        Ok(())
    }

    /// The entry alone, or the whole story that it is in.
    fn group(&self, n: i64) -> Vec<i64> {
        let story = self.told.get(&n).and_then(|told| told.story);
        let mut group = vec![n];
        if story.is_some() {
            group.extend(self.told.values().filter(|told| told.story == story && told.n != n).map(|told| told.n));
        }
        group.sort_unstable();
        group
    }

    /// Whether two groups tell of one development: half of the pairs of different outlets do, and none of all excludes it.
    async fn is_one(&mut self, db: &mut SqliteConnection, one: &[i64], other: &[i64]) -> Result<bool, Fault> {
        let times = one.iter().chain(other).filter_map(|n| self.told.get(n)).map(|told| told.published);
        let span = times.clone().max().unwrap_or_default() - times.min().unwrap_or_default();
        if one.len() + other.len() > MOST || span > WINDOW.num_milliseconds() {
            return Ok(false);
        }
        let (mut pairs, mut same) = (0, 0);
        for a in one {
            for b in other {
                let (Some(a), Some(b)) = (self.told.get(a), self.told.get(b)) else { continue };
                let evidence = self.surroundings.compare(db, a, b).await?;
                if evidence.excluded {
                    return Ok(false);
                }
                if a.outlet != b.outlet {
                    pairs += 1;
                    same += usize::from(evidence.is_same());
                }
            }
        }
        Ok(same > 0 && same * 2 >= pairs)
    }

    /// Writes that the entries of `group` are one story: the oldest of those that they were in, or else a new one.
    async fn write(&mut self, db: &mut SqliteConnection, group: &[i64]) -> Result<(), Fault> {
        let mut before: Vec<Uuid> = group.iter().filter_map(|n| self.told.get(n)?.story).collect();
        before.sort_unstable();
        before.dedup();
        let story = match before.len() {
            0 => {
                let members = group.iter().filter_map(|n| self.told.get(n));
                let Some(first) = members.min_by_key(|told| (told.published, told.id)) else { return Ok(()) };
                story_id(first.id)
            }
            1 => before[0],
            _ => oldest(db, &before).await?,
        };
        for n in group {
            let Some(told) = self.told.get_mut(n).filter(|told| told.story != Some(story)) else { continue };
            told.story = Some(story);
            // Within one moment only what it comes to counts.
            sqlx::query("INSERT OR REPLACE INTO story_member (entry, since, story) VALUES (?, ?, ?)")
                .bind(n)
                .bind(self.at)
                .bind(&story.as_bytes()[..])
                .execute(&mut *db)
                .await?;
        }
        for other in before {
            if other == story {
                continue;
            }
            sqlx::query("UPDATE story_alias SET story = ? WHERE story = ?")
                .bind(&story.as_bytes()[..])
                .bind(&other.as_bytes()[..])
                .execute(&mut *db)
                .await?;
            sqlx::query("INSERT INTO story_alias (id, story, since) VALUES (?, ?, ?)")
                .bind(&other.as_bytes()[..])
                .bind(&story.as_bytes()[..])
                .bind(self.at)
                .execute(&mut *db)
                .await?;
        }
        Ok(())
    }
}

async fn oldest(db: &mut SqliteConnection, stories: &[Uuid]) -> Result<Uuid, Fault> {
    let mut ages = Vec::new();
    for story in stories {
        let since: i64 = sqlx::query_scalar("SELECT coalesce(min(since), 0) FROM story_member WHERE story = ?")
            .bind(&story.as_bytes()[..])
            .fetch_one(&mut *db)
            .await?;
        ages.push((since, *story));
    }
    Ok(ages.into_iter().min().map(|(_, story)| story).unwrap_or_default())
}
