//! The program itself, as a user runs it: in a folder of its own, with its streams, its exit status and its signals.

mod admin;
mod explain;
mod follow;
mod hostile;
mod logs;
mod parse;
mod running;
mod replay;
mod saved;
mod serve;
mod settings;
mod status;
mod tail;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// What stopping may take at most, whatever is under way.
const STOP: Duration = Duration::from_secs(5);
/// What anything else may take on a machine with better things to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program that is tested: the one that was built for it, or the one that `TIDINGS_PROGRAM` names.
pub fn program() -> PathBuf {
    match std::env::var_os("TIDINGS_PROGRAM") {
        Some(other) => std::fs::canonicalize(&other).unwrap_or_else(|error| panic!("TIDINGS_PROGRAM: {error}")),
        None => env!("CARGO_BIN_EXE_tidings").into(),
    }
}

/// Whether that is the program as it is released, of which promises in seconds hold.
pub fn released() -> bool {
    std::env::var_os("TIDINGS_PROGRAM").is_some()
}

/// The program, about to be started in `folder`, with nothing of this process's own settings.
pub fn tidings(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(program());
    command.current_dir(folder).args(arguments).env_remove("TIDINGS_LOG").env_remove("NO_COLOR").env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A command that has ended.
#[derive(Debug)]
pub struct Done {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

pub fn run(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Done {
    Done::of(tidings(folder, arguments).spawn().unwrap())
}

fn run_on(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, stdin: &[u8]) -> Done {
    let mut child = tidings(folder, arguments).stdin(Stdio::piped()).spawn().unwrap();
    // It may have refused already, without reading on.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    Done::of(child)
}

impl Done {
    /// Nothing that a page or a user does may end in a panic, so that is asked of every run.
    fn of(child: Child) -> Done {
        let output = child.wait_with_output().unwrap();
        let done = Done {
            status: output.status.code().expect("it ends by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!done.stderr.contains("panicked") && done.status < 3, "{done:?}");
        done
    }

    /// Done, with nothing to say against it.
    #[track_caller]
    fn fine(self) -> Done {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{self:?}");
        self
    }

    /// Refused: nothing on stdout, and on stderr a reason with all of `parts` in it.
    #[track_caller]
    fn refused(self, parts: &[&str]) -> Done {
        assert_eq!((self.status, self.stdout.as_str()), (2, ""), "{self:?}");
        assert!(!self.stderr.trim().is_empty());
        self.says(parts)
    }

    #[track_caller]
    fn says(self, parts: &[&str]) -> Done {
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is missing in {self:?}");
        }
        self
    }

    /// Every object on stdout.
    fn json(&self) -> Vec<Value> {
        serde_json::Deserializer::from_str(&self.stdout).into_iter().map(Result::unwrap).collect()
    }

    /// The one object on stdout.
    fn blog(&self) -> Value {
        let mut all = self.json();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }
}

/// The page of a fixture, named `outlet/case`.
fn fixture(case: &str) -> PathBuf {
    let folder = crate::fixtures::outlets().join(case);
    let page = ["page.html", "page.txt", "page.json"].map(|name| folder.join(name)).into_iter().find(|page| page.exists());
    page.unwrap_or_else(|| panic!("there is no fixture {case}"))
}

/// One field of each entry of a live blog.
fn each<'a>(blog: &'a Value, pointer: &str) -> Vec<&'a str> {
    blog["entries"].as_array().unwrap().iter().map(|entry| entry.pointer(pointer).unwrap().as_str().unwrap_or("")).collect()
}

/// The ids a feed names, in its order.
fn ids(feed: &[u8], format: &str) -> Vec<String> {
    match format {
        "rss" => {
            let items = rss::Channel::read_from(feed).unwrap().items;
            items.into_iter().map(|item| item.guid.unwrap().value).collect()
        }
        "atom" => {
            let entries = atom_syndication::Feed::read_from(feed).unwrap().entries;
            entries.into_iter().map(|entry| entry.id).collect()
        }
        _ => {
            let feed: Value = serde_json::from_slice(feed).unwrap();
            feed["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
        }
    }
}

fn set(ids: impl IntoIterator<Item = impl Into<String>>) -> BTreeSet<String> {
    ids.into_iter().map(Into::into).collect()
}

/// `tidings serve`, listening.
pub struct Serving {
    pub child: Child,
    /// What it said on stdout before it was ready.
    pub welcome: String,
    /// `host:port`.
    pub address: String,
    stderr: Option<JoinHandle<String>>,
}

/// A served document.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// What `address` answers to one request.
    pub fn of(address: &str, method: &str, path: &str, headers: &str) -> Answer {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let host = match headers.starts_with("Host:") {
            true => String::new(),
            false => format!("Host: {address}\r\n"),
        };
        write!(stream, "{method} {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        // The one line that is the clock's.
        let lines = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
        Answer { status, head: lines.collect::<Vec<_>>().join("\n"), body: answer.split_off(end + 4) }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Serving {
    /// Starts it on a free port.
    pub fn start(folder: &Path, arguments: &[&str]) -> Serving {
        Serving::of(tidings(folder, ["serve", "--listen", "127.0.0.1:0"].iter().chain(arguments)).spawn().unwrap())
    }

    /// Waits until it is ready.
    pub fn of(child: Child) -> Serving {
        Serving::try_of(child).unwrap_or_else(|said| panic!("it ended instead of serving: {said}"))
    }

    /// The same; where it ends instead, what it said.
    pub fn try_of(mut child: Child) -> Result<Serving, String> {
        let stderr = child.stderr.take().map(|stderr| std::thread::spawn(|| everything(stderr)));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut welcome = String::new();
        while !welcome.ends_with("Ctrl-C stops.\n") {
            if stdout.read_line(&mut welcome).unwrap() == 0 {
                let said = stderr.map(|stderr| stderr.join().unwrap()).unwrap_or_default();
                return Err(format!("{:?} {said}", child.wait()));
            }
        }
        let told = |prefix: &str| welcome.lines().find_map(|line| line.trim().strip_prefix(prefix)).map(str::trim);
        let behind_a_proxy = told("Listening on ").and_then(|line| line.split(',').next());
        let page = || told("page ").expect("it names its page").trim_start_matches("http://").trim_end_matches('/');
        let address = behind_a_proxy.unwrap_or_else(page).to_owned();
        Ok(Serving { child, welcome, address, stderr })
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// Asks with these lines of headers.
    pub fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        Answer::of(&self.address, method, path, headers)
    }

    pub fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}");
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Asks for a document until it is as wanted.
    #[track_caller]
    fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let from = Instant::now();
        loop {
            let found = self.json(path);
            if wanted(&found) {
                return found;
            }
            assert!(from.elapsed() < PATIENCE, "{path} stays at {found:#}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends it as a service manager or a terminal does; answers what it logged.
    #[track_caller]
    pub fn stop(mut self, signal: &str) -> String {
        self.signal(signal);
        let from = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(from.elapsed() < STOP, "it does not stop");
            std::thread::sleep(Duration::from_millis(10));
        };
        let said = self.stderr.take().map(|stderr| stderr.join().unwrap()).unwrap_or_default();
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        said
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn everything(mut stream: ChildStderr) -> String {
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    all
}
