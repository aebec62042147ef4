//! `tidings init`, `tidings check` and the help: what a user reads before anything runs.

use super::run;

#[test]
fn check_names_every_mistake_with_its_line_and_the_nearest_key() {
    let folder = tempfile::tempdir().unwrap();
    let config = r#"lisen = "127.0.0.1:9000"
every = "5 minits"

[fetch]
max_redirect = 3

[[live_blog]]
url = "https://www.independent.co.uk/news/a-b1987889.html"
outlet = "independant"
"#;
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    let done = run(folder.path(), ["check"]).refused(&["4 mistakes"]);
    let lines: Vec<&str> = done.stderr.lines().collect();
    for (line, place, hint) in [
        (lines[0], "config.toml:1:1: ", "`listen`"),
        (lines[1], "config.toml:2:9: ", "\"5m\""),
        (lines[2], "config.toml:5:1: ", "`max_redirects`"),
        (lines[3], "config.toml:9:10: ", "`independent`"),
    ] {
        assert!(line.starts_with(place) && line.contains(hint), "{line}");
    }
    assert_eq!(lines.len(), 5);

    // The same mistakes stop everything else before it begins.
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["refresh"], &["fetch", "http://127.0.0.1:9/a"]] {
        run(folder.path(), command).refused(&["config.toml:1:1: ", "config.toml:9:10: ", "4 mistakes of config.toml"]);
    }
    assert!(!folder.path().join("tidings.db").exists());
}

#[test]
fn check_reads_the_seeds_too() {
    let folder = tempfile::tempdir().unwrap();
    let seeds = folder.path().join("seeds");
    std::fs::create_dir(&seeds).unwrap();
    let story = "title = \"Storm\"\n[[live_blog]]\nurl = \"https://sputniknews.com/20220110/a-1092147360.html\"\n\
        outlet = \"sputnik\"\ncaptured = 2022-01-10T19:05:00Z\ncapture = \"storm/sputnik.txt\"\n";
    std::fs::write(seeds.join("storm.toml"), story).unwrap();
    let done = run(folder.path(), ["check"]).refused(&["storm.toml:6:", "there is no file", "1 mistake"]);
    assert_eq!(done.stderr.lines().count(), 2);
    run(folder.path(), ["serve", "--listen", "127.0.0.1:0"]).refused(&["storm.toml:6:", "1 mistake in seeds"]);

    // A mistake in each of both files: both are named.
    std::fs::write(folder.path().join("config.toml"), "store = 3\n").unwrap();
    run(folder.path(), ["check"]).refused(&["config.toml:1:9: ", "storm.toml:6:", "2 mistakes"]);

    std::fs::remove_file(folder.path().join("config.toml")).unwrap();
    std::fs::create_dir(seeds.join("storm")).unwrap();
    std::fs::copy(super::fixture("sputnik/text-newest-first"), seeds.join("storm/sputnik.txt")).unwrap();
    let fine = run(folder.path(), ["check"]).fine();
    assert!(fine.stdout.contains("1 in seeds") || fine.stdout.contains("1 live blog in seeds"), "{fine:?}");
}

#[test]
fn check_answers_for_the_projects_own_files() {
    let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let done = run(project, ["check"]).fine();
    assert!(done.stdout.contains("config.toml is fine"), "{done:?}");
}

#[test]
fn a_config_that_is_named_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&["check"][..], &["refresh"], &["serve", "--listen", "127.0.0.1:0"]] {
        let arguments = command.iter().chain(&["--config", "none.toml"]);
        run(folder.path(), arguments).refused(&["none.toml: can't be read"]);
    }
}

/// `init` writes what `check` finds fine, and never over anything.
#[test]
fn init_writes_a_config_once() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let done = run(folder.path(), ["init"]).fine();
    assert!(done.stdout.contains("config.toml") && done.stdout.contains("[[live_blog]]"), "{done:?}");
    let written = std::fs::read_to_string(&config).unwrap();
    assert!(written.lines().all(|line| line.is_empty() || line.starts_with('#')), "everything is switched off");
    for key in ["listen", "path", "keep_captures", "base_url", "user_agent", "seeds", "every", "url", "outlet", "title"] {
        assert!(written.contains(&format!("# {key} = ")), "{key}");
    }
    assert!(run(folder.path(), ["check"]).fine().stdout.contains("config.toml is fine"));

    std::fs::write(&config, "every = \"1h\" # mine\n").unwrap();
    run(folder.path(), ["init"]).refused(&["config.toml is already there"]);
    assert_eq!(std::fs::read_to_string(&config).unwrap(), "every = \"1h\" # mine\n");
    run(folder.path(), ["init", "other.toml"]).fine();
    run(folder.path(), ["check", "--config", "other.toml"]).fine();
    run(folder.path(), ["init", "none/config.toml"]).refused(&["can't write none/config.toml"]);
}

#[test]
fn the_help_of_a_command_holds_an_example_and_its_exit_statuses() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["parse", "fetch", "serve", "refresh", "check"] {
        let help = run(folder.path(), [command, "--help"]).fine().stdout;
        let (_, statuses) = help.split_once("Exit status: 0 ").unwrap_or_else(|| panic!("{help}"));
        assert!(statuses.contains("; 2 "), "{command}: {statuses}");
        let (_, example) = help.split_once("Example").unwrap();
        assert!(example.contains(&format!("tidings {command}")), "{command}: {example}");
        // `-h` is shorter and tells of the statuses too.
        assert!(run(folder.path(), [command, "-h"]).fine().stdout.contains("Exit status: 0 "));
    }
    assert!(run(folder.path(), ["init", "--help"]).fine().stdout.contains("tidings init"));
    let help = run(folder.path(), ["--help"]).fine().stdout;
    for command in ["parse", "fetch", "serve", "refresh", "check", "init"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command}");
    }
    assert_eq!(run(folder.path(), ["--version"]).fine().stdout, concat!("tidings ", env!("CARGO_PKG_VERSION"), "\n"));
}
