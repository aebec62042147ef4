//! What is counted while the program runs, as Prometheus reads it (OpenMetrics text).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// The media type of [`Metrics::write`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds that reading a page takes: from a short article to what is given up on.
const PARSE: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];

/// The counters of one process. Cheap to clone; every clone counts into the same.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    registry: Registry,
    fetches: Family<Labels<2>, Counter>,
    changes: Family<Labels<1>, Counter>,
    parse: Histogram,
    requests: Family<Labels<2>, Counter>,
    connections: Gauge,
    accepted: Counter,
    streams: Gauge,
    told: Counter,
    deliveries: Family<Labels<2>, Counter>,
}

/// What the store holds at one moment.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// Live blogs.
    pub live_blogs: i64,
    /// Entries.
    pub entries: i64,
    /// Earlier states of entries.
    pub revisions: i64,
    /// Bytes on the disk, its write-ahead log included.
    pub bytes: u64,
    /// Whether the last write went well.
    pub writable: bool,
    /// The followed addresses.
    pub sources: Vec<Source>,
}

/// How one followed address fares.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its address, without a password.
    pub url: String,
    /// Seconds since 1970 at which it last answered well.
    pub last_ok: Option<i64>,
    /// Failures since then.
    pub failures: u32,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("tidings");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", version);
        let fetches = Family::default();
        registry.register("fetches", "Refreshes by followed address and outcome", fetches.clone());
        let changes = Family::default();
        registry.register("entry_changes", "Entries that refreshes brought or altered", changes.clone());
        let parse = Histogram::new(PARSE);
        registry.register_with_unit("parse", "Time to read one page", Unit::Seconds, parse.clone());
        let requests = Family::default();
        registry.register("requests", "Answers by what was asked for and status", requests.clone());
        let connections = Gauge::default();
        registry.register("connections", "Open connections of readers", connections.clone());
        let accepted = Counter::default();
        registry.register("connections_accepted", "Connections taken since the start", accepted.clone());
        let streams = Gauge::default();
        registry.register("event_streams", "Open streams of events", streams.clone());
        let told = Counter::default();
        registry.register("events", "Events sent, over all streams", told.clone());
        let deliveries = Family::default();
        registry.register(
            "deliveries",
            "What was sent to others unasked, by what they are and whether they took it",
            deliveries.clone(),
        );
        Metrics(Arc::new(Counted {
            registry,
            fetches,
            changes,
            parse,
            requests,
            connections,
            accepted,
            streams,
            told,
            deliveries,
        }))
    }
}

impl Metrics {
    /// One refresh of the address `source`, which ended in `outcome`: a word, not a reason.
    pub fn fetched(&self, source: &str, outcome: &'static str) {
        self.0.fetches.get_or_create(&[("source", label(source).into()), ("outcome", outcome.into())]).inc();
    }

    /// Entries that a refresh changed in the way `change` names.
    pub fn changed(&self, change: &'static str, entries: usize) {
        if entries > 0 {
            self.0.changes.get_or_create(&[("change", change.into())]).inc_by(entries as u64);
        }
    }

    /// One page was read in this time.
    pub fn parsed(&self, took: Duration) {
        self.0.parse.observe(took.as_secs_f64());
    }

    /// One request for `what` was answered with `status`.
    pub fn answered(&self, what: &'static str, status: u16) {
        // Nearly all are one of these, and of no others are there thousands a second.
        let status = match status {
            200 => "200".into(),
            304 => "304".into(),
            other => other.to_string().into(),
        };
        self.0.requests.get_or_create(&[("what", what.into()), ("status", status)]).inc();
    }

    /// Counts a connection for as long as the answer lives.
    pub fn connected(&self) -> Connected {
        self.0.accepted.inc();
        self.0.connections.inc();
        Connected(self.clone())
    }

    /// Something was sent to one of those `to` which we send unasked, with this outcome: words, not names.
    pub fn delivered(&self, to: &'static str, outcome: &'static str) {
        self.0.deliveries.get_or_create(&[("to", to.into()), ("outcome", outcome.into())]).inc();
    }

    /// Counts a stream of events for as long as the answer lives.
    pub fn streaming(&self) -> Streaming {
        self.0.streams.inc();
        Streaming(self.clone())
    }

