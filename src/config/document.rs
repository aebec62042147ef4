//! A TOML file read key by key, with every mistake in it collected instead of only the first.
//!
//! A reader asks a [`Table`] for its keys; what was never asked for is an unknown key. So the keys stand in one place, the
//! code that uses them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, Utc};
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::{Datetime, Offset};

use super::mistake::Mistake;
use super::value::nearest;

/// Reads `file` with `read`. With one mistake or more, what `read` made is dropped and they are returned in file order.
pub(super) fn read<T>(file: &Path, read: impl FnOnce(&mut Table) -> T) -> Result<T, Vec<Mistake>> {
    let bytes = std::fs::read(file).map_err(|e| vec![Mistake::of_file(file, format!("can't be read: {e}"))])?;
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text,
        Err(e) => {
            let valid = String::from_utf8_lossy(&bytes[..e.valid_up_to()]);
            return Err(vec![Mistake::at(file, &valid, valid.len(), "not UTF-8 from here on: save the file as UTF-8")]);
        }
    };
    let document = Document { file, text, mistakes: RefCell::default(), asked: RefCell::default() };
    let value = document.read(read);
    let mut mistakes = document.mistakes.into_inner();
    mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
    if mistakes.is_empty() { value.ok_or(mistakes) } else { Err(mistakes) }
}

pub(super) struct Document<'a> {
    file: &'a Path,
    text: &'a str,
    mistakes: RefCell<Vec<Mistake>>,
    asked: RefCell<BTreeSet<String>>,
}

impl Document<'_> {
    fn mistake(&self, offset: usize, message: impl Into<String>) {
        self.mistakes.borrow_mut().push(Mistake::at(self.file, self.text, offset, message));
    }

    fn read<T>(&self, read: impl FnOnce(&mut Table) -> T) -> Option<T> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        // What the parser recovered behind a syntax error is a guess: mistakes in it would be noise.
        let mut last_line = 0;
        for error in &errors {
            let offset = error.span().map_or(self.text.len(), |span| span.start);
            let mistake = Mistake::at(self.file, self.text, offset, format!("not TOML: {}", error.message()));
            if mistake.line != last_line {
                last_line = mistake.line;
                self.mistakes.borrow_mut().push(mistake);
            }
        }
        if !errors.is_empty() {
            return None;
        }
        let mut top = Table { document: self, name: "", entries: Some(root.get_ref()), offset: 0, known: Vec::new() };
        let value = read(&mut top);
        top.finish();
        Some(value)
    }
}

