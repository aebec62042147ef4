//! Invariants of the sources themselves. One that is only written down is a wish.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tidings::adapters::OUTLETS;

/// Which of our modules each module may name: imports point inward.
const INWARD: [(&str, &[&str]); 31] = [
    // Of the program alone.
    ("allocator", &[]),
    ("model", &[]),
    ("page", &[]),
    ("identity", &[]),
    ("internet", &[]),
    ("revision", &[]),
    ("charset", &["model", "page"]),
    ("time", &["model", "page"]),
    ("html", &["model", "internet", "css"]),
    ("text", &[]),
    ("schema_org", &["model", "time", "html", "css"]),
    // An outlet is recognised among the adapters, and an adapter is an outlet: the one circle, inside the core.
    ("outlet", &["model", "page", "identity", "time", "html", "text", "schema_org", "adapters", "css"]),
    ("adapters", &["model", "page", "time", "html", "text", "schema_org", "outlet", "css"]),
    ("feed", &["model"]),
    ("reconcile", &["model", "identity", "time"]),
    ("wall", &["page", "html"]),
    ("rhythm", &["model"]),
    ("norm", &["model"]),
    ("story", &["model"]),
    // What an `[[outlet]]` table holds is compiled while the place of a mistake is known.
    ("config", &["fetch", "html", "log", "outlet", "store", "time"]),
    ("background", &[]),
    ("log", &[]),
    ("metrics", &[]),
    ("fetch", &["internet", "page"]),
    ("saved", &["page"]),
    ("store", &["model", "identity", "reconcile", "rhythm", "norm", "story"]),
    (
        "follow",
        &[
            "background",
            "model",
            "page",
            "outlet",
            "config",
            "fetch",
            "store",
            "reconcile",
            "wall",
            "rhythm",
            "norm",
            "metrics",
        ],
    ),
    ("replay", &["page", "follow", "reconcile", "store"]),
    ("push", &["model", "reconcile", "config", "fetch", "metrics", "store"]),
    (
        "server",
        &["background", "push", "internet", "model", "identity", "revision", "config", "feed", "store", "story", "metrics"],
    ),
    (
        "cli",
        &[
            "model",
            "page",
            "identity",
            "outlet",
            "adapters",
            "feed",
            "config",
            "fetch",
            "saved",
            "store",
            "follow",
            "replay",
            "server",
            "reconcile",
            "log",
            "rhythm",
            "norm",
            "metrics",
            "push",
        ],
    ),
];

/// Outside crates that only these modules may name.
const ROOMS: [(&str, &[&str]); 32] = [
    ("scraper", &["html"]),
    ("ammonia", &["html"]),
    ("html5ever", &["html"]),
    ("ego_tree", &["html"]),
    ("encoding_rs", &["charset"]),
    ("rss", &["feed"]),
    ("atom_syndication", &["feed"]),
    ("reqwest", &["fetch"]),
    ("rustls", &["fetch"]),
    ("zstd", &["fetch", "store"]),
    ("sqlx", &["store"]),
    ("axum", &["server"]),
    ("hyper", &["server"]),
    ("askama", &["server"]),
    ("plotters", &["server"]),
    ("similar", &["revision"]),
    ("txtfp", &["story"]),
    // What is answered with describes itself.
    ("utoipa", &["model", "reconcile", "revision", "store", "push", "server"]),
    ("toml", &["config"]),
    ("clap", &["cli", "main"]),
    ("warc", &["saved"]),
    ("httparse", &["saved"]),
    ("glob", &["saved"]),
    ("rayon", &["cli"]),
    ("indicatif", &["cli"]),
    ("rustix", &["background", "server", "cli"]),
    ("subtle", &["server"]),
    ("hmac", &["push"]),
    ("getrandom", &["push"]),
    ("ipnet", &["config", "server"]),
    ("prometheus_client", &["metrics"]),
    ("tracing_subscriber", &["log", "main"]),
];

/// Nothing in these reads a clock, waits, or touches a file or the network.
const PURE: [&str; 18] = [
    "model",
    "page",
    "identity",
    "internet",
    "revision",
    "charset",
    "time",
    "html",
    "text",
    "schema_org",
    "outlet",
    "adapters",
    "feed",
    "reconcile",
    "wall",
    "rhythm",
    "norm",
    "story",
];
const IMPURE: [&str; 11] = [
    "std::fs",
    // An address is a value; what opens a socket or asks for a name is not.
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "std::env",
    "Utc::now",
    "SystemTime",
    "Instant::now",
    "tokio",
    "async fn",
];

struct Source {
    /// The top-level module.
    module: String,
    path: PathBuf,
    /// Its lines, tests and comments left out.
    lines: Vec<(usize, String)>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    found.sort();
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    files(&root().join("src"), "rs", &mut paths);
    paths.retain(|path| !path.to_string_lossy().ends_with("tests.rs"));
    let sources = paths.into_iter().map(|path| {
        let relative = path.strip_prefix(root().join("src")).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let tests = text.find("#[cfg(test)]").unwrap_or(text.len());
        let code = |line: &str| !line.trim_start().starts_with("//");
        let lines = text[..tests].lines().enumerate().filter(|(_, line)| code(line));
        let lines = lines.map(|(number, line)| (number + 1, line.to_owned())).collect();
        Source { module: first.trim_end_matches(".rs").to_owned(), lines, path }
    });
    sources.collect()
}

