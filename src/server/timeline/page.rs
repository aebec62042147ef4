//! The page of a timeline.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use askama::Template;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use super::asked::Asked;
use super::chart::{Drawn, Plan, bars};
use super::colours::colours;
use super::here;
use crate::feed::Format;
use crate::model::{CoverageState, Mark, Precision};
use crate::server::Settings;
use crate::server::assets::{Frame, Part};
use crate::server::describe;
use crate::server::evidence::Evidence;
use crate::server::overview::Overview;
use crate::server::pictures::with_manners;
use crate::server::shown::{exact, is_web, language_of, shown, state_of};
use crate::server::stories::StoryOfEntry;
use crate::store::{Scope, Shown, StoredBlog, Tally, Window};

/// Longer texts than this many characters are folded, so that one article does not stand between all the entries.
const LONG: usize = 1200;
/// Live blogs that one stream of changes may name.
const STREAM_BLOGS: usize = 20;
/// Live blogs that are named beside the entries.
const BESIDE: usize = 12;

/// All that the page is made of.
pub(super) struct Told {
    pub scope: Scope,
    pub asked: Asked,
    pub overview: Arc<Overview>,
    pub settings: Arc<Settings>,
    pub window: Window,
    pub plan: Option<Plan>,
    pub tally: Tally,
    /// What other outlets have of the same development, by entry.
    pub stories: HashMap<Uuid, StoryOfEntry>,
    pub sick: usize,
}

#[derive(Template)]
#[template(path = "timeline.html")]
struct Page<'a> {
    frame: Frame,
    title: String,
    /// What the page is about, beside its title.
    about: Option<About<'a>>,
    standfirst: Option<String>,
    formats: [Format; 3],
    /// Of the feeds, from `/`; and what is asked of them.
    path: String,
    query: String,
    asked: &'a Asked,
    /// Whether what is new belongs on top.
    live: bool,
    /// Which changes are of interest then, as `/events` takes it.
    events: String,
    chosen: Vec<(String, String)>,
    outlets: Vec<Choice<'a>>,
    chart: Option<Chart>,
    blogs: Vec<Beside<'a>>,
    more_blogs: usize,
    topics: Vec<(&'a str, &'a str)>,
    days: Vec<Day<'a>>,
    newest: Option<String>,
    older: Option<String>,
    sick: usize,
}

/// Of a live blog's own page.
struct About<'a> {
    outlet: &'a str,
    slug: &'a str,
    colour: usize,
    url: Option<&'a str>,
    state: &'static str,
    entries: i64,
}

/// An outlet that can be chosen.
struct Choice<'a> {
    name: &'a str,
    colour: usize,
    chosen: bool,
    entries: u32,
    toggled: String,
}

struct Beside<'a> {
    id: Uuid,
    title: &'a str,
    outlet: &'a str,
    colour: usize,
    entries: i64,
    newest: Option<DateTime<Utc>>,
    live: bool,
}

struct Chart {
    drawn: Drawn,
    plan: Plan,
    zones: Vec<Zone>,
    ticks: Vec<(String, String)>,
    total: u32,
    /// The way out of a stretch of it.
    whole: Option<String>,
}

struct Zone {
    from: DateTime<Utc>,
    left: String,
    width: String,
    entries: u32,
    query: String,
}

struct Day<'a> {
    date: String,
    told: String,
    entries: Vec<EntryPart<'a>>,
}

struct EntryPart<'a> {
    shown: &'a Shown,
    colour: usize,
    blog_title: &'a str,
    /// On a wall clock of the outlet, with the zone's name; none where its zone is UTC, or not known.
    local: Option<(String, String)>,
    utc: String,
    evidence: Evidence<'a>,
    body: Option<String>,
    long: bool,
    byline: String,
    badges: Vec<(&'static str, &'static str)>,
    edits: u32,
    permalink: Option<&'a str>,
    language: Option<&'a str>,
    story: Option<&'a StoryOfEntry>,
    /// Another one for whatever makes the entry look otherwise.
    state: String,
}

pub(super) fn html(told: &Told) -> Result<Vec<u8>, String> {
    let Told { scope, asked, overview, window, .. } = told;
    let colours = colours(overview.outlets().into_keys());
    let path = describe::path(scope);
    let mut entries: Vec<&Shown> = window.entries.iter().collect();
    let mut older = None;
    if entries.len() > asked.limit()
        && let Some((last, _)) = entries.iter().enumerate().min_by_key(|(_, shown)| shown.place)
    {
        entries.remove(last);
        let before = entries.iter().map(|shown| shown.place).min().map(|place| place.to_string());
        older = Some(here(&path, &joined(&asked.with(&[]), before.as_deref())));
    }
    let blogs = blogs(told, &colours);
    let own = match scope {
        Scope::Blog(_) => overview.blogs_in(scope).next(),
        _ => None,
    };
    let page = Page {
        frame: Frame::new(path.matches('/').count().min(1), Part::Timeline),
        title: title(told, own),
        about: own.map(|blog| about(blog, &colours)),
        standfirst: own.and_then(|blog| blog.head.standfirst.clone()),
        formats: Format::ALL,
        path: path.trim_start_matches('/').to_owned() + if path.is_empty() { "" } else { "/" },
        query: asked.with(&[]),
        asked,
        live: asked.is_live(),
        events: events(scope, asked),
        chosen: asked.chosen().into_iter().map(|(told, query)| (told, here(&path, &query))).collect(),
        outlets: choices(told, &colours, &path),
        chart: chart(told, &colours)?,
        more_blogs: blogs.len().saturating_sub(BESIDE),
        blogs: blogs.into_iter().take(BESIDE).collect(),
        topics: match scope {
            Scope::Everything => {
                told.settings.topics.iter().map(|topic| (topic.name.as_str(), topic.title.as_str())).collect()
            }
            _ => Vec::new(),
        },
        days: days(told, entries, &colours),
        newest: asked.before.map(|_| here(&path, &asked.with(&[]))),
        older,
        sick: told.sick,
    };
    page.render().map(String::into_bytes).map_err(|error| error.to_string())
}

