//! Who has subscribed to which feed (WebSub), and who wants to.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::rows::{self, Fault};
use super::{Store, StoreError};

/// A subscription that was asked for, or asked to be ended, and that the subscriber has not confirmed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubRequest {
    /// Path and query of the feed.
    pub topic: String,
    /// Where the subscriber is reached.
    pub callback: String,
    /// The host of that.
    pub host: String,
    /// Whether it is to begin; to end otherwise.
    pub subscribe: bool,
    /// What deliveries are signed with.
    pub secret: Option<String>,
    /// Seconds for which it is to hold.
    pub lease_s: u32,
    /// Whose token was shown, where tokens are asked for.
    pub reader: Option<String>,
    /// When it was asked for.
    pub asked: DateTime<Utc>,
    /// How often the subscriber could not be reached since.
    pub failures: u32,
    /// When to ask it again.
    pub next_due: DateTime<Utc>,
}

/// A subscription that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Path and query of the feed.
    pub topic: String,
    /// Where it is delivered to.
    pub callback: String,
    /// The host of that.
    pub host: String,
    /// What deliveries are signed with.
    pub secret: Option<String>,
    /// Whose token was shown, where tokens are asked for.
    pub reader: Option<String>,
    /// Until when it holds.
    pub expires: DateTime<Utc>,
    /// The entity tag of the feed as it was delivered last.
    pub etag: Option<String>,
    /// How often delivering has failed since.
    pub failures: u32,
    /// When it may be tried again.
    pub next_due: DateTime<Utc>,
    /// Why it failed last.
    pub last_error: Option<String>,
}