/// Whether a line names a path that begins with `name::`.
fn names(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' && !line[..at].ends_with(" ::"))
    })
}

/// The modules of ours that a line names with `crate::`, groups included.
fn named(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            Some(group) => found.extend(group.split(',').map(|part| word(part.trim()))),
            None => found.push(word(rest)),
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

#[test]
fn imports_point_inward() {
    let allowed: BTreeMap<&str, &[&str]> = INWARD.into_iter().collect();
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !matches!(source.module.as_str(), "lib" | "main")) {
        let may = allowed.get(source.module.as_str()).unwrap_or_else(|| panic!("{} is not in the table", source.module));
        for (number, line) in &source.lines {
            for name in named(line) {
                if name != source.module && !may.contains(&name.as_str()) && name != "css" {
                    wrong.push(format!("{}:{number}: `{}` may not name `{name}`", source.path.display(), source.module));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn outside_crates_keep_to_their_rooms() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (number, line) in &source.lines {
            for (name, rooms) in ROOMS {
                if names(line, name) && !rooms.contains(&source.module.as_str()) {
                    wrong.push(format!("{}:{number}: `{name}` belongs in {rooms:?}", source.path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| PURE.contains(&source.module.as_str())) {
        for (number, line) in &source.lines {
            for impure in IMPURE.iter().filter(|impure| line.contains(**impure)) {
                wrong.push(format!("{}:{number}: `{impure}` in the core", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn statuses_of_errors_are_in_one_file() {
    // What an outlet answers is read in `fetch`; what we answer is decided in one place.
    let ours = |source: &&Source| source.module != "fetch" && !source.path.ends_with("server/error.rs");
    for source in sources().iter().filter(ours) {
        for (number, line) in &source.lines {
            let error = ["BAD_REQUEST", "NOT_FOUND", "INTERNAL_SERVER_ERROR", "METHOD_NOT_ALLOWED"];
            let named = error.iter().find(|status| line.contains(&format!("StatusCode::{status}")));
            assert!(named.is_none(), "{}:{number}: {named:?} belongs in server/error.rs", source.path.display());
        }
    }
}

/// `src/adapters/<slug>.rs`, the registry, `fixtures/outlets/<slug>/` and the feed path spell one word.
#[test]
fn adapters_fixtures_and_paths_agree() {
    let slugs: Vec<&str> = OUTLETS.iter().map(|outlet| outlet.slug).collect();
    let mut sorted = slugs.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(slugs, sorted, "the registry is sorted, each slug once");
    // `any` is what an outlet that nobody wrote an adapter for is read by: it stands for no outlet, so not in the registry.
    let slugs: BTreeSet<String> = slugs.into_iter().chain(["any"]).map(str::to_owned).collect();
    for slug in &slugs {
        let plain = slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        assert!(plain && !slug.is_empty() && slug.len() <= 64, "`{slug}` is part of a path");
    }
    let mut files_of_adapters = Vec::new();
    for entry in std::fs::read_dir(root().join("src/adapters")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("mod.rs") {
            files_of_adapters.push(path.file_stem().unwrap().to_string_lossy().replace('_', "-"));
        }
    }
    assert_eq!(files_of_adapters.into_iter().collect::<BTreeSet<_>>(), slugs, "one file for each outlet");
    let folders = std::fs::read_dir(root().join("fixtures/outlets")).unwrap();
    let folders: BTreeSet<String> = folders.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(folders, slugs, "one folder of cases for each outlet");
}

/// Names of drawers: a file of that name has no subject.
#[test]
fn no_file_is_a_drawer() {
    for source in sources() {
        let name = source.path.file_stem().unwrap().to_string_lossy().into_owned();
        for drawer in ["util", "utils", "common", "helper", "helpers", "misc", "manager"] {
            assert_ne!(name, drawer, "{}", source.path.display());
        }
    }
}

#[test]
fn long_files_have_a_reason() {
    let mut paths = Vec::new();
    files(&root().join("src"), "rs", &mut paths);
    for path in paths {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 500, "{}: {lines} lines; split it, or say here and in ARCHITECTURE.md why not", path.display());
    }
}

/// The project speaks of itself alone: no path of anybody's machine.
#[test]
fn no_machine_paths() {
    let mut paths = Vec::new();
    for (folder, extension) in [("src", "rs"), ("tests", "rs"), ("fixtures", "toml"), ("seeds", "toml"), (".", "md")] {
        if folder == "." {
            paths.extend(
                std::fs::read_dir(root())
                    .unwrap()
                    .map(|entry| entry.unwrap().path())
                    .filter(|path| path.is_file() && !path.ends_with(".git")),
            );
        } else {
            files(&root().join(folder), extension, &mut paths);
        }
    }
    let machine = ["/ho", "/ro", "/wo"].into_iter().zip(["me/", "ot/", "rk/"]).map(|(one, two)| format!("{one}{two}"));
    let machine: Vec<String> = machine.collect();
    for path in paths.iter().filter(|path| path.extension().is_none_or(|extension| extension != "lock")) {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            for found in
                machine.iter().filter(|found| line.contains(found.as_str()) && !line.contains(&format!("http{found}")))
            {
                let in_address = line.contains("://");
                assert!(in_address, "{}:{}: `{found}`", path.display(), number + 1);
            }
        }
    }
}
