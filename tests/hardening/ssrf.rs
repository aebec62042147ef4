//! Addresses that lead where only this machine can go: written in a config, behind redirects, and behind names that change
//! their answer between two questions. A canary listens on every loopback address and must never hear from us.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tidings::fetch::{FetchError, FetchSettings, Fetched, Fetcher, Network, Reach, Validators, is_public};
use tokio::net::TcpListener;
use url::{Host, Url};

use super::{full, say};
use crate::outlet_server::{Answer, OutletServer};

/// The one loopback address that passes for a public one here: the origin that redirects listens there.
const ORIGIN: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 1);
const ORIGIN_NAME: &str = "origin.example";

/// Where every other name leads.
const CANARY: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), IpAddr::V6(Ipv6Addr::LOCALHOST)];

fn passes_for_public(address: IpAddr) -> bool {
    address == IpAddr::V4(ORIGIN) || is_public(address)
}

/// Counts who comes, on all addresses of this machine.
struct Canary {
    port: u16,
    heard: Arc<AtomicUsize>,
}

impl Canary {
    async fn start() -> Canary {
        let listener = match TcpListener::bind("[::]:0").await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind("0.0.0.0:0").await.unwrap(),
        };
        let (port, heard) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let counter = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // The origin's own address passes for public.
                if stream.local_addr().is_ok_and(|address| address.ip().to_canonical() != IpAddr::V4(ORIGIN)) {
                    counter.fetch_add(1, SeqCst);
                }
            }
        });
        Canary { port, heard }
    }
}

/// How names answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Names {
    /// With addresses of this machine.
    Private,
    /// First with a public address, from the second question on with one of this machine.
    Rebinding,
}

fn network(names: Names, public: fn(IpAddr) -> bool) -> Network {
    let asked: Mutex<HashMap<String, usize>> = Mutex::default();
    let lookup = move |name: &str| {
        let count = {
            let mut asked = asked.lock().unwrap();
            let count = asked.entry(name.to_owned()).or_default();
            *count += 1;
            *count
        };
        let public = name == ORIGIN_NAME || names == Names::Rebinding && count == 1;
        let answer = if public { vec![ORIGIN.into()] } else { CANARY.to_vec() };
        Box::pin(async move { Ok(answer) }) as tidings::fetch::Looking
    };
    Network { lookup: Arc::new(lookup), public }
}

fn fetcher(names: Names, public: fn(IpAddr) -> bool) -> Fetcher {
    let second = Duration::from_secs(1);
    let settings = FetchSettings {
        gap: Duration::ZERO,
        connect_timeout: second,
        header_timeout: second,
        timeout: second,
        ..FetchSettings::default()
    };
    Fetcher::on(network(names, public), &settings).unwrap()
}

fn now() -> DateTime<Utc> {
    "2022-01-10T19:00:00Z".parse().unwrap()
}

async fn get(fetcher: &Fetcher, url: &Url, reach: Reach) -> Result<Fetched, FetchError> {
    fetcher.get(url, reach, &Validators::default(), &now).await
}

/// Ours, which are always there, and others' where they are.
fn vectors() -> Vec<String> {
    let own = "http://127.0.0.1/ http://127.1/ http://0/ http://2130706433/ http://0x7f000001/ http://0177.0.0.1/ \
        http://127.0.0.1.:8080/ http://[::1]/ http://[::]/ http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/ \
        http://[::127.0.0.1]/ http://[64:ff9b::7f00:1]/ http://[2002:7f00:1::]/ http://[fd00::1]/ http://[fe80::1]/ \
        http://169.254.169.254/ http://100.64.0.1/ http://10.0.0.1/ http://172.16.0.1/ http://192.168.0.1/ \
        http://192.0.0.192/ http://198.18.0.1/ http://localhost/ http://LOCALHOST./ http://printer.local/ \
        http://user:pw@127.0.0.1/ http://①②⑦.⓪.⓪.①/ http://127。0。0。1/ http:127.0.0.1 //127.0.0.1/ http:///127.0.0.1 \
        file:///etc/hosts ftp://127.0.0.1/ gopher://127.0.0.1:70/_x http://news.example:22/";
    let mut all: Vec<String> = own.split(' ').map(str::to_owned).collect();
    let Some(folder) = std::env::var_os("TIDINGS_CORPUS").map(|corpus| PathBuf::from(corpus).join("vectors/ssrf")) else {
        say("ssrf: others' vectors are read from the folder TIDINGS_CORPUS names, which is not set");
        return all;
    };
    let mut found = 0;
    for file in std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        let lines: Vec<String> = std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect();
        found += lines.len();
        all.extend(lines);
    }
    assert!(found >= 202, "{found}");
    all
}