impl Store {
    /// Notes a request in place of any earlier one about the same, unless there are as many subscriptions and requests as there
    /// may be: `most` in all, `each` of one host. Says whether there was room. To end what does not hold there is nothing to note:
    /// whoever is named in such a request need not be asked.
    pub async fn ask_hub(&self, asked: &HubRequest, most: u32, each: u32) -> Result<bool, StoreError> {
        async {
            let mut write = self.writing().await?;
            // One that is known already, whether confirmed or not, takes no new place.
            let (all, of_host): (i64, i64) = sqlx::query_as(
                "SELECT count(*), coalesce(sum(host = ?1), 0) FROM (SELECT topic, callback, host FROM hub_request
                    UNION SELECT topic, callback, host FROM hub_subscription)
                 WHERE NOT (topic = ?2 AND callback = ?3)",
            )
            .bind(&asked.host)
            .bind(&asked.topic)
            .bind(&asked.callback)
            .fetch_one(&mut *write)
            .await?;
            let known = "SELECT EXISTS (SELECT 1 FROM hub_subscription WHERE topic = ?1 AND callback = ?2
                UNION ALL SELECT 1 FROM hub_request WHERE topic = ?1 AND callback = ?2)";
            let known: bool =
                sqlx::query_scalar(known).bind(&asked.topic).bind(&asked.callback).fetch_one(&mut *write).await?;
            if !asked.subscribe && !known {
                return Ok(true);
            }
            if asked.subscribe && (all >= i64::from(most) || of_host >= i64::from(each)) {
                return Ok(false);
            }
            sqlx::query("INSERT OR REPLACE INTO hub_request VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
                .bind(&asked.topic)
                .bind(&asked.callback)
                .bind(&asked.host)
                .bind(asked.subscribe)
                .bind(&asked.secret)
                .bind(asked.lease_s)
                .bind(&asked.reader)
                .bind(asked.asked.timestamp_millis())
                .bind(asked.failures)
                .bind(asked.next_due.timestamp_millis())
                .execute(&mut *write)
                .await?;
            write.commit().await?;
            Ok(true)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// What was asked for and is not confirmed yet, the longest waiting first.
    pub async fn hub_requests(&self) -> Result<Vec<HubRequest>, StoreError> {
        async {
            let found = sqlx::query("SELECT * FROM hub_request ORDER BY next_due, asked, topic, callback");
            let found = found.fetch_all(&mut *self.snapshot().await?).await?;
            found.iter().map(request).collect::<Result<_, Fault>>()
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// Every subscription, those included that have expired and have not been taken away yet.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, StoreError> {
        async {
            let found = sqlx::query("SELECT * FROM hub_subscription ORDER BY next_due, topic, callback");
            let found = found.fetch_all(&mut *self.snapshot().await?).await?;
            found.iter().map(subscription).collect::<Result<_, Fault>>()
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// Takes away what has expired by `now`, and answers how much that was.
    pub async fn expire_subscriptions(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        async {
            let mut write = self.writing().await?;
            let gone = sqlx::query("DELETE FROM hub_subscription WHERE expires <= ?").bind(now.timestamp_millis());
            let gone = gone.execute(&mut *write).await?.rows_affected();
            write.commit().await?;
            Ok(gone)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// The subscriber has confirmed `asked`: it subscribes until `expires`, or no more. Nothing happens where something else
    /// has been asked for since. `etag` is of the feed as it is: what comes after that is delivered, to one that renews what
    /// comes after its last delivery.
    pub async fn confirm(&self, asked: &HubRequest, expires: DateTime<Utc>, etag: Option<&str>) -> Result<(), StoreError> {
        async {
            let mut write = self.writing().await?;
            let taken = sqlx::query("DELETE FROM hub_request WHERE topic = ? AND callback = ? AND asked = ? AND subscribe = ?")
                .bind(&asked.topic)
                .bind(&asked.callback)
                .bind(asked.asked.timestamp_millis())
                .bind(asked.subscribe)
                .execute(&mut *write)
                .await?;
            if taken.rows_affected() == 0 {
                return Ok(());
            }
            if asked.subscribe {
                sqlx::query(
                    "INSERT INTO hub_subscription (topic, callback, host, secret, reader, expires, etag, failures, next_due)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0)
                     ON CONFLICT DO UPDATE SET secret = ?4, reader = ?5, expires = ?6, failures = 0, next_due = 0, last_error = NULL",
                )
                .bind(&asked.topic)
                .bind(&asked.callback)
                .bind(&asked.host)
                .bind(&asked.secret)
                .bind(&asked.reader)
                .bind(expires.timestamp_millis())
                .bind(etag)
                .execute(&mut *write)
                .await?;
            } else {
                sqlx::query("DELETE FROM hub_subscription WHERE topic = ? AND callback = ?")
                    .bind(&asked.topic)
                    .bind(&asked.callback)
                    .execute(&mut *write)
                    .await?;
            }
            Ok(write.commit().await?)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// The subscriber could not be asked: `asked` says when it will be again. None of it is left where `again` is false.
    pub async fn unconfirmed(&self, asked: &HubRequest, again: bool) -> Result<(), StoreError> {
        async {
            let mut write = self.writing().await?;
            let query = match again {
                true => sqlx::query(
                    "UPDATE hub_request SET failures = ?, next_due = ? WHERE topic = ? AND callback = ? AND asked = ?",
                )
                .bind(asked.failures)
                .bind(asked.next_due.timestamp_millis()),
                false => sqlx::query("DELETE FROM hub_request WHERE topic = ? AND callback = ? AND asked = ?"),
            };
            let query = query.bind(&asked.topic).bind(&asked.callback).bind(asked.asked.timestamp_millis());
            query.execute(&mut *write).await?;
            Ok(write.commit().await?)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// How delivering to a subscriber came out. One that is gone meanwhile stays so.
    pub async fn put_subscription(&self, to: &Subscription) -> Result<(), StoreError> {
        async {
            let mut write = self.writing().await?;
            sqlx::query(
                "UPDATE hub_subscription SET etag = ?3, failures = ?4, next_due = ?5, last_error = ?6
                 WHERE topic = ?1 AND callback = ?2",
            )
            .bind(&to.topic)
            .bind(&to.callback)
            .bind(&to.etag)
            .bind(to.failures)
            .bind(to.next_due.timestamp_millis())
            .bind(&to.last_error)
            .execute(&mut *write)
            .await?;
            Ok(write.commit().await?)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// Takes a subscription over from another store.
    pub(super) async fn keep_subscription(&self, kept: &Subscription) -> Result<(), StoreError> {
        async {
            let mut write = self.writing().await?;
            sqlx::query(
                "INSERT OR REPLACE INTO hub_subscription (topic, callback, host, secret, reader, expires, etag, failures,
                    next_due, last_error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(&kept.topic)
            .bind(&kept.callback)
            .bind(&kept.host)
            .bind(&kept.secret)
            .bind(&kept.reader)
            .bind(kept.expires.timestamp_millis())
            .bind(&kept.etag)
            .bind(kept.failures)
            .bind(kept.next_due.timestamp_millis())
            .bind(&kept.last_error)
            .execute(&mut *write)
            .await?;
            Ok(write.commit().await?)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// Ends a subscription.
    pub async fn drop_subscription(&self, topic: &str, callback: &str) -> Result<(), StoreError> {
        async {
            let mut write = self.writing().await?;
            sqlx::query("DELETE FROM hub_subscription WHERE topic = ? AND callback = ?")
                .bind(topic)
                .bind(callback)
                .execute(&mut *write)
                .await?;
            Ok(write.commit().await?)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }
}

fn request(row: &SqliteRow) -> Result<HubRequest, Fault> {
    Ok(HubRequest {
        topic: row.try_get("topic")?,
        callback: row.try_get("callback")?,
        host: row.try_get("host")?,
        subscribe: row.try_get("subscribe")?,
        secret: row.try_get("secret")?,
        lease_s: rows::number(row, "lease_s")?,
        reader: row.try_get("reader")?,
        asked: rows::instant(row, "asked")?,
        failures: rows::number(row, "failures")?,
        next_due: rows::instant(row, "next_due")?,
    })
}

fn subscription(row: &SqliteRow) -> Result<Subscription, Fault> {
    Ok(Subscription {
        topic: row.try_get("topic")?,
        callback: row.try_get("callback")?,
        host: row.try_get("host")?,
        secret: row.try_get("secret")?,
        reader: row.try_get("reader")?,
        expires: rows::instant(row, "expires")?,
        etag: row.try_get("etag")?,
        failures: rows::number(row, "failures")?,
        next_due: rows::instant(row, "next_due")?,
        last_error: row.try_get("last_error")?,
    })
}