/// What `/events` is asked for: the filters of the page, and its scope as far as a stream can be told of it.
fn events(scope: &Scope, asked: &Asked) -> String {
    let scope = match scope {
        Scope::Everything => None,
        Scope::Outlet(slug) => Some(("outlet", slug.clone())),
        Scope::Blog(id) => Some(("blog", id.to_string())),
        Scope::Topic(topic) => {
            let ids: Vec<String> = topic.blogs.iter().map(Uuid::to_string).collect();
            ((1..=STREAM_BLOGS).contains(&ids.len())).then(|| ("blog", ids.join(",")))
        }
    };
    let out = ["limit", "since", "until", "as_of"].map(|name| (name, None));
    let within = scope.map(|(name, value)| (name, Some(value)));
    asked.with(&out.into_iter().chain(within).collect::<Vec<_>>())
}

fn joined(query: &str, before: Option<&str>) -> String {
    match (query.is_empty(), before) {
        (_, None) => query.to_owned(),
        (true, Some(before)) => format!("before={before}"),
        (false, Some(before)) => format!("{query}&before={before}"),
    }
}

fn title(told: &Told, own: Option<&StoredBlog>) -> String {
    match &told.scope {
        Scope::Everything => "Live blogs".to_owned(),
        Scope::Outlet(slug) => {
            let outlets = told.overview.outlets();
            outlets.get(slug.as_str()).map_or(slug.as_str(), |name| name).to_owned()
        }
        Scope::Topic(topic) => topic.title.clone(),
        scope @ Scope::Blog(_) => {
            let given = told.overview.given_title(scope).or(own.map(|blog| blog.head.headline.as_str()));
            given.unwrap_or("Live blog").to_owned()
        }
    }
}

fn about<'a>(blog: &'a StoredBlog, colours: &BTreeMap<String, usize>) -> About<'a> {
    About {
        outlet: &blog.head.outlet_name,
        slug: &blog.head.outlet,
        colour: colours.get(&blog.head.outlet).copied().unwrap_or_default(),
        url: blog.head.url.as_deref().filter(|url| is_web(url)),
        state: state_of(blog),
        entries: blog.entries,
    }
}

/// The live blogs of the scope, those with the newest entries first; a live blog's own page needs no list.
fn blogs<'a>(told: &'a Told, colours: &BTreeMap<String, usize>) -> Vec<Beside<'a>> {
    if matches!(told.scope, Scope::Blog(_)) {
        return Vec::new();
    }
    let mut blogs: Vec<&StoredBlog> = told.overview.blogs_in(&told.scope).filter(|blog| blog.entries > 0).collect();
    blogs.sort_by_key(|blog| std::cmp::Reverse(blog.newest));
    let beside = |blog: &'a StoredBlog| Beside {
        id: blog.head.id,
        title: told.overview.given_title(&Scope::Blog(blog.head.id)).unwrap_or(&blog.head.headline),
        outlet: &blog.head.outlet_name,
        colour: colours.get(&blog.head.outlet).copied().unwrap_or_default(),
        entries: blog.entries,
        newest: blog.newest,
        live: blog.head.coverage.state == CoverageState::Live,
    };
    blogs.into_iter().map(beside).collect()
}

fn choices<'a>(told: &'a Told, colours: &BTreeMap<String, usize>, path: &str) -> Vec<Choice<'a>> {
    let mut outlets: BTreeMap<&str, &str> = told
        .overview
        .blogs_in(&told.scope)
        .map(|blog| (blog.head.outlet.as_str(), blog.head.outlet_name.as_str()))
        .collect();
    let all = told.overview.outlets();
    outlets.extend(told.asked.filters.outlets.iter().filter_map(|slug| all.get_key_value(slug.as_str())));
    let choice = |(slug, name): (&'a str, &'a str)| Choice {
        name,
        colour: colours.get(slug).copied().unwrap_or_default(),
        chosen: told.asked.filters.outlets.iter().any(|chosen| chosen == slug),
        entries: told.tally.outlets.get(slug).map_or(0, |counts| counts.values().sum()),
        toggled: here(path, &told.asked.toggled(slug)),
    };
    let mut choices: Vec<Choice> = outlets.into_iter().map(choice).collect();
    // Those that have nothing to show stand behind.
    choices.sort_by_key(|choice| choice.entries == 0 && !choice.chosen);
    choices
}

