//! What a client may send that no reader would: paths that climb out of a folder, requests that two servers take for different
//! ones, line ends in an address, queries with nonsense in them, headers that try to get into somebody else's copy.
//!
//! The real program answers on a real socket, from a store that is filled from the seeds. Each answer is judged by [`wrong`],
//! which has to say no to a server that reads what it is told to.

mod queries;

use super::{full, say, wire};
use crate::cli::Serving;
use crate::corpus;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};
use wire::{Answer, Wire, escaped};

/// Stands in files that nobody may read: beside the store, and above it.
const CANARY: &str = "c0ffee-nobody-may-read-this-c0ffee";
/// A path that is only ever asked for inside of something else.
const SMUGGLED: &str = "/smuggled-c0ffee";
/// How long an answer may take at most on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(5);

/// What no answer to a request from outside may be.
fn wrong(answer: &Answer) -> Option<String> {
    if !(200..500).contains(&answer.status) {
        return Some(format!("the status {}", answer.status));
    }
    let body = String::from_utf8_lossy(&answer.body);
    for content in [CANARY, "root:x:0:0:", "[package]", "[boot loader]"] {
        if body.contains(content) {
            return Some(format!("what stands in a file: {content}"));
        }
    }
    if body.contains(SMUGGLED) {
        return Some("an answer to a request within a request".into());
    }
    // No address here leads on but that of an entry which has another id, and that of the timeline to its own tidy spelling;
    // none sets a cookie.
    let tidied = |to: &&str| to.strip_prefix("./").is_some_and(|query| query.is_empty() || query.starts_with('?'));
    let led = answer.header("location").filter(|to| !to.contains("/entries/") && !tidied(to));
    if let Some(to) = led.or(answer.header("set-cookie")).or(answer.header("crlf")) {
        return Some(format!("a header of the client's own making: {to}"));
    }
    let known = |name: &String| HEADERS.contains(&name.as_str());
    answer.names().into_iter().find(|name| !known(name)).map(|name| format!("the header `{name}`"))
}

/// All headers that we send.
const HEADERS: [&str; 20] = [
    "accept-patch",
    "allow",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "etag",
    "im",
    "last-modified",
    "link",
    "location",
    "referrer-policy",
    "retry-after",
    "tidings-checked",
    "vary",
    "www-authenticate",
    "x-content-type-options",
];

/// A server with the project's seeds in its store, and files beside it that are not for reading.
fn serving(settings: &str) -> (tempfile::TempDir, Serving) {
    let folder = tempfile::tempdir().unwrap();
    let within = folder.path().join("within");
    std::fs::create_dir(&within).unwrap();
    for place in [folder.path(), &within] {
        std::fs::write(place.join("secret.txt"), CANARY).unwrap();
    }
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    std::fs::write(within.join("config.toml"), format!("{settings}seeds = '{}'\n", seeds.display())).unwrap();
    let serving = Serving::start(&within, &[]);
    (folder, serving)
}

