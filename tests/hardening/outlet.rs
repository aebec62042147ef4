//! An outlet on this machine that has every bad day an outlet can have: for each kind of fault an address, and a word on
//! which all of them are well or all have their fault. It remembers who asked when, and for how long.

#[path = "outlet/faults.rs"]
mod faults;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::live_page::LivePage;
pub use faults::{Fault, all};

/// From one byte to the next, where they come one by one.
const DRIP: Duration = Duration::from_secs(1);

/// What an answer is made of.
#[derive(Debug, Clone)]
pub enum Step {
    Send(Vec<u8>),
    /// Byte by byte.
    Drip(Vec<u8>),
    /// Again and again, until the other side goes.
    Endless(Vec<u8>),
    /// Nothing, until the other side goes.
    Stall,
    /// The connection is torn down, not closed.
    Reset,
}

/// What a fault has to work with.
pub struct Scene<'a> {
    /// The page as it is when all is well.
    pub page: &'a [u8],
    /// What makes one time differ from another.
    pub seed: u64,
    /// `http://127.…:…`, or under a name.
    pub base: &'a str,
    /// Of the request.
    pub path: &'a str,
    /// A port of this machine on which nobody listens.
    pub closed: u16,
}

/// One request, from its end to the end of its connection.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Without the port.
    pub host: String,
    pub path: String,
    pub came: Instant,
    /// None while it lasts.
    pub went: Option<Instant>,
    /// How many were there at this host, this one included.
    pub beside: usize,
}

/// Listens until it is dropped.
pub struct Outlet {
    desk: Arc<Desk>,
    _listening: JoinSet<()>,
    /// Bound, so that nobody else takes it.
    _closed: TcpSocket,
}

/// How far a page had gone on when it was asked for, and what it was.
type Asked = (usize, Arc<[u8]>);

struct Desk {
    faults: HashMap<String, Fault>,
    sick: AtomicBool,
    seed: AtomicU64,
    /// When everything that is told of here began; there is something to tell every twenty seconds.
    begun: DateTime<Utc>,
    /// How many entries every page has gone on by: as many new ones are on top, and as many old ones are no longer shown.
    news: AtomicUsize,
    /// As they were last asked for, each with how far it had gone on.
    pages: Mutex<HashMap<String, Asked>>,
    closed: u16,
    visits: Mutex<Visits>,
    open: Mutex<BTreeMap<String, usize>>,
    /// Of all that happens here.
    events: AtomicU64,
}

/// What has been remembered since it was last forgotten.
#[derive(Default)]
struct Visits {
    forgotten: usize,
    all: Vec<Visit>,
}

/// As many entries as a page shows.
const ENTRIES: usize = 12;

/// The page at a path: another live blog for each, of some twenty kilobytes.
fn page(path: &str, news: usize, begun: DateTime<Utc>) -> String {
    let mut page = LivePage::new(path);
    // Two live blogs with the same words would be one that has moved.
    page.headline = format!("What happened at {path}");
    for number in news + 1..=news + ENTRIES {
        let update = page.add(&format!("upd{}-{}", path.replace('/', "-"), 4_411 * number), number as i64);
        update.at = begun + TimeDelta::seconds(20 * number as i64);
        update.headline = format!("The line at {path} has a delay, number {number}");
        update.body = format!("Nobody knows at {path} what happened to ferry {number}. ").repeat(24);
    }
    page.html()
}

impl Outlet {
    /// An outlet under many addresses of this machine, and the base of each. None where it has only one.
    pub async fn under(addresses: usize, begun: DateTime<Utc>) -> Option<(Outlet, Vec<String>)> {
        let addresses = (0..addresses).map(|n| Ipv4Addr::new(127, 9, (n / 200) as u8, (n % 200) as u8 + 1));
        let mut listeners = Vec::new();
        for address in addresses {
            listeners.push(TcpListener::bind((IpAddr::V4(address), 0)).await.ok()?);
        }
        let bases = listeners.iter().map(|listener| format!("http://{}", listener.local_addr().unwrap())).collect();
        Some((Outlet::on(listeners, begun), bases))
    }

    /// An outlet on one port of 127.0.0.1.
    pub async fn start(begun: DateTime<Utc>) -> (Outlet, u16) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (Outlet::on(vec![listener], begun), port)
    }

    fn on(listeners: Vec<TcpListener>, begun: DateTime<Utc>) -> Outlet {
        let closed = TcpSocket::new_v4().unwrap();
        closed.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let desk = Arc::new(Desk {
            faults: all().into_iter().map(|fault| (fault.name.clone(), fault)).collect(),
            sick: AtomicBool::new(false),
            seed: AtomicU64::new(0),
            begun,
            news: AtomicUsize::new(0),
            closed: closed.local_addr().unwrap().port(),
            pages: Mutex::default(),
            visits: Mutex::default(),
            open: Mutex::default(),
            events: AtomicU64::new(0),
        });
        let mut listening = JoinSet::new();
        for listener in listeners {
            let desk = desk.clone();
            listening.spawn(async move {
                // The set ends its tasks with the outlet, those that stall included.
                let mut visits = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    while visits.try_join_next().is_some() {}
                    visits.spawn(visit(stream, desk.clone()));
                }
            });
        }
        Outlet { desk, _listening: listening, _closed: closed }
    }

    /// From now on every address has its fault, or none has.
    pub fn sick(&self, sick: bool, seed: u64) {
        self.desk.seed.store(seed, SeqCst);
        self.desk.sick.store(sick, SeqCst);
    }

    /// From now on every page has gone on by so many entries: that many are new, and as many old ones no longer shown.
    pub fn news(&self, entries: usize) {
        self.desk.news.store(entries, SeqCst);
    }

    /// What says so, for somebody else to call.
    pub fn newsdesk(&self) -> impl Fn(usize) + Send + use<> {
        let desk = self.desk.clone();
        move |entries| desk.news.store(entries, SeqCst)
    }

    /// Every request so far.
    pub fn visits(&self) -> Vec<Visit> {
        self.desk.visits.lock().unwrap().all.clone()
    }

    /// Forgets them.
    pub fn forget(&self) {
        let mut visits = self.desk.visits.lock().unwrap();
        visits.forgotten += visits.all.len();
        visits.all.clear();
    }

    /// How many are there now.
    pub fn open(&self) -> usize {
        self.desk.open.lock().unwrap().values().sum()
    }

    /// Another number whenever anything has happened.
    pub fn events(&self) -> u64 {
        self.desk.events.load(SeqCst)
    }
}

