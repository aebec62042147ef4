//! What pages are made of beside themselves: looks, script and icon, under a path that changes with them, so that a browser
//! keeps them for ever and never shows an old one.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::Response;
use sha2::{Digest, Sha256};

use super::api::written;
use super::error::Refused;
use super::query::Parameters;

/// Name, media type and bytes of each.
const FILES: [(&str, &str, &str); 4] = [
    ("style.css", "text/css; charset=utf-8", include_str!("../../static/style.css")),
    ("timeline.js", "text/javascript; charset=utf-8", include_str!("../../static/timeline.js")),
    ("icon.svg", "image/svg+xml", include_str!("../../static/icon.svg")),
    FEED_STYLE,
];

/// What makes a feed readable that a browser shows. Its address stands in the feed's bytes, so it never changes.
const FEED_STYLE: (&str, &str, &str) = ("feed.css", "text/css; charset=utf-8", include_str!("../../static/feed.css"));

/// Where [`FEED_STYLE`] is.
pub(super) const FEED_STYLE_PATH: &str = "/static/feed.css";

/// What a page of ours may do in a browser: run our script and show the outlets' pictures, which are fetched from them.
/// Nothing inline, nothing of others, no frame around it.
pub(super) const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src http: https:; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'",
);

/// The same for a page that needs no script.
const QUIET: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src http: https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// The part of the path that tells these files from those of another tidings.
pub(super) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut hash = Sha256::new();
        FILES.iter().for_each(|(_, _, content)| hash.update(content));
        hash.finalize()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    })
}

pub(super) async fn versioned(
    Path((asked, name)): Path<(String, String)>,
    uri: Uri,
    request: Parts,
) -> Result<Response, Refused> {
    let file = FILES.iter().find(|(known, _, _)| *known == name && asked == version());
    let (_, content_type, content) = file.ok_or_else(|| Refused::NoPath(uri.path().to_owned()))?;
    Parameters::of(request.uri.query(), &[])?;
    written(&request.headers, content.as_bytes().to_vec(), content_type, "max-age=31536000, immutable").await
}

pub(super) async fn feed_style(request: Parts) -> Result<Response, Refused> {
    Parameters::of(request.uri.query(), &[])?;
    let (_, content_type, content) = FEED_STYLE;
    written(&request.headers, content.as_bytes().to_vec(), content_type, "max-age=3600").await
}

/// A page without a script, as it is answered.
pub(super) async fn page(request: &HeaderMap, html: Vec<u8>) -> Result<Response, Refused> {
    let mut response = written(request, html, "text/html; charset=utf-8", "no-cache").await?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, QUIET);
    Ok(response)
}

/// What the frame around every page takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// From the page to `/`, as a relative address: a proxy may serve us under a path.
    pub root: &'static str,
    /// See [`version`].
    pub version: &'static str,
    /// Which of the site's parts it is.
    pub part: Part,
}

/// The parts that the pages' head leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Timeline,
    Sources,
    Subscribe,
    Entry,
}

impl Frame {
    /// Of a page that lies `depth` folders under `/`.
    pub fn new(depth: usize, part: Part) -> Frame {
        Frame { root: if depth == 0 { "./" } else { "../" }, version: version(), part }
    }
}