/// The paths of the lists of others, or a few of our own where those are not at hand.
fn traversals(folder: &Path) -> Vec<Vec<u8>> {
    let own = ["../../secret.txt", "..%2fsecret.txt", "%2e%2e/%2e%2e/secret.txt", "..\\secret.txt", "....//secret.txt"];
    let mut all: Vec<Vec<u8>> = own.iter().map(|path| path.as_bytes().to_vec()).collect();
    all.push(format!("{}/secret.txt", folder.display()).into_bytes());
    let Some(corpus) = corpus::folder("no_path_leads_to_a_file") else { return all };
    let mut files: Vec<_> =
        std::fs::read_dir(corpus.join("vectors/traversal")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    for path in files {
        let list = std::fs::read(path).unwrap();
        let lines = list.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        all.extend(lines.enumerate().map(|(number, line)| {
            let file = if number % 2 == 0 { "secret.txt" } else { "etc/passwd" };
            String::from_utf8_lossy(line).trim_end_matches('\r').replace("{FILE}", file).into_bytes()
        }));
    }
    assert!(all.len() > 23_000, "{} paths", all.len());
    all
}

/// Asks for each path as it stands and in place of each name that an address has, and says what is wrong with the answers.
fn asked_for(address: &str, paths: &[Vec<u8>]) -> Vec<String> {
    let routes = ["/outlets/?/feed.rss", "/blogs/?/feed.json", "/entries/?", "/archive/?", "/api/v1/blogs/?", "/?"];
    let worker = |part: usize| {
        let mut wire = Wire::new(address);
        let mut found = Vec::new();
        for (number, path) in paths.iter().enumerate().filter(|(number, _)| number % 2 == part) {
            let slash: &[u8] = if path.starts_with(b"/") { b"" } else { b"/" };
            let (before, after) = routes[number % routes.len()].split_once('?').unwrap();
            for target in [[slash, path].concat(), [before.as_bytes(), escaped(path).as_bytes(), after.as_bytes()].concat()]
            {
                let shown = String::from_utf8_lossy(&target).into_owned();
                let answer = wire.get(&target);
                // What stands behind a `?` is no path.
                let own = target.starts_with(b"/?");
                let found_something = || (answer.status < 400 && !own).then(|| format!("the status {}", answer.status));
                let judged = wrong(&answer).or_else(found_something);
                found.extend(judged.map(|wrong| format!("{shown}: {wrong}")));
            }
        }
        found
    };
    std::thread::scope(|scope| {
        let workers = [0, 1].map(|part| scope.spawn(move || worker(part)));
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

#[test]
fn no_path_leads_to_a_file() {
    let (folder, serving) = serving("");
    let paths = traversals(folder.path());
    let from = Instant::now();
    let found = asked_for(&serving.address, &paths);
    assert!(found.is_empty(), "{} of {}:\n{}", found.len(), 2 * paths.len(), found[..found.len().min(40)].join("\n"));
    if full() {
        say(&format!("{} paths in two places each: 4xx and no file, in {:.1?}", paths.len(), from.elapsed()));
    }
    assert!(!serving.stop("TERM").contains("ERROR"));
}

/// The proof that it can fail: a server that hands out the file which a path names.
#[test]
fn a_server_that_reads_files_is_found() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("within")).unwrap();
    std::fs::write(folder.path().join("secret.txt"), CANARY).unwrap();
    let root = folder.path().join("within");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, root) = (stream.unwrap(), root.clone());
            std::thread::spawn(move || hand_out(&mut stream, &root));
        }
    });
    let paths: Vec<Vec<u8>> = ["nothing", "../secret.txt", "none/../secret"].map(|path| path.as_bytes().to_vec()).into();
    let found = asked_for(&address, &paths);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("/../secret.txt: what stands in a file"), "{found:?}");
}

/// Answers one connection with the files that it asks for, wherever they are.
fn hand_out(stream: &mut TcpStream, root: &Path) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).unwrap_or_default() == 0 {
            return;
        }
        let Some(path) = line.strip_prefix("GET /").and_then(|rest| rest.split(' ').next()) else { continue };
        let (status, body) = std::fs::read(root.join(path)).map_or((404, b"no\n".to_vec()), |body| (200, body));
        let head = format!("HTTP/1.1 {status} so\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(&[head.as_bytes(), &body].concat());
    }
}