/// Counts a visit for as long as it lasts.
struct Present {
    desk: Arc<Desk>,
    host: String,
    number: usize,
}

impl Desk {
    fn enter(self: &Arc<Desk>, host: &str, path: &str) -> Present {
        let beside = {
            let mut open = self.open.lock().unwrap();
            let open = open.entry(host.to_owned()).or_default();
            *open += 1;
            *open
        };
        let mut visits = self.visits.lock().unwrap();
        let visit = Visit { host: host.into(), path: path.into(), came: Instant::now(), went: None, beside };
        visits.all.push(visit);
        self.events.fetch_add(1, SeqCst);
        Present { desk: self.clone(), host: host.into(), number: visits.forgotten + visits.all.len() - 1 }
    }

    fn page(&self, name: &str) -> Arc<[u8]> {
        let news = self.news.load(SeqCst);
        let mut pages = self.pages.lock().unwrap();
        match pages.get(name) {
            Some((written, page)) if *written == news => page.clone(),
            _ => {
                let page: Arc<[u8]> = page(&format!("/live/{name}"), news, self.begun).into_bytes().into();
                pages.insert(name.to_owned(), (news, page.clone()));
                page
            }
        }
    }

    fn answer(&self, base: &str, path: &str) -> Vec<Step> {
        let Some(name) = path.strip_prefix("/live/").and_then(|rest| rest.split('/').next()) else {
            return vec![Step::Send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec())];
        };
        let page = self.page(name);
        let fault = self.faults.get(name).filter(|_| self.sick.load(SeqCst));
        let scene = Scene { page: &page, seed: self.seed.load(SeqCst), base, path, closed: self.closed };
        match fault {
            Some(fault) => (fault.answer)(&scene),
            None => vec![Step::Send(faults::whole(&page))],
        }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        if let Some(open) = self.desk.open.lock().unwrap().get_mut(&self.host) {
            *open -= 1;
        }
        let mut visits = self.desk.visits.lock().unwrap();
        // Forgotten meanwhile, perhaps.
        let place = self.number.checked_sub(visits.forgotten);
        if let Some(visit) = place.and_then(|place| visits.all.get_mut(place)) {
            visit.went = Some(Instant::now());
        }
        self.desk.events.fetch_add(1, SeqCst);
    }
}

async fn visit(mut stream: TcpStream, desk: Arc<Desk>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let header = |line: &str| {
        line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, at)| at.trim().to_owned())
    };
    let authority = head.lines().find_map(header).unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
    let present = desk.enter(host, &path);
    // The other side may go away at any moment, as it should with some answers.
    let answered = answer(&mut stream, desk.answer(&format!("http://{authority}"), &path)).await;
    drop(present);
    if answered.is_ok() {
        let _ = gone(&stream).await;
    }
}

async fn answer(stream: &mut TcpStream, steps: Vec<Step>) -> std::io::Result<()> {
    for step in steps {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::Drip(bytes) => {
                for byte in bytes {
                    stream.write_all(&[byte]).await?;
                    tokio::select! {
                        _ = gone(stream) => return Ok(()),
                        () = tokio::time::sleep(DRIP) => {}
                    }
                }
            }
            Step::Endless(bytes) => loop {
                stream.write_all(&bytes).await?;
                // Who floods has a network of some megabytes a second, and not all of this machine. That the visitor has gone is
                // noticed at once, also where the clock stands still.
                tokio::select! {
                    _ = gone(stream) => return Ok(()),
                    () = tokio::time::sleep(Duration::from_millis(1)) => {}
                }
            },
            Step::Stall => return gone(stream).await,
            Step::Reset => {
                stream.set_zero_linger()?;
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
        }
    }
    stream.shutdown().await
}

/// Waits until the other side has gone.
async fn gone(stream: &TcpStream) -> std::io::Result<()> {
    loop {
        stream.readable().await?;
        match stream.try_read(&mut [0; 64]) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Compressed, in the coding of this name.
pub fn coded(coding: &str, bytes: &[u8]) -> Vec<u8> {
    use flate2::{Compression, write};
    let best = Compression::default();
    match coding {
        "gzip" => {
            let mut coder = write::GzEncoder::new(Vec::new(), best);
            coder.write_all(bytes).unwrap();
            coder.finish().unwrap()
        }
        "deflate" => {
            let mut coder = write::ZlibEncoder::new(Vec::new(), best);
            coder.write_all(bytes).unwrap();
            coder.finish().unwrap()
        }
        "raw deflate" => {
            let mut coder = write::DeflateEncoder::new(Vec::new(), best);
            coder.write_all(bytes).unwrap();
            coder.finish().unwrap()
        }
        "br" => {
            let mut coded = Vec::new();
            brotli::CompressorWriter::new(&mut coded, 1 << 16, 2, 22).write_all(bytes).unwrap();
            coded
        }
        "zstd" => zstd::encode_all(bytes, 3).unwrap(),
        other => panic!("no coding is called {other}"),
    }
}