fn chart(told: &Told, colours: &BTreeMap<String, usize>) -> Result<Option<Chart>, String> {
    let Some(plan) = told.plan else { return Ok(None) };
    let path = describe::path(&told.scope);
    let counts = || told.tally.outlets.values().flatten();
    let zone = |(from, until): (DateTime<Utc>, DateTime<Utc>)| {
        let entries = counts().filter(|(at, _)| (from..until).contains(at)).map(|(_, entries)| entries).sum();
        let width = plan.percent(plan.from + (until - from));
        Zone { from, left: plan.percent(from), width, entries, query: here(&path, &told.asked.between(from, until)) }
    };
    let zones: Vec<Zone> = plan.zones().map(zone).filter(|zone| zone.entries > 0).collect();
    let (total, zoomed) =
        (counts().map(|(_, entries)| entries).sum(), told.asked.filters.since.or(told.asked.filters.until));
    Ok((total > 0 || zoomed.is_some()).then_some(Chart {
        drawn: bars(&plan, &told.tally, colours)?,
        zones,
        ticks: plan.ticks(),
        total,
        whole: zoomed.map(|_| here(&path, &told.asked.with(&[("since", None), ("until", None)]))),
        plan,
    }))
}

/// The entries by the day of their publication in UTC.
fn days<'a>(told: &'a Told, entries: Vec<&'a Shown>, colours: &BTreeMap<String, usize>) -> Vec<Day<'a>> {
    let mut days: Vec<Day> = Vec::new();
    for entry in entries {
        let at = entry.entry.published.at;
        let date = at.format("%Y-%m-%d").to_string();
        if days.last().is_none_or(|day| day.date != date) {
            days.push(Day { date, told: at.format("%A, %-d %B %Y").to_string(), entries: Vec::new() });
        }
        if let Some(day) = days.last_mut() {
            day.entries.push(part(told, entry, colours));
        }
    }
    days
}

fn part<'a>(told: &'a Told, shown: &'a Shown, colours: &BTreeMap<String, usize>) -> EntryPart<'a> {
    let (head, entry) = (&*shown.head, &*shown.entry);
    let zone = entry.published.zone.or_else(|| told.settings.zones.get(&head.outlet).copied());
    let withdrawn = shown.life.withdrawn.is_some();
    let web = |url: &'a Option<String>| url.as_deref().filter(|url| is_web(url));
    EntryPart {
        shown,
        colour: colours.get(&head.outlet).copied().unwrap_or_default(),
        blog_title: told.overview.given_title(&Scope::Blog(head.id)).unwrap_or(&head.headline),
        local: zone.and_then(|zone| local(entry.published.at, zone, entry.published.precision)),
        utc: clock(&entry.published.at.naive_utc(), entry.published.precision),
        evidence: Evidence { of: "Published", stamp: &entry.published },
        // A claim that was taken back is not to be spread by us: its page tells what it was.
        body: (!withdrawn && !entry.body_html.is_empty()).then(|| with_manners(&entry.body_html)),
        long: entry.body_text.chars().count() > LONG,
        byline: entry.byline.join(", "),
        badges: if withdrawn { Vec::new() } else { entry.marks.iter().map(badge).collect() },
        edits: shown.life.revision.saturating_sub(1),
        permalink: web(&entry.permalink).or_else(|| web(&head.url)),
        language: language_of(head),
        story: told.stories.get(&entry.id),
        state: {
            let also = told.stories.get(&entry.id).map_or(0, |story| story.also.len());
            format!("{}-{}-{also}", shown.at.timestamp_millis(), shown.life.revision)
        },
    }
}

/// What a clock of `zone` shows then, and the zone's place; none where it is UTC.
fn local(at: DateTime<Utc>, zone: Tz, precision: Precision) -> Option<(String, String)> {
    let there = at.with_timezone(&zone);
    let place = zone.name().rsplit('/').next().unwrap_or_default().replace('_', " ");
    let clock = clock(&there.naive_local(), precision);
    let other_day = there.date_naive() != at.date_naive() && precision != Precision::Day;
    let clock = if other_day { format!("{} {clock}", there.format("%-d %b")) } else { clock };
    (!matches!(zone, Tz::UTC | Tz::Etc__UTC)).then_some((clock, place))
}

fn clock(at: &chrono::NaiveDateTime, precision: Precision) -> String {
    match precision {
        Precision::Second | Precision::Minute | Precision::Unknown => at.format("%H:%M").to_string(),
        Precision::Hour => at.format("~%H:%M").to_string(),
        Precision::Day => at.format("%-d %b").to_string(),
    }
}

fn badge(mark: &Mark) -> (&'static str, &'static str) {
    match mark {
        Mark::Pinned => ("pinned", "Pinned"),
        Mark::KeyEvent => ("key", "Key event"),
        Mark::Summary => ("summary", "Summary"),
        Mark::Breaking => ("breaking", "Breaking"),
    }
}
