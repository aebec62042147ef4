//! The log: one event, one line on stderr, as text for people or as JSON for programs.
//!
//! What outlets and clients send stands in many an event. It is escaped, so that none of it begins a line or steers a
//! terminal, and cut, so that none of it fills a disk.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

mod escape;
mod line;

pub use escape::shown;

use line::Line;

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `2022-01-06T19:20:00.000Z  WARN refresh failed: … url=https://…`
    #[default]
    Text,
    /// `{"at":"2022-01-06T19:20:00.000Z","level":"warn","message":"refresh failed: …","url":"https://…"}`
    Json,
}

/// The one log of this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<AtomicBool>);

impl Log {
    /// Writes to stderr from here on what `filter` lets through, dated by `clock`.
    pub fn start(filter: EnvFilter, clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static, colour: bool) -> Log {
        let log = Log::default();
        let to_stderr = |line: &str| {
            // A log that nobody reads any more (`2>&1 | head`) must end no task.
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        };
        let lines = Lines { log: log.clone(), clock, colour, write: to_stderr };
        Registry::default().with(filter).with(lines).init();
        log
    }

    /// Writes in this format from now on.
    pub fn write_as(&self, format: Format) {
        self.0.store(format == Format::Json, Ordering::Relaxed);
    }

    /// How events are written now.
    pub fn format(&self) -> Format {
        if self.0.load(Ordering::Relaxed) { Format::Json } else { Format::Text }
    }
}

/// Makes a line of each event, and hands it to `write` in one piece.
struct Lines<C, W> {
    log: Log,
    clock: C,
    colour: bool,
    write: W,
}

impl<S, C, W> Layer<S> for Lines<C, W>
where
    S: Subscriber,
    C: Fn() -> DateTime<Utc> + 'static,
    W: Fn(&str) + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let at = (self.clock)();
        let mut line = match self.log.format() {
            Format::Text => Line::text(at, level(event.metadata().level(), self.colour)),
            Format::Json => Line::json(at, event.metadata().level().as_str()),
        };
        event.record(&mut line);
        (self.write)(&line.finish());
    }
}

/// The level in five places, in colour where there is a person to see it.
fn level(level: &Level, colour: bool) -> String {
    let code = match *level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        _ => 90,
    };
    if colour { format!("\u{1b}[{code}m{level:>5}\u{1b}[0m") } else { format!("{level:>5}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// What `events` makes the log write.
    fn written(format: Format, events: impl FnOnce()) -> Vec<String> {
        let all = Arc::new(Mutex::new(Vec::new()));
        let (log, taken) = (Log::default(), all.clone());
        log.write_as(format);
        let clock = || DateTime::from_timestamp_millis(1_641_496_800_250).unwrap();
        let lines =
            Lines { log, clock, colour: false, write: move |line: &str| taken.lock().unwrap().push(line.to_owned()) };
        tracing::subscriber::with_default(Registry::default().with(lines), events);
        let all = all.lock().unwrap();
        for line in all.iter() {
            assert!(line.ends_with('\n') && line.matches('\n').count() == 1 && line.len() <= 2_300, "{line:?}");
            let inside = line.trim_end_matches('\n');
            assert!(!inside.chars().any(|c| c.is_control() || "\u{2028}\u{2029}\u{202e}\u{feff}".contains(c)), "{line:?}");
        }
        all.clone()
    }

    #[test]
    fn text_is_for_people() {
        let lines = written(Format::Text, || {
            tracing::warn!(url = "https://a.example/b", tries = 3, "refresh failed: the outlet answers {}", 503);
            tracing::info!(name = "two words", empty = "", sign = "a\"b", "said");
        });
        assert_eq!(
            lines,
            [
                "2022-01-06T19:20:00.250Z  WARN refresh failed: the outlet answers 503 url=https://a.example/b tries=3\n",
                "2022-01-06T19:20:00.250Z  INFO said name=\"two words\" empty=\"\" sign=\"a\\\"b\"\n",
            ]
        );
    }

    #[test]
    fn json_is_for_programs() {
        let lines = written(Format::Json, || {
            tracing::error!(url = "https://a.example/\"b\\\n", tries = 3, well = false, share = 0.5, error = %"no", "said");
        });
        let value: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(
            value,
            serde_json::json!({ "at": "2022-01-06T19:20:00.250Z", "level": "error", "message": "said",
                "url": "https://a.example/\"b\\\\n", "tries": 3, "well": false, "share": 0.5, "error": "no" })
        );
    }

    /// Whatever is sent to us, in each place where it may end: still one line each, still JSON.
    #[test]
    fn nothing_from_outside_begins_a_line_or_ends_the_json() {
        let long = "y".repeat(100_000);
        let strange: Vec<String> = (0..0x3000u32).filter_map(char::from_u32).map(|c| format!("a{c}b")).collect();
        let hostile =
            ["x\n2022-01-06T19:20:00Z ERROR forged", "\u{1b}]0;title\u{7}", "\r", "\u{202e}cod", "\",\"level\":\"x", &long];
        let all: Vec<&str> = hostile.into_iter().chain(strange.iter().map(String::as_str)).collect();
        for format in [Format::Text, Format::Json] {
            let lines = written(format, || {
                for piece in &all {
                    tracing::info!(url = piece, debug = ?piece, error = %piece, "page says {piece}");
                }
            });
            assert_eq!(lines.len(), all.len());
            for (line, piece) in lines.iter().zip(&all) {
                if format == Format::Json {
                    let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
                    assert_eq!(value["level"], "info", "{line}");
                } else {
                    assert!(line.starts_with("2022-01-06T19:20:00.250Z  INFO page says "), "{piece:?}: {line}");
                }
            }
        }
    }
}
