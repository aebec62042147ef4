//! `[[sink]]`: where changes are posted to, and which.

use std::collections::HashMap;
use std::fmt;

use url::Url;
use uuid::Uuid;

use super::document::Table;
use super::{access, value};
use crate::store::{ChangeKind, NoWords, Selection, Wording, Words};

/// Where changes are posted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// The address that takes them.
    pub url: Url,
    /// Which ones it takes.
    pub selection: Selection,
    /// What they are signed with.
    pub secret: Option<SigningKey>,
    /// Whether the address may be, or lead to, one that is not on the public internet.
    pub allow_private: bool,
}

/// A secret that is needed as it is, to sign with.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(pub String);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

pub(super) fn read(top: &mut Table) -> Vec<Sink> {
    let mut lines = HashMap::new();
    let mut sinks = Vec::new();
    for mut table in top.tables("sink") {
        let url = table.text("url", value::web_address);
        let url = table.require("url", url);
        if let Some(url) = &url
            && let Some(first) = lines.insert(url.clone(), table.line("url"))
        {
            table.mistake("url", format_args!("`{url}` stands on line {first} already"));
        }
        let selection = Selection {
            kinds: table.texts("kind", kind).unwrap_or_default(),
            outlets: table.texts("outlet", value::not_empty).unwrap_or_default(),
            blogs: table.texts("blog", blog).unwrap_or_default(),
            wording: Wording {
                text: table.text("q", |text| words(text, Words::parse)),
                author: table.text("author", |text| words(text, Words::phrase)),
            },
            key_events: table.flag("key_events").unwrap_or_default(),
            since: None,
            until: None,
        };
        let secret = table.text("secret", |text| access::secret(text).map(|_| SigningKey(text.to_owned())));
        let allow_private = table.flag("allow_private").unwrap_or_default();
        table.finish();
        sinks.extend(url.map(|url| Sink { url, selection, secret, allow_private }));
    }
    sinks
}

fn words(text: &str, parse: fn(&str) -> Result<Words, NoWords>) -> Result<Words, String> {
    parse(text).map_err(|wrong| format!("`{}` {wrong}", text.escape_debug()))
}

fn kind(text: &str) -> Result<ChangeKind, String> {
    let names = ChangeKind::ALL.map(ChangeKind::name);
    ChangeKind::named(text)
        .ok_or_else(|| format!("there is no kind `{}`: {}", text.escape_debug(), value::nearest(text, &names, "the kinds")))
}

fn blog(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text)
        .map_err(|_| format!("`{}` is no id of a live blog: take it from the address of its feed", text.escape_debug()))
}
