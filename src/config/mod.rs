//! What a user sets: `config.toml` and the story files in `seeds/`.
//!
//! Unknown keys are refused, and every mistake is told at once, with file, line, column and what to write instead.

mod access;
mod document;
mod hub;
mod live_blog;
mod mistake;
mod outlet;
mod sink;
mod store;
mod story;
mod topic;
mod value;

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

pub use access::{Access, Secret, Token};
pub use hub::HubSettings;
pub use live_blog::Followed;
pub use mistake::Mistake;
pub use sink::{SigningKey, Sink};
pub use story::{Seed, Story, load_stories};
pub use topic::Topic;
pub use value::web_address;

use crate::fetch::FetchSettings;
use crate::log;
use crate::outlet::Configured;
use crate::store::KeepCaptures;
use document::Table;

/// A `config.toml` that holds every key with its default, commented: what `tidings init` writes.
pub const TEMPLATE: &str = include_str!("../../config.toml");

const SECOND: Duration = Duration::from_secs(1);
/// More often is not polite; more seldom is not following.
const EVERY: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_secs(7 * 24 * 3600);
/// How often a busy live blog is fetched at most.
const MIN_EVERY: Duration = Duration::from_secs(60);
/// How far back a live blog is read that runs over several pages.
const OLDER_PAGES: u32 = 10;
const MOST_OLDER_PAGES: u32 = 200;
const TIMEOUT: RangeInclusive<Duration> = SECOND..=Duration::from_secs(600);
const GAP: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(60);
const MAX_BODY: RangeInclusive<u64> = (64 << 10)..=(256 << 20);

/// Everything a user can set, with defaults for what is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Address and port the server listens on.
    pub listen: SocketAddr,
    /// The SQLite file that keeps the entries.
    pub store: PathBuf,
    /// How much is kept of the pages that the entries were read from.
    pub keep_captures: KeepCaptures,
    /// The address under which readers reach the server, ending in `/`. None: as `listen` says.
    pub base_url: Option<Url>,
    /// Who may read, and what is believed of whom.
    pub access: Access,
    /// How the log is written.
    pub log_format: log::Format,
    /// Whether each request is logged.
    pub log_requests: bool,
    /// Folder of the story files a fresh store is filled with.
    pub seeds: PathBuf,
    /// How often a live blog is fetched at least, while it is live, that does not say so itself.
    pub every: Duration,
    /// How often one is fetched at most.
    pub min_every: Duration,
    /// How many older pages of one are read.
    pub older_pages: u32,
    /// How pages are fetched; the user agent is in it.
    pub fetch: FetchSettings,
    /// Outlets that are read by selectors, beside the built-in ones.
    pub outlets: Vec<Configured>,
    /// The live blogs to follow.
    pub live_blogs: Vec<Followed>,
    /// Which of them are about one event.
    pub topics: Vec<Topic>,
    /// Where changes are posted to.
    pub sinks: Vec<Sink>,
    /// The WebSub hub.
    pub hub: HubSettings,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            store: "tidings.db".into(),
            keep_captures: KeepCaptures::default(),
            base_url: None,
            access: Access::default(),
            log_format: log::Format::default(),
            log_requests: false,
            seeds: "seeds".into(),
            every: Duration::from_secs(300),
            min_every: MIN_EVERY,
            older_pages: OLDER_PAGES,
            fetch: FetchSettings::default(),
            outlets: Vec::new(),
            live_blogs: Vec::new(),
            topics: Vec::new(),
            sinks: Vec::new(),
            hub: HubSettings::default(),
        }
    }
}

impl Config {
    /// Reads `path`; `outlets` are the slugs of the built-in outlets. Relative paths in it start from its folder.
    pub fn load(path: &Path, outlets: &[&str]) -> Result<Config, Vec<Mistake>> {
        let folder = path.parent().unwrap_or(Path::new(""));
        document::read(path, |top| Config::read(top, folder, outlets))
    }

