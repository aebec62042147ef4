//! One event on its way to being one line.

use std::fmt::{Debug, Write};

use chrono::{DateTime, SecondsFormat, Utc};
use tracing::field::{Field, Visit};

use super::escape::shown;

/// Bytes of all values in one line. An address and a reason need a tenth of it.
const MOST: usize = 2_000;

/// A line as far as it has come.
pub(super) struct Line {
    json: bool,
    head: String,
    /// Written behind the message, which tracing may hand over last.
    fields: String,
    message: String,
    left: usize,
}

impl Line {
    pub fn text(at: DateTime<Utc>, level: String) -> Line {
        Line::new(false, format!("{} {level} ", instant(at)))
    }

    pub fn json(at: DateTime<Utc>, level: &str) -> Line {
        Line::new(true, format!("{{\"at\":\"{}\",\"level\":\"{}\"", instant(at), level.to_ascii_lowercase()))
    }

    fn new(json: bool, head: String) -> Line {
        Line { json, head, fields: String::new(), message: String::new(), left: MOST }
    }

    pub fn finish(self) -> String {
        let Line { json, head, fields, message, .. } = self;
        if json {
            format!("{head},\"message\":{}{fields}}}\n", quoted(&message))
        } else {
            format!("{head}{message}{fields}\n")
        }
    }

    /// As much of a value as there is still room for.
    fn cut(&mut self, value: &str) -> String {
        let mut cut = shown(value, self.left);
        // A quote takes two bytes, and in JSON a backslash too.
        let twice = cut.bytes().filter(|byte| *byte == b'"' || self.json && *byte == b'\\').count();
        if cut.len() + twice > self.left {
            cut = shown(value, self.left / 2);
        }
        self.left = self.left.saturating_sub(cut.len() + twice);
        cut
    }

    fn text_field(&mut self, field: &Field, value: &str) {
        let value = self.cut(value);
        if field.name() == "message" {
            self.message = value;
        } else if self.json {
            self.raw(field, &quoted(&value));
        } else if value.is_empty() || value.contains([' ', '"', '=']) {
            self.raw(field, &format!("\"{}\"", value.replace('"', "\\\"")));
        } else {
            self.raw(field, &value);
        }
    }

    fn raw(&mut self, field: &Field, value: &str) {
        let _ = match self.json {
            true => write!(self.fields, ",\"{}\":{value}", field.name()),
            false => write!(self.fields, " {}={value}", field.name()),
        };
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text_field(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // A message and what is recorded with `%` come here too, and are written as they are.
        self.text_field(field, &format!("{value:?}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.raw(field, &value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.raw(field, &value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.raw(field, &value.to_string());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is no number.
        let value = if value.is_finite() { value.to_string() } else { "null".to_owned() };
        self.raw(field, &value);
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