/// Requests that somebody in between may take for others than we do, or for two. What stands in `§` is a request of its own.
fn ambiguous() -> Vec<String> {
    let inner = format!("GET {SMUGGLED} HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut all = Vec::new();
    // Bodies of a length that is told twice, wrongly or in two ways: nothing of them is a request.
    for lengths in [
        "Content-Length: §",
        "Content-Length: 0\r\nContent-Length: §",
        "Content-Length: §\r\nContent-Length: 0",
        "Content-Length: §\r\nContent-Length: §",
        "content-length: 0\r\nCONTENT-LENGTH: §",
        "Content-Length: 0, §",
        "Content-Length: +§",
        "Content-Length: -1",
        "Content-Length: 0x§",
        "Content-Length: §a",
        "Content-Length: 1e1",
        "Content-Length: ",
        "Content-Length: 99999999999999999999",
        "Content-Length: 18446744073709551616",
        "Content-Length : §",
        "Content-Length\t: §",
        " Content-Length: §",
        "Content-Length: 0\r\n §",
        "Content-Length\0: §",
        "Content-Length: §\0",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked;a=b",
        "Transfer-Encoding: \tchunked",
        "Transfer-Encoding: chunked\x0b",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding: \"chunked\"",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "Expect: 100-continue\r\nContent-Length: §",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: §",
    ] {
        let lengths = lengths.replace('§', &inner.len().to_string());
        for method in ["POST", "GET"] {
            all.push(format!("{method} /feed.rss HTTP/1.1\r\nHost: x\r\n{lengths}\r\n\r\n{inner}"));
        }
    }
    // Chunks that are no chunks.
    for chunks in
        ["0\r\n\r\n§", "3\r\nabc\r\n0\r\n\r\n§", "§", "-1\r\n§", "0x0\r\n\r\n§", "fffffffffffffffff\r\n§", "0\n\n§"]
    {
        let chunks = chunks.replace('§', &inner);
        all.push(format!("POST /feed.rss HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"));
    }
    // Heads that are no heads.
    for line in [
        "GET /feed.rss",
        "GET /feed.rss HTTP/1.2",
        "GET /feed.rss HTTP/2.0",
        "GET /feed.rss HTTP/9.9",
        "GET  /feed.rss  HTTP/1.1",
        "GET /feed.rss HTTP/1.1 ",
        "GET\t/feed.rss\tHTTP/1.1",
        "get /feed.rss HTTP/1.1",
        "G\0T /feed.rss HTTP/1.1",
        "GET /feed rss HTTP/1.1",
        "GET feed.rss HTTP/1.1",
        "GET http:///feed.rss HTTP/1.1",
        "GET http://evil.example:99999/feed.rss HTTP/1.1",
        "GET //evil.example/%2f.. HTTP/1.1",
        "CONNECT 127.0.0.1:22 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "TRACE /feed.rss HTTP/1.1",
        "PROPFIND / HTTP/1.1",
        "PRI * HTTP/2.0",
        "\u{16}\u{3}\u{1}",
        "<policy-file-request/>",
    ] {
        all.push(format!("{line}\r\nHost: x\r\nConnection: close\r\n\r\n"));
    }
    for headers in
        ["Host: a\r\nHost: b", "Host: a, b", "Host: x\r\nno colon", "Host: x\r\n: no name", "Host: x\r\nä: y", "x: y"]
    {
        all.push(format!("GET /feed.rss HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n"));
    }
    all
}

#[test]
fn no_request_is_taken_for_two() {
    let (_folder, serving) = serving("");
    let all = ambiguous();
    assert!(all.len() >= 100, "{} requests", all.len());
    let judged = |request: &String| {
        let from = Instant::now();
        let answers = wire::said(&serving.address, request.as_bytes());
        let mut judged: Vec<String> = answers.iter().filter_map(wrong).collect();
        judged.extend((answers.len() > 1).then(|| format!("{} answers", answers.len())));
        judged.extend((from.elapsed() > PATIENCE).then(|| format!("no end for {:.1?}", from.elapsed())));
        judged.into_iter().map(|wrong| format!("{request:?}: {wrong}")).collect::<Vec<_>>()
    };
    // Most of the time is waiting for a second answer that must not come.
    let found: Vec<String> = std::thread::scope(|scope| {
        let worker = |some: &'_ [String]| some.iter().flat_map(judged).collect::<Vec<_>>();
        let workers: Vec<_> = all.chunks(all.len().div_ceil(8)).map(|some| scope.spawn(move || worker(some))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(found.is_empty(), "{} of {}:\n{}", found.len(), all.len(), found.join("\n"));
    // The proof that it can fail: two requests, one behind the other, are two.
    let two = format!("GET /feed.rss HTTP/1.1\r\nHost: x\r\n\r\nGET {SMUGGLED} HTTP/1.1\r\nHost: x\r\n\r\n");
    let answers = wire::said(&serving.address, two.as_bytes());
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 404]);
    assert!(wrong(&answers[1]).is_some_and(|wrong| wrong.contains("within a request")));
    assert!(!serving.stop("TERM").contains("ERROR"));
}

#[test]
fn no_line_end_of_a_client_gets_into_a_header() {
    let mut lists: Vec<String> =
        ["%0d%0aSet-Cookie:crlf=injection", "%E5%98%8D%E5%98%8ASet-Cookie:crlf=injection", "\rCrlf: 1", "%00%0d%0a%0d%0ax"]
            .map(str::to_owned)
            .into();
    if let Some(corpus) = corpus::folder("no_line_end_of_a_client_gets_into_a_header") {
        let list = std::fs::read_to_string(corpus.join("vectors/crlf/crlfinjection.txt")).unwrap();
        lists.extend(list.lines().map(|line| line.trim_start_matches('/').to_owned()));
    }
    let (_folder, serving) = serving("");
    let mut wire = Wire::new(&serving.address);
    let mut found = Vec::new();
    for vector in &lists {
        for place in [
            "/?",
            "/feed.rss?limit=?",
            "/feed.rss?q=?",
            "/feed.rss?outlet=?",
            "/outlets/?/feed.rss",
            "/entries/?",
            "/feed.json?author=x?",
        ] {
            let (before, after) = place.rsplit_once('?').unwrap();
            let target = format!("{before}{vector}{after}");
            found.extend(wrong(&wire.get(target.as_bytes())).map(|wrong| format!("{target}: {wrong}")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    // The proof that it can fail.
    let injected = Answer::read(&mut &b"HTTP/1.1 404 so\r\nSet-Cookie: crlf=injection\r\nContent-Length: 0\r\n\r\n"[..]);
    assert!(wrong(&injected.unwrap()).is_some());
}

/// Headers with which one client has got something into the copy that the next one is served.
const POISON: [&str; 36] = [
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Proto: gopher",
    "X-Forwarded-Scheme: http",
    "X-Forwarded-Port: 1",
    "X-Forwarded-Prefix: /evil",
    "X-Forwarded-Server: evil.example",
    "X-Forwarded-For: evil.example",
    "Forwarded: for=evil;host=evil.example;proto=gopher",
    "X-Host: evil.example",
    "X-Original-Host: evil.example",
    "X-HTTP-Host-Override: evil.example",
    "X-Original-URL: /evil",
    "X-Rewrite-URL: /evil",
    "X-HTTP-Method-Override: DELETE",
    "X-Method-Override: POST",
    "Front-End-Https: on",
    "Origin: https://evil.example",
    "Referer: https://evil.example/",
    "User-Agent: <script>evil</script>",
    "Accept-Language: ev",
    "Accept-Charset: utf-7",
    "Cookie: limit=1; session=evil",
    "Range: bytes=0-3",
    "Range: bytes=99999999-",
    "Via: 1.1 evil.example",
    "True-Client-IP: 127.0.0.1",
    "X-Real-IP: 127.0.0.1",
    "Proxy-Authorization: Basic ZXZpbA==",
    "Authorization: Bearer evil",
    "Authorization: Basic ZXZpbDpldmls",
    "X-Timer: evil",
    "Surrogate-Capability: evil=\"ESI/1.0\"",
    "Cache-Control: no-cache",
    "Pragma: no-cache",
    "TE: trailers",
    "A-IM: evil",
];

#[test]
fn nothing_of_a_request_gets_into_the_next_clients_copy() {
    for settings in ["", "base_url = \"https://feeds.example.org/\"\n"] {
        let (_folder, serving) = serving(settings);
        let host = if settings.is_empty() { "evil.example" } else { "feeds.example.org" };
        let mut wire = Wire::new(&serving.address);
        let paths = [
            "/",
            "/feed.rss",
            "/feed.atom",
            "/feed.json?limit=2",
            "/outlets/sputnik/feed.rss",
            "/api/v1/entries?limit=2",
            "/none",
        ];
        for path in paths {
            let mut ask = |headers: &str| {
                let mut answer = wire.ask(format!("GET {path} HTTP/1.1\r\n{headers}\r\n").as_bytes());
                answer.forget("date");
                answer
            };
            let plain = ask("Host: 127.0.0.1\r\n");
            assert!(plain.status == 200 || path == "/none");
            for poison in POISON {
                let poisoned = ask(&format!("Host: {host}\r\n{poison}\r\n"));
                assert_eq!(poisoned, plain, "{path} with {poison}");
            }
            assert_eq!(ask("Host: localhost:1\r\n"), plain, "{path} by another name");
            // What may differ says so to whoever keeps copies.
            let coded = ask("Host: 127.0.0.1\r\nAccept-Encoding: gzip\r\n");
            let told = |answer: &Answer| answer.header("vary").is_some_and(|vary| vary.contains("Accept-Encoding"));
            assert!(coded == plain || told(&coded) && told(&plain), "{path}, coded");
            let told =
                |answer: &Answer| answer.header("vary").is_some_and(|vary| vary.split(", ").any(|name| name == "Accept"));
            for wanted in ["application/json", "text/html,*/*;q=0.8"] {
                let other = ask(&format!("Host: 127.0.0.1\r\nAccept: {wanted}\r\n"));
                assert!(other == plain || told(&other) && told(&plain), "{path} as {wanted}");
            }
        }
        if !settings.is_empty() {
            let other = wire.ask(b"GET /feed.rss HTTP/1.1\r\nHost: evil.example\r\n\r\n");
            assert_eq!(other.status, 421, "a name that is not ours");
        }
        // The proof that it can fail: another address has other bytes.
        let mut limited = |limit: u8| {
            wire.ask(format!("GET /feed.json?limit={limit} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).body
        };
        assert_ne!(limited(2), limited(3));
    }
}
