use std::collections::HashMap;

use chrono_tz::{TZ_VARIANTS, Tz};
use url::Host;

use super::document::Table;
use super::value;
use crate::html::Css;
use crate::outlet::{Configured, Field, Selectors};
use crate::time::Format;

/// The tables `[[outlet]]`; `built_in` are the slugs that are taken.
pub(super) fn read(top: &mut Table, built_in: &[&str]) -> Vec<Configured> {
    let mut lines = HashMap::new();
    let mut outlets = Vec::new();
    for mut table in top.tables("outlet") {
        let name = table.text("name", value::not_empty);
        let name = table.require("name", name);
        let slug = table.text("slug", slug);
        let slug = slug.or_else(|| if table.has("slug") { None } else { slug_of(&table, name.as_deref()?) });
        if let Some(slug) = &slug {
            let key = if table.has("slug") { "slug" } else { "name" };
            if built_in.contains(&slug.as_str()) {
                table.mistake(
                    key,
                    format_args!("there is an outlet `{slug}` already, built in: give this one another `slug`"),
                );
            } else if let Some(first) = lines.insert(slug.clone(), table.line(key)) {
                table.mistake(key, format_args!("the outlet `{slug}` stands on line {first} already"));
            }
        }
        let hosts = table.texts("hosts", host);
        let hosts = table.require("hosts", hosts);
        let zone = table.text("zone", zone);
        let zone = table.require("zone", zone);
        let language = table.text("language", language).unwrap_or_default();
        let selectors = selectors(&mut table);
        table.finish();
        let (Some(slug), Some(name), Some(hosts), Some(zone), Some(selectors)) = (slug, name, hosts, zone, selectors) else {
            continue;
        };
        outlets.push(Configured { slug, name, hosts, zone, language, selectors });
    }
    outlets
}

fn selectors(table: &mut Table) -> Option<Selectors> {
    let entry = table.text("entry", Css::parse);
    let entry = table.require("entry", entry);
    let published = match table.has("published") {
        true => table.text("published", Field::parse),
        false => table.text("published", Field::parse).or(Field::parse("time[datetime]@datetime").ok()),
    };
    Some(Selectors {
        updated: table.text("updated", Field::parse),
        format: table.text("format", Format::new),
        headline: table.text("headline", Css::parse),
        byline: table.text("byline", Field::parse),
        body: table.text("body", Css::parse),
        skip: table.text("skip", Css::parse),
        id: table.text("id", Field::parse).map(|field| field.or_attribute("id")),
        permalink: table.text("permalink", Field::parse).map(|field| field.or_attribute("href")),
        key_event: table.text("key_event", Css::parse),
        standfirst: table.text("standfirst", Field::parse),
        opened: table.text("opened", Field::parse),
        entry: entry?,
        published: published?,
    })
}

fn slug(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.is_empty() && text.len() <= 60 && text.chars().all(fits) && !text.starts_with('-') && !text.ends_with('-') {
        return Ok(text.to_owned());
    }
    let shown = text.escape_debug();
    Err(format!("`{shown}` can't stand in an address: use a to z, 0 to 9 and single signs `-`, for example \"daily-news\""))
}

/// `The Daily News` is `the-daily-news`. A letter that has no place in a slug is not guessed at.
fn slug_of(table: &Table, name: &str) -> Option<String> {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let told = slug(&words.collect::<Vec<_>>().join("-").to_lowercase()).ok();
    if told.is_none() {
        table.mistake("name", "no slug can be made of it: add one, for example slug = \"daily-news\"");
    }
    told
}

fn host(text: &str) -> Result<String, String> {
    let host = text.trim().trim_end_matches('.').to_lowercase();
    let plain = host.contains('.') && !host.contains([':', '/', '@', '*', ' ']);
    match Host::parse(&host) {
        Ok(Host::Domain(host)) if plain => Ok(host),
        _ => Err(format!(
            "`{}` is not the name of a host: write for example \"news.example\", which stands for www.news.example too",
            text.escape_debug()
        )),
    }
}

fn zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| {
        let names: Vec<&str> = TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
        let near = value::near(text, &names).map(|name| format!("did you mean `{name}`?"));
        let hint = near.unwrap_or_else(|| "write it as in \"Europe/Paris\", \"Asia/Kolkata\" or \"UTC\"".to_owned());
        format!("there is no time zone `{}`: {hint}", text.escape_debug())
    })
}

fn language(text: &str) -> Result<String, String> {
    let subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let first = text.split('-').next().unwrap_or_default();
    if (2..=3).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic()) && text.split('-').all(subtag)
    {
        return Ok(text.to_owned());
    }
    Err(format!("`{}` is not a language tag: write for example \"fr\" or \"pt-BR\"", text.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts() {
        assert_eq!(host("WWW.News.Example."), Ok("www.news.example".to_owned()));
        assert_eq!(host("zeitung.köln"), Ok("zeitung.xn--kln-sna".to_owned()));
        for text in ["", "news", "https://news.example", "news.example/live", "news.example:80", "*.news.example", "1.2.3.4"]
        {
            assert!(host(text).unwrap_err().contains("for example"), "{text}");
        }
    }

    #[test]
    fn tags_of_languages() {
        for text in ["fr", "pt-BR", "zh-Hant-TW", "ast"] {
            assert_eq!(language(text), Ok(text.to_owned()));
        }
        for text in ["", "french", "f", "pt_BR", "pt-", "12"] {
            assert!(language(text).is_err(), "{text}");
        }
    }
}