    fn read(top: &mut Table, folder: &Path, outlets: &[&str]) -> Config {
        let mut config = Config::default();
        set(&mut config.listen, top.text("listen", value::listen_address));
        let (path, keep) = store::read(top);
        set(&mut config.store, path);
        config.keep_captures = keep;
        config.store = folder.join(&config.store);
        config.base_url = top.text("base_url", value::base_address);
        config.access = access::read(top);
        set(&mut config.log_format, top.text("log_format", value::log_format));
        set(&mut config.log_requests, top.flag("log_requests"));
        set(&mut config.fetch.user_agent, top.text("user_agent", value::user_agent));
        config.fetch.contact = top.text("contact", value::contact);
        set(&mut config.seeds, top.text("seeds", |text| value::not_empty(text).map(PathBuf::from)));
        config.seeds = folder.join(&config.seeds);
        if top.has("seeds") && !config.seeds.is_dir() {
            top.mistake("seeds", format!("there is no folder `{}`: make it, or leave the key out", config.seeds.display()));
        }
        set(&mut config.every, top.text("every", |text| value::duration(text, EVERY)));
        config.min_every = min_every(top, config.min_every, config.every);
        set(&mut config.older_pages, top.number("older_pages", 0, MOST_OLDER_PAGES));

        let mut fetch = top.table("fetch");
        set(&mut config.fetch.connect_timeout, fetch.text("connect_timeout", |text| value::duration(text, TIMEOUT)));
        set(&mut config.fetch.header_timeout, fetch.text("header_timeout", |text| value::duration(text, TIMEOUT)));
        set(&mut config.fetch.timeout, fetch.text("timeout", |text| value::duration(text, TIMEOUT)));
        let size = |bytes: Option<u64>| bytes.and_then(|bytes| usize::try_from(bytes).ok());
        set(&mut config.fetch.max_wire, size(fetch.text("max_wire", |text| value::size(text, MAX_BODY))));
        set(&mut config.fetch.max_body, size(fetch.text("max_body", |text| value::size(text, MAX_BODY))));
        set(&mut config.fetch.max_redirects, fetch.number("max_redirects", 0, 20).map(|n| n as usize));
        set(&mut config.fetch.gap, fetch.text("gap", |text| value::duration(text, GAP)));
        set(&mut config.fetch.at_once, fetch.number("at_once", 1, 64).map(|n| n as usize));
        fetch.finish();

        config.outlets = outlet::read(top, outlets);
        let named: Vec<&str> =
            outlets.iter().copied().chain(config.outlets.iter().map(|outlet| outlet.slug.as_str())).collect();
        config.live_blogs = live_blog::read(top, &config, &named);
        config.topics = topic::read(top);
        config.sinks = sink::read(top);
        config.hub = hub::read(top);
        config
    }
}