/// What an address is under each port that matters: its own, and the canary's.
fn ports(url: &Url, canary: u16) -> Vec<Url> {
    let mut other = url.clone();
    match other.set_port(Some(canary)) {
        Ok(()) => vec![url.clone(), other],
        Err(()) => vec![url.clone()],
    }
}

/// An address of somebody else's machine, written out: nothing that a test may connect to.
fn elsewhere(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_public(address.into()),
        Some(Host::Ipv6(address)) => is_public(address.into()),
        _ => false,
    }
}

/// The filter with which somebody else's machines are tried: it lets nobody through but the origin, so that they are not
/// disturbed by a test.
fn nobody_else(address: IpAddr) -> bool {
    address == IpAddr::V4(ORIGIN)
}

/// What became of the vectors of one way to come by them.
#[derive(Debug, Default)]
struct Tally {
    /// Addresses that were asked for and refused.
    refused: usize,
    /// What is no address, or can't stand in a header.
    none: usize,
    /// Addresses on ports of their own beside, for the canary to hear.
    beside: usize,
}

impl Tally {
    fn vectors(&self) -> usize {
        self.refused + self.none
    }
}

#[tokio::test]
async fn nothing_of_ours_is_reached_by_an_address_in_a_config() {
    let canary = Canary::start().await;
    let ways: &[Names] = if full() { &[Names::Private, Names::Rebinding] } else { &[Names::Private] };
    let (mut tally, vectors) = (Tally::default(), vectors());
    for names in ways {
        let _origin = OutletServer::start_at(ORIGIN.into()).await;
        let (usual, strict) = (fetcher(*names, passes_for_public), fetcher(*names, nobody_else));
        for vector in &vectors {
            let Ok(url) = Url::parse(vector) else {
                tally.none += 1;
                continue;
            };
            tally.refused += 1;
            for url in ports(&url, canary.port) {
                tally.beside += 1;
                let fetcher = if elsewhere(&url) { &strict } else { &usual };
                let error = get(fetcher, &url, Reach::Public).await.expect_err(url.as_str());
                // The first answer of a name that rebinds is public, and nobody listens at the origin's other ports.
                let refused = matches!(
                    error,
                    FetchError::NotPublic { .. } | FetchError::Address { .. } | FetchError::RobotsUnknown { .. }
                );
                assert!(refused, "{url}: {error}");
            }
        }
    }
    let heard = canary.heard.load(SeqCst);
    say(&format!("ssrf, direct: {} vectors, {tally:?}, {heard} connects", tally.vectors()));
    assert_eq!((tally.vectors(), heard), (vectors.len() * ways.len(), 0));
    assert!(tally.refused > 20 * ways.len(), "{tally:?}");
}