    /// Everything counted, and what the store holds now.
    pub fn write(&self, stored: Option<&Stored>) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode_registry(&mut text, &self.0.registry);
        if let Some(stored) = stored {
            let _ = encode_registry(&mut text, &registry_of(stored));
        }
        let _ = encode_eof(&mut text);
        text
    }
}

/// A connection as long as it is open.
#[derive(Debug)]
pub struct Connected(Metrics);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.0.connections.dec();
    }
}

/// A stream of events as long as it is open.
#[derive(Debug)]
pub struct Streaming(Metrics);

impl Streaming {
    /// Counts an event that it sends.
    pub fn told(&self) {
        self.0.0.told.inc();
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.0.streams.dec();
    }
}

fn registry_of(stored: &Stored) -> Registry {
    let mut registry = Registry::with_prefix("tidings");
    let mut gauge = |name: &str, help: &str, value: i64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    };
    gauge("live_blogs", "Live blogs in the store", stored.live_blogs);
    gauge("entries", "Entries in the store", stored.entries);
    gauge("revisions", "Earlier states of entries in the store", stored.revisions);
    gauge("store_size_bytes", "Size of the store with its write-ahead log", i64::try_from(stored.bytes).unwrap_or(i64::MAX));
    gauge("store_writable", "Whether the last write to the store went well", stored.writable.into());
    let last_ok: Family<Labels<1>, Gauge> = Family::default();
    let failures: Family<Labels<1>, Gauge> = Family::default();
    for source in &stored.sources {
        let labels = [("source", label(&source.url).into())];
        if let Some(at) = source.last_ok {
            last_ok.get_or_create(&labels).set(at);
        }
        failures.get_or_create(&labels).set(source.failures.into());
    }
    registry.register("source_last_ok_timestamp_seconds", "When a followed address last answered well", last_ok);
    registry.register("source_failures", "Failures of a followed address since then", failures);
    registry
}

/// An address as the value of a label. The encoder writes it as it is, whatever stands in it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_written() {
        let metrics = Metrics::default();
        metrics.fetched("https://a.example/?q=\"\\\n", "unchanged");
        metrics.fetched("https://a.example/", "failed");
        metrics.fetched("https://a.example/", "failed");
        metrics.changed("new", 3);
        metrics.changed("edited", 0);
        metrics.parsed(Duration::from_millis(30));
        metrics.answered("rss", 304);
        let one = metrics.connected();
        drop(metrics.connected());
        let stream = metrics.streaming();
        stream.told();
        metrics.delivered("sink", "taken");
        let sources = vec![Source { url: "https://a.example/".into(), last_ok: Some(1_641_496_800), failures: 2 }];
        let stored = Stored { live_blogs: 2, entries: 30, revisions: 33, bytes: 4096, writable: true, sources };
        let text = metrics.write(Some(&stored));
        for line in [
            "tidings_fetches_total{source=\"https://a.example/\",outcome=\"failed\"} 2",
            "tidings_fetches_total{source=\"https://a.example/?q=\\\"\\\\\\n\",outcome=\"unchanged\"} 1",
            "tidings_entry_changes_total{change=\"new\"} 3",
            "tidings_parse_seconds_bucket{le=\"0.025\"} 0",
            "tidings_parse_seconds_bucket{le=\"0.05\"} 1",
            "tidings_parse_seconds_count 1",
            "tidings_requests_total{what=\"rss\",status=\"304\"} 1",
            "tidings_connections 1",
            "tidings_connections_accepted_total 2",
            "tidings_event_streams 1",
            "tidings_events_total 1",
            "tidings_deliveries_total{to=\"sink\",outcome=\"taken\"} 1",
            "tidings_live_blogs 2",
            "tidings_entries 30",
            "tidings_revisions 33",
            "tidings_store_size_bytes 4096",
            "tidings_store_writable 1",
            "tidings_source_last_ok_timestamp_seconds{source=\"https://a.example/\"} 1641496800",
            "tidings_source_failures{source=\"https://a.example/\"} 2",
            "# EOF",
        ] {
            assert_eq!(text.lines().filter(|written| *written == line).count(), 1, "{line} in\n{text}");
        }
        assert!(!text.contains("edited"));
        drop(one);
        assert!(metrics.write(None).contains("\ntidings_connections 0\n"));
    }
}
