//! A live blog's page as an outlet without an adapter would write it, with schema.org's data, to be changed as a test goes on.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::sample::minute;

/// The page.
#[derive(Debug, Clone)]
pub struct LivePage {
    /// Where it says that it is: `/live/storm`.
    pub path: String,
    /// Its headline.
    pub headline: String,
    /// Its entries, newest first.
    pub updates: Vec<Update>,
    /// Whether it says that it has ended.
    pub ended: bool,
}

/// An entry of it.
#[derive(Debug, Clone)]
pub struct Update {
    pub id: String,
    pub at: DateTime<Utc>,
    pub headline: String,
    pub body: String,
}

impl LivePage {
    /// With nothing on it yet.
    pub fn new(path: &str) -> LivePage {
        LivePage { path: path.into(), headline: "Storm over the harbour".into(), updates: Vec::new(), ended: false }
    }

    /// Puts a new entry on top, published at a minute of the afternoon.
    pub fn add(&mut self, id: &str, minutes: i64) -> &mut Update {
        self.updates.insert(
            0,
            Update {
                id: id.into(),
                at: minute(minutes),
                headline: format!("Ferry {id} is late"),
                body: format!("The ferry {id} waits at the quay until the wind turns. Nobody is hurt."),
            },
        );
        &mut self.updates[0]
    }

    /// The entry of this id.
    pub fn update(&mut self, id: &str) -> &mut Update {
        self.updates.iter_mut().find(|update| update.id == id).unwrap()
    }

    /// As HTML.
    pub fn html(&self) -> String {
        let address = format!("https://harbour.example{}", self.path);
        let updates: Vec<Value> = self
            .updates
            .iter()
            .map(|update| {
                json!({
                    "@type": "BlogPosting", "@id": format!("{address}#{}", update.id),
                    "url": format!("{address}#{}", update.id), "headline": update.headline,
                    "datePublished": update.at.to_rfc3339(), "articleBody": update.body,
                    "author": {"@type": "Person", "name": "Ann Rower"},
                })
            })
            .collect();
        let mut posting = json!({
            "@context": "https://schema.org", "@type": "LiveBlogPosting", "url": address, "headline": self.headline,
            "publisher": {"@type": "Organization", "name": "Harbour Post"}, "coverageStartTime": minute(0).to_rfc3339(),
            "liveBlogUpdate": updates,
        });
        if self.ended {
            posting["coverageEndTime"] = minute(60).to_rfc3339().into();
        }
        let posting = posting.to_string().replace('<', "\\u003c");
        format!(
            "<!doctype html><html lang=en><head><meta charset=utf-8><title>{headline}</title>\
             <link rel=canonical href=\"{address}\"><script type=\"application/ld+json\">{posting}</script></head>\
             <body><h1>{headline}</h1></body></html>",
            headline = self.headline
        )
    }
}
