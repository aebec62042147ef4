//! Web archives (WARC 1.0 and 1.1, ISO 28500): their response records, with the instant of capture from the record.

use super::{Known, LONGEST, Saved, SavedError, Take, coding};
use crate::page::{Captured, Page};
use std::io::{BufRead, Read};
use std::ops::ControlFlow;
use url::Url;
use warc::{RecordType, WarcHeader, WarcReader};

/// Head of a recorded answer: status line and headers.
const HEADERS: usize = 128;

/// Reads every response record that can hold a page: an answer with status 200 of a text type. Others are passed over, as
/// pictures and style sheets are most of an archive.
pub(super) fn each(file: &str, reader: &mut dyn BufRead, known: &Known, take: &mut Take) -> ControlFlow<()> {
    let mut archive = WarcReader::new(reader);
    let mut records = archive.stream_records();
    while let Some(record) = records.next_item() {
        let mut record = match record {
            Ok(record) => record,
            // Where one record ends nobody knows any more: the rest of the file is lost.
            Err(error) => {
                let told = format!("the archive is damaged here, and can't be read further: {error}");
                return take(Saved { name: file.to_owned(), page: Err(SavedError::Damaged(told)) });
            }
        };
        if *record.warc_type() != RecordType::Response {
            continue;
        }
        let url = record.header(WarcHeader::TargetURI).map(|url| url.trim_matches(['<', '>']).to_owned());
        let name = format!("{file}: {}", url.as_deref().unwrap_or("a record without an address"));
        let captured = known.captured.unwrap_or_else(|| *record.date());
        let cut = record.truncated_type().is_some();
        let mut answer = Vec::new();
        if record.content_length() > LONGEST {
            take(Saved { name, page: Err(SavedError::TooLong) })?;
            continue;
        }
        let length = record.content_length();
        if let Err(error) = record.read_to_end(&mut answer) {
            return take(Saved { name, page: Err(error.into()) });
        }
        if (answer.len() as u64) < length {
            let told = format!("the archive ends within this record, after {} of {length} bytes", answer.len());
            return take(Saved { name, page: Err(SavedError::Damaged(told)) });
        }
        let page = match page(&answer) {
            Ok(None) => continue,
            Ok(Some(_)) if cut => Err(SavedError::Damaged("the record was cut short when it was made".into())),
            Ok(Some((body, content_type))) => {
                let url = known.url.clone().or_else(|| Url::parse(url.as_deref()?).ok());
                Ok(Page { body, url, content_type, captured: Captured::At(captured) })
            }
            Err(error) => Err(error),
        };
        take(Saved { name, page })?;
    }
    ControlFlow::Continue(())
}

/// The body of a recorded answer, its codings undone, and its media type.
type Recorded = (Vec<u8>, Option<String>);

/// What was recorded, if it can be a page.
fn page(answer: &[u8]) -> Result<Option<Recorded>, SavedError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let damaged = |what: &str| SavedError::Damaged(format!("the recorded answer {what}"));
    let length = match response.parse(answer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Err(damaged("ends in its headers")),
        Err(error) => return Err(damaged(&format!("has no readable headers: {error}"))),
    };
    let header = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| String::from_utf8_lossy(header.value).trim().to_owned()).filter(|value| !value.is_empty())
    };
    let content_type = header("content-type");
    let media_type =
        content_type.as_deref().map(|value| value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let readable = |kind: &str| {
        matches!(kind, "text/html" | "application/xhtml+xml" | "text/plain" | "application/json") || kind.ends_with("+json")
    };
    if response.code != Some(200) || !media_type.as_deref().is_none_or(readable) {
        return Ok(None);
    }
    let mut body = answer[length..].to_vec();
    // Many archives name the transfer coding and hold the body without it.
    if header("transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked"))
        && let Some(whole) = coding::unchunked(&body)
    {
        body = whole;
    }
    if let Some(name) = header("content-encoding") {
        body = coding::undone(&name, body)?;
    }
    Ok(Some((body, content_type)))
}