/// The `min_every` of a table. One that is not given gives way to a shorter `every`; one that is given must not pass it.
fn min_every(table: &mut Table, default: Duration, every: Duration) -> Duration {
    let given = table.text("min_every", |text| value::duration(text, EVERY));
    if given.is_some_and(|given| given > every) {
        table.mistake("min_every", "must not be longer than `every`");
    }
    given.unwrap_or(default).min(every)
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The template with its settings switched on. Prose in it has a space behind the `#` and no key.
    fn uncommented() -> String {
        let setting = |line: &str| {
            let rest = line.strip_prefix("# ")?;
            let key = rest.split(['=', ' ']).next()?;
            let set =
                rest.starts_with('[') || (rest.contains(" = ") && key.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            set.then(|| rest.to_owned())
        };
        TEMPLATE.lines().map(|line| setting(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
    }

    fn load(folder: &Path, text: &str) -> Result<Config, Vec<Mistake>> {
        let path = folder.join("config.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path, &["independent", "sputnik"])
    }

    fn defaults_in(folder: &Path) -> Config {
        Config { store: folder.join("tidings.db"), seeds: folder.join("seeds"), ..Config::default() }
    }

    #[test]
    fn the_template_as_it_is_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path(), TEMPLATE), Ok(defaults_in(folder.path())));
        assert_eq!(load(folder.path(), ""), Ok(defaults_in(folder.path())));
    }

    #[test]
    fn the_template_holds_every_key_with_its_default() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("seeds")).unwrap();
        let text = uncommented();
        let mut config = load(folder.path(), &text).unwrap();

        let example = Followed {
            outlet: Some("independent".into()),
            title: config.live_blogs[0].title.clone(),
            ..Followed::new(config.live_blogs[0].url.clone(), Config::default().every)
        };
        assert!(example.title.is_some());
        assert_eq!(std::mem::take(&mut config.live_blogs), [example], "the one example");
        let [topic] = &std::mem::take(&mut config.topics)[..] else { panic!("one example") };
        assert_eq!((topic.name.as_str(), topic.live_blogs.len()), ("storm-over-the-lake", 2));
        assert!(config.base_url.take().is_some(), "an example, as it has no default");
        let access = std::mem::take(&mut config.access);
        assert!(access.admin_listen.is_some() && access.admin_token.is_some(), "examples, as they have no default");
        assert_eq!((access.trusted_proxies.len(), access.tokens.len()), (2, 1));
        assert!(config.fetch.contact.take().is_some(), "an example, as it has no default");
        assert!(config.keep_captures.age.take().is_some(), "an example, as it has no default");
        let [sink] = &std::mem::take(&mut config.sinks)[..] else { panic!("one example") };
        assert_eq!((sink.selection.kinds.len(), sink.selection.blogs.len(), sink.allow_private), (2, 1, false));
        let [outlet] = &std::mem::take(&mut config.outlets)[..] else { panic!("one example") };
        assert_eq!((outlet.slug.as_str(), outlet.name.as_str()), ("the-daily-example", "The Daily Example"));
        assert_eq!(outlet.selectors.published.to_string(), "time[datetime]@datetime");
        assert_eq!(config, defaults_in(folder.path()));

        let asked =
            document::keys_asked(Path::new("config.toml"), &text, |top| Config::read(top, folder.path(), &["independent"]));
        let mut table = "";
        let mut held = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            match line.split_once(" = ") {
                None => {
                    table = line.trim_matches(['[', ']']);
                    held.push(table.to_owned());
                }
                Some((key, _)) if table.is_empty() => held.push(key.to_owned()),
                Some((key, value)) => {
                    held.push(format!("{table}.{key}"));
                    let inner = value.strip_prefix("{ ").and_then(|value| value.strip_suffix(" }"));
                    let inner =
                        inner.into_iter().flat_map(|pairs| pairs.split(", ")).filter_map(|pair| pair.split_once(" = "));
                    held.extend(inner.map(|(inner, _)| format!("{key}.{inner}")));
                }
            }
        }
        held.sort();
        assert_eq!(held, asked.into_iter().collect::<Vec<_>>());
    }
    /// Each mistake as it is shown, without the folder.
    fn mistakes(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let prefix = format!("{}/", folder.path().display());
        load(folder.path(), text).unwrap_err().iter().map(|mistake| mistake.to_string().replace(&prefix, "")).collect()
    }

    #[test]
    fn every_mistake_is_told_at_once_in_file_order() {
        let text = r#"listen = "localhost"
store = 5
sedes = "seeds"
every = "5 minits"
base_url = "feeds.example.org"
user_agent = "tidíngs"
seeds = "nowhere"
timeout = "30s"

[fetch]
connect_timeout = "0s"
max_body = "10 megs"
  max_redirects = 99
max_redirect = 5

[[live_blog]]
url = "https://news.example/a"
outlet = "sputnk"
every = "5s"
intervall = "5m"

[[live_blog]]
url = "https://news.example/a#post-7"
outlet = "guardian"

[[live_blog]]
title = ""

[[live_blog]]
url = "ftp://news.example/a"
"#;
        assert_eq!(
            mistakes(text),
            [
                r#"config.toml:1:10: listen: `localhost` is not an address with a port: write for example "127.0.0.1:8080" or "[::1]:8080""#,
                "config.toml:2:9: store: must be text in quotes, found the number 5",
                "config.toml:3:1: unknown key `sedes`: did you mean `seeds`?",
                r#"config.toml:4:9: every: `5 minits` is not a duration: write a number and a unit, for example "90s", "5m" or "2h""#,
                r#"config.toml:5:12: base_url: `feeds.example.org` has no https:// in front: write it in full, for example "https://news.example/world/live-blog""#,
                "config.toml:6:14: user_agent: `tidíngs` can't be sent in a header: use ASCII letters, digits and signs only",
                "config.toml:7:9: seeds: there is no folder `nowhere`: make it, or leave the key out",
                "config.toml:8:1: unknown key `timeout`: it belongs in the table `fetch`",
                r#"config.toml:11:19: connect_timeout: `0s` is out of range: write a duration from "1s" to "10m""#,
                r#"config.toml:12:12: max_body: `10 megs` is not a size: write a number and a unit, for example "10 MiB" or "512 KiB""#,
                "config.toml:13:19: max_redirects: 99 is out of range: write a number from 0 to 20",
                "config.toml:14:1: unknown key `max_redirect` in `fetch`: did you mean `max_redirects`?",
                "config.toml:18:10: outlet: unknown outlet `sputnk`: did you mean `sputnik`?",
                r#"config.toml:19:9: every: `5s` is out of range: write a duration from "10s" to "7d""#,
                "config.toml:20:1: unknown key `intervall` in `live_blog`: the keys are `url`, `outlet`, `every`, `min_every`, `older_pages`, `title`, `allow_private`",
                "config.toml:23:7: url: `https://news.example/a` stands on line 17 already",
                "config.toml:24:10: outlet: unknown outlet `guardian`: the outlets are `independent`, `sputnik`",
                "config.toml:26:1: missing key `url` in [[live_blog]]",
                "config.toml:27:9: title: must not be empty: leave the key out for its default",
                r#"config.toml:30:7: url: `ftp://news.example/a` is not a web address, only http:// and https:// are: write it in full, for example "https://news.example/world/live-blog""#,
            ]
        );
    }

    #[test]
    fn a_wrong_shape_is_told() {
        assert_eq!(
            mistakes("live_blog = 3"),
            ["config.toml:1:13: live_blog: found a number: write [[live_blog]], in two pairs of brackets, above each one"]
        );
        assert_eq!(
            mistakes("[live_blog]\nurl = \"https://news.example/\""),
            ["config.toml:1:1: live_blog: found a table: write [[live_blog]], in two pairs of brackets, above each one"]
        );
        assert_eq!(mistakes("live_blog = [1]"), ["config.toml:1:14: live_blog: must be tables, found a number"]);
        assert_eq!(
            mistakes("fetch = true"),
            ["config.toml:1:9: fetch: must be a table, written [fetch], found true or false"]
        );
        assert_eq!(mistakes("every = 300"), ["config.toml:1:9: every: must be text in quotes, found the number 300"]);
        assert_eq!(
            mistakes("[fetch]\nmax_redirects = \"5\""),
            ["config.toml:2:17: max_redirects: must be a whole number without quotes, found text"]
        );
    }

    #[test]
    fn a_store_is_a_file_or_a_table() {
        let read = |text: &str| {
            let folder = tempfile::tempdir().unwrap();
            let config = load(folder.path(), text).unwrap();
            (config.store.strip_prefix(folder.path()).unwrap().to_owned(), config.keep_captures)
        };
        let gib = |size: u64| Some(size << 30);
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        for (text, path, age, bytes) in [
            ("store = \"a.db\"", "a.db", None, gib(2)),
            ("[store]\npath = \"a.db\"", "a.db", None, gib(2)),
            ("[store]", "tidings.db", None, gib(2)),
            ("[store]\nkeep_captures = { age = \"90d\" }", "tidings.db", days(90), None),
            ("[store]\nkeep_captures = { size = \"5 GiB\" }", "tidings.db", None, gib(5)),
            ("[store]\nkeep_captures = {}", "tidings.db", None, None),
            ("[store.keep_captures]\nage = \"1d\"\nsize = \"1 GiB\"", "tidings.db", days(1), gib(1)),
            ("store.keep_captures = 0", "tidings.db", None, Some(0)),
        ] {
            assert_eq!(read(text), (path.into(), KeepCaptures { age, bytes }), "{text}");
        }
        let text = "[store]\npat = \"a.db\"\nkeep_captures = { age = \"5 minits\", sice = \"1 GiB\", size = \"1 KiB\" }";
        assert_eq!(
            mistakes(text),
            [
                "config.toml:2:1: unknown key `pat` in `store`: did you mean `path`?",
                r#"config.toml:3:25: age: `5 minits` is not a duration: write a number and a unit, for example "90s", "5m" or "2h""#,
                "config.toml:3:37: unknown key `sice` in `keep_captures`: did you mean `size`?",
                r#"config.toml:3:60: size: `1 KiB` is out of range: write a size from "1 MiB" to "1024 GiB""#,
            ]
        );
        for wrong in ["1", "\"none\"", "false"] {
            assert_eq!(
                mistakes(&format!("[store]\nkeep_captures = {wrong}")),
                [
                    r#"config.toml:2:17: keep_captures: write { age = "90d", size = "2 GiB" }, or one of the two, or 0 for none"#
                ]
            );
        }
    }

    #[test]
    fn what_is_not_toml_is_told_with_its_place_and_nothing_is_guessed_from_the_rest() {
        assert_eq!(mistakes("every = \"5m\"\nlisten = 127.0.0.1:8080\nnonsense = 1\n").len(), 1);
        for (text, line) in
            [("a = ", 1), ("\n\n[fetch", 3), ("store = \"a\"\nstore = \"b\"", 2), ("x = \"\n\n", 1), ("\u{FEFF}\n=", 2)]
        {
            let told = mistakes(text);
            assert!(
                told[0].starts_with(&format!("config.toml:{line}:")) && told[0].contains("not TOML: "),
                "{text:?}: {told:?}"
            );
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, b"store = \"a\"\n# caf\xE9\n").unwrap();
        let told = Config::load(&path, &[]).unwrap_err();
        assert_eq!((told.len(), told[0].line, told[0].column), (1, 2, 6), "{}", told[0]);
        let told = Config::load(&folder.path().join("none.toml"), &[]).unwrap_err();
        assert!(told[0].to_string().contains("none.toml: can't be read: "), "{}", told[0]);
    }

    #[test]
    fn a_whole_config() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"
            listen = "[::1]:9000"
            store = "/var/lib/tidings.db"
            base_url = "https://feeds.example.org/news"
            every = "2m"
            fetch.timeout = "1m"
            [[live_blog]]
            url = "https://news.example/a#latest"
            [[live_blog]]
            url = "https://news.example/b"
            outlet = "sputnik"
            every = "1h 30m"
            title = " B "
        "#;
        let config = load(folder.path(), text).unwrap();
        assert_eq!(config.listen.to_string(), "[::1]:9000");
        assert_eq!(config.store, Path::new("/var/lib/tidings.db"));
        assert_eq!(config.base_url.unwrap().as_str(), "https://feeds.example.org/news/");
        assert_eq!(config.fetch.timeout, Duration::from_secs(60));
        let [a, b] = &config.live_blogs[..] else { panic!("{:?}", config.live_blogs) };
        assert_eq!((a.url.as_str(), &a.outlet, a.every.as_secs(), &a.title), ("https://news.example/a", &None, 120, &None));
        assert_eq!((b.outlet.as_deref(), b.every.as_secs(), b.title.as_deref()), (Some("sputnik"), 5_400, Some("B")));
    }
}