#[tokio::test]
async fn nothing_of_ours_is_reached_by_a_redirect() {
    let canary = Canary::start().await;
    let Some(origin) = OutletServer::start_at(ORIGIN.into()).await else {
        return say("ssrf: this machine has no second loopback address to redirect from");
    };
    let (codes, ways): (&[u16], &[Names]) = match full() {
        true => (&[301, 302, 303, 307, 308], &[Names::Private, Names::Rebinding]),
        false => (&[302], &[Names::Rebinding]),
    };
    let base = named(&origin.url("/"));
    let (mut tally, vectors) = (Tally::default(), vectors());
    for names in ways {
        let (usual, strict) = (fetcher(*names, passes_for_public), fetcher(*names, nobody_else));
        for (n, vector) in vectors.iter().enumerate() {
            for code in codes {
                let sendable = axum::http::HeaderValue::from_str(vector).is_ok();
                let Some(leads) = base.join(vector).ok().filter(|_| sendable) else {
                    tally.none += 1;
                    continue;
                };
                tally.refused += 1;
                for (m, target) in ports(&leads, canary.port).into_iter().enumerate() {
                    tally.beside += 1;
                    let path = format!("/{names:?}/{n}/{m}/{code}");
                    // As it stands in the list the first time, so that it is ours to make an address of it.
                    let location = if m == 0 { vector.as_str() } else { target.as_str() };
                    origin.answer(&path, Answer::status(*code).header("Location", location));
                    let fetcher = if elsewhere(&target) { &strict } else { &usual };
                    let error = get(fetcher, &base.join(&path).unwrap(), Reach::Public).await.unwrap_err();
                    let status = matches!(error, FetchError::Status { .. });
                    assert!(!status || target.host_str() == Some(ORIGIN_NAME), "{code} to {target}: {error}");
                }
            }
        }
    }
    let heard = canary.heard.load(SeqCst);
    say(&format!("ssrf, by redirect: {} vectors, {tally:?}, {heard} connects", tally.vectors()));
    assert_eq!((tally.vectors(), heard), (vectors.len() * codes.len() * ways.len(), 0));
    assert!(tally.refused > 20 && origin.asked().len() >= tally.beside, "{tally:?}");
}

/// The origin under a name, as a page on the internet has one.
fn named(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_host(Some(ORIGIN_NAME)).unwrap();
    url
}

#[tokio::test]
async fn a_page_that_only_says_where_to_go_takes_us_nowhere() {
    let canary = Canary::start().await;
    let Some(origin) = OutletServer::start_at(ORIGIN.into()).await else { return };
    let there = format!("http://127.0.0.2:{}/", canary.port);
    let page = format!("<meta http-equiv=refresh content='0;url={there}'><script>location='{there}'</script>");
    let answer = Answer::html(page).header("Refresh", &format!("0;url={there}")).header("Content-Location", &there);
    origin.answer("/", answer.header("Alt-Svc", &format!("h2=\"127.0.0.2:{}\"", canary.port)));
    for _ in 0..2 {
        get(&fetcher(Names::Private, passes_for_public), &named(&origin.url("/")), Reach::Public).await.unwrap();
    }
    assert_eq!(canary.heard.load(SeqCst), 0);
}

/// Reached where it is allowed, so the canary is awake; and with a filter that looks at nothing every name gets through, so
/// it is the filter that keeps it quiet.
#[tokio::test]
async fn the_canary_hears_what_is_let_through() {
    let canary = Canary::start().await;
    let open = fetcher(Names::Private, passes_for_public);
    // A robots.txt that could not be read is not asked for again at once, so each origin is heard once.
    let (mut local, mut origins) = (0, BTreeSet::new());
    for url in vectors().iter().filter_map(|vector| Url::parse(vector).ok()) {
        let here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
            Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        let url = ports(&url, canary.port).pop().filter(|url| here && url.scheme() == "http");
        if let Some(url) = url.filter(|url| url.username().is_empty()) {
            local += 1;
            origins.insert(url.origin().ascii_serialization());
            get(&open, &url, Reach::Anywhere).await.unwrap_err();
        }
    }
    let heard = canary.heard.load(SeqCst);
    assert!(local >= 10 && heard >= origins.len() - 2, "{heard} of {origins:?}");

    let blind = fetcher(Names::Private, |_| true);
    let url = Url::parse(&format!("http://blind.example:{}/", canary.port)).unwrap();
    let _ = get(&blind, &url, Reach::Public).await;
    assert!(canary.heard.load(SeqCst) > heard, "a blind filter lets a name through");
}