/// One table of the file, which may be absent: then every key of it is.
pub(super) struct Table<'a> {
    document: &'a Document<'a>,
    name: &'static str,
    entries: Option<&'a DeTable<'a>>,
    offset: usize,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        let path = if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        self.document.asked.borrow_mut().insert(path);
        self.entries?.get(key)
    }

    /// The value of `key` as `parse` takes it, which says what is wrong with it where something is.
    pub(super) fn typed<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&'a DeValue<'a>) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.value(key)?;
        match parse(value.get_ref()) {
            Ok(value) => Some(value),
            Err(message) => {
                self.document.mistake(value.span().start, format!("{key}: {message}"));
                None
            }
        }
    }

    /// Text in quotes that `parse` makes a value of.
    pub(super) fn text<T>(&mut self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        self.typed(key, |value| match value {
            DeValue::String(text) => parse(text),
            DeValue::Integer(number) => Err(format!("must be text in quotes, found the number {number}")),
            other => Err(format!("must be text in quotes, found {}", kind(other))),
        })
    }

    /// A list of texts in quotes, each of which `parse` makes a value of.
    pub(super) fn texts<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        let items = self.typed(key, |value| match value {
            DeValue::Array(items) if !items.is_empty() => Ok(items),
            DeValue::Array(_) => Err("must not be empty".to_owned()),
            other => Err(format!("must be a list, written [\"…\", \"…\"], found {}", kind(other))),
        })?;
        let mut values = Vec::new();
        for item in items.iter() {
            let value = match item.get_ref() {
                DeValue::String(text) => parse(text),
                other => Err(format!("must be a list of texts in quotes, found {}", kind(other))),
            };
            match value {
                Ok(value) => values.push(value),
                Err(message) => self.document.mistake(item.span().start, format!("{key}: {message}")),
            }
        }
        (values.len() == items.len()).then_some(values)
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.typed(key, |value| match value {
            DeValue::Boolean(flag) => Ok(*flag),
            other => Err(format!("must be true or false without quotes, found {}", kind(other))),
        })
    }

    /// A whole number from `low` to `high`.
    pub(super) fn number(&mut self, key: &'static str, low: u32, high: u32) -> Option<u32> {
        self.typed(key, |value| {
            let DeValue::Integer(number) = value else {
                return Err(format!("must be a whole number without quotes, found {}", kind(value)));
            };
            u32::from_str_radix(number.as_str(), number.radix())
                .ok()
                .filter(|n| (low..=high).contains(n))
                .ok_or_else(|| format!("{number} is out of range: write a number from {low} to {high}"))
        })
    }

    /// A date with time and offset.
    pub(super) fn instant(&mut self, key: &'static str) -> Option<DateTime<Utc>> {
        const WANTED: &str = "write date, time and offset without quotes, for example 2022-01-10T19:05:00Z";
        self.typed(key, |value| match value {
            DeValue::Datetime(datetime) => instant(datetime).ok_or_else(|| match datetime.offset {
                None => format!("{datetime} names no instant, as it has no offset: {WANTED}"),
                Some(_) => format!("{datetime} is not an instant: {WANTED}"),
            }),
            other => Err(format!("must be an instant, found {}: {WANTED}", kind(other))),
        })
    }

    /// The table `key`; an empty one where it is absent.
    pub(super) fn table(&mut self, key: &'static str) -> Table<'a> {
        let offset = self.entries.and_then(|entries| entries.get(key)).map_or(self.offset, |value| value.span().start);
        let entries = self.typed(key, |value| match value {
            DeValue::Table(entries) => Ok(entries),
            other => Err(format!("must be a table, written [{key}], found {}", kind(other))),
        });
        Table { document: self.document, name: key, entries, offset, known: Vec::new() }
    }

    /// The table that stands as the value of `key`; none where it is absent, or something else.
    pub(super) fn inner(&mut self, key: &'static str) -> Option<Table<'a>> {
        match self.entries?.get(key)?.get_ref() {
            DeValue::Table(_) => Some(self.table(key)),
            _ => None,
        }
    }

    /// The tables `[[key]]`, in file order.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Table<'a>> {
        let document = self.document;
        let items = self.typed(key, |value| match value {
            DeValue::Array(items) => Ok(items),
            other => Err(format!("found {}: write [[{key}]], in two pairs of brackets, above each one", kind(other))),
        });
        let mut tables = Vec::new();
        for item in items.into_iter().flat_map(|items| items.iter()) {
            match item.get_ref() {
                DeValue::Table(entries) => {
                    let offset = item.span().start;
                    tables.push(Table { document, name: key, entries: Some(entries), offset, known: Vec::new() });
                }
                other => document.mistake(item.span().start, format!("{key}: must be tables, found {}", kind(other))),
            }
        }
        tables
    }

    /// Notes that `key` is missing, unless it is there and something else was wrong with it.
    pub(super) fn require<T>(&mut self, key: &'static str, value: Option<T>) -> Option<T> {
        if !self.has(key) {
            let place = if self.name.is_empty() { String::new() } else { format!(" in [[{}]]", self.name) };
            self.document.mistake(self.offset, format!("missing key `{key}`{place}"));
        }
        value
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.is_some_and(|entries| entries.contains_key(key))
    }

    /// Line of the value of `key`, from 1.
    pub(super) fn line(&self, key: &str) -> usize {
        Mistake::at(self.document.file, self.document.text, self.offset_of(key), "").line
    }

    /// Notes a mistake at the value of `key`.
    pub(super) fn mistake(&self, key: &str, message: impl std::fmt::Display) {
        self.document.mistake(self.offset_of(key), format!("{key}: {message}"));
    }

    fn offset_of(&self, key: &str) -> usize {
        self.entries.and_then(|entries| entries.get(key)).map_or(self.offset, |value| value.span().start)
    }

    /// Call when every key has been asked for: the others are mistakes.
    pub(super) fn finish(&mut self) {
        for (key, _) in self.entries.into_iter().flatten() {
            let name = key.get_ref();
            if self.known.contains(&name.as_ref()) {
                continue;
            }
            let place = if self.name.is_empty() { String::new() } else { format!(" in `{}`", self.name) };
            let elsewhere = self
                .document
                .asked
                .borrow()
                .iter()
                .find_map(|path| path.strip_suffix(name.as_ref())?.strip_suffix('.').map(str::to_owned));
            let hint = match elsewhere {
                Some(table) if self.name.is_empty() => format!("it belongs in the table `{table}`"),
                _ => nearest(name, &self.known, "the keys"),
            };
            self.document.mistake(key.span().start, format!("unknown key `{}`{place}: {hint}", name.escape_debug()));
        }
    }
}

fn instant(datetime: &Datetime) -> Option<DateTime<Utc>> {
    let (date, time) = (datetime.date?, datetime.time?);
    let offset = match datetime.offset? {
        Offset::Z => FixedOffset::east_opt(0),
        Offset::Custom { minutes } => FixedOffset::east_opt(i32::from(minutes) * 60),
    };
    let date = NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())?;
    let (second, nano) = (time.second.unwrap_or(0), time.nanosecond.unwrap_or(0));
    let time = NaiveTime::from_hms_nano_opt(time.hour.into(), time.minute.into(), second.into(), nano)?;
    Some(date.and_time(time).and_local_timezone(offset?).single()?.to_utc())
}

fn kind(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Every key that `reader` asks for in `text`, with its table's name before it.
#[cfg(test)]
pub(super) fn keys_asked<T>(file: &Path, text: &str, reader: impl FnOnce(&mut Table) -> T) -> BTreeSet<String> {
    let document = Document { file, text, mistakes: RefCell::default(), asked: RefCell::default() };
    document.read(reader);
    document.asked.into_inner()
}
