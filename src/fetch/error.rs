use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use url::Url;

use super::network::NotPublic;

/// Why there is no page, by what can be done about it. The same failure gives the same message each time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Nothing can be fetched on this machine or with these settings: mend them.
    #[error("can't fetch over the network: {reason}")]
    Setup {
        /// What the network library said.
        reason: String,
    },
    /// The address is none that can be fetched: mend the config.
    #[error("{url}: {reason}")]
    Address {
        /// The address asked for.
        url: Url,
        /// What is wrong with it.
        reason: String,
    },
    /// The address leads into a network of its own, which the config does not allow for it.
    #[error(
        "{url}: {address} is not on the public internet; if it is meant, allow it with allow_private = true (or --allow-private)"
    )]
    NotPublic {
        /// The address asked for, or the one it led to.
        url: Url,
        /// What its host is, or resolves to.
        address: IpAddr,
    },
    /// No connection, or none that held until an answer began: try again later.
    #[error("{url}: no answer: {reason}")]
    Unreachable {
        /// The address asked for, or the one it led to.
        url: Url,
        /// What the network said.
        reason: String,
    },
    /// It took too long: try again later.
    #[error("{url}: {what} within {after:?}")]
    Timeout {
        /// The address asked for, or the one it led to.
        url: Url,
        /// What did not come.
        what: &'static str,
        /// The limit that was passed.
        after: Duration,
    },
    /// The outlet answered with something else than a page: try again, not before `retry_after`.
    #[error("{url}: the outlet answered with status {status}")]
    Status {
        /// The address that answered.
        url: Url,
        /// The HTTP status code.
        status: u16,
        /// How long a 429 or 503 asks to be left alone: one minute to one day.
        retry_after: Option<Duration>,
    },
    /// Its host has asked to be left alone, on this address or on another: it is not asked before `left` is over.
    #[error("{url}: its host asked to be left alone for a while")]
    Resting {
        /// The address asked for, or the one it led to.
        url: Url,
        /// For how long.
        left: Duration,
    },
    /// The outlet does not want it to be fetched by programs.
    #[error("{url}: the robots.txt there forbids it (`Disallow: {rule}`)")]
    Forbidden {
        /// The address asked for, or the one it led to.
        url: Url,
        /// The rule, as printed.
        rule: String,
    },
    /// Whether the outlet wants it to be fetched is not known: try again later.
    #[error("{url}: not fetched, since its robots.txt can't be read: {reason}")]
    RobotsUnknown {
        /// The address asked for, or the one it led to.
        url: Url,
        /// Why it can't be read.
        reason: String,
    },
    /// The address leads nowhere: it has probably moved.
    #[error("{url}: {reason}")]
    Redirect {
        /// The address asked for.
        url: Url,
        /// What was wrong with the way.
        reason: String,
    },
    /// There is something at the address, but nothing to read entries from.
    #[error("{url}: not a page that can be read: {found}")]
    NotAPage {
        /// The address that answered.
        url: Url,
        /// What is there.
        found: String,
    },
    /// The body passes a limit: raise it, if the page is what it should be.
    #[error("{url}: larger than {limit} bytes, which is {key} in [fetch]")]
    TooLarge {
        /// The address that answered.
        url: Url,
        /// The limit in bytes.
        limit: usize,
        /// Which limit: its name in the settings.
        key: &'static str,
    },
    /// The body broke off or can't be decompressed: try again later.
    #[error("{url}: the page came damaged: {reason}")]
    Damaged {
        /// The address that answered.
        url: Url,
        /// What the network said.
        reason: String,
    },
}

impl FetchError {
    /// How long the outlet asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            FetchError::Status { retry_after, .. } => *retry_after,
            FetchError::Resting { left, .. } => Some(*left),
            _ => None,
        }
    }

    /// The message without the address it begins with.
    pub(super) fn reason(&self) -> String {
        let text = self.to_string();
        text.split_once(": ").map_or(text.clone(), |(_, reason)| reason.to_owned())
    }
}

/// The address that the connector refused to connect to, where that is why.
pub(super) fn refused_address(error: &reqwest::Error) -> Option<IpAddr> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(NotPublic(address)) = error.downcast_ref() {
            return Some(*address);
        }
        cause = error.source();
    }
    None
}

/// The causes of `error`, outermost first. Its own text is left out: it holds the address, which ours name already.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Libraries repeat their cause's text in their own.
        if !text.starts_with("client error (") && !causes.last().is_some_and(|last| last.ends_with(&text)) {
            causes.push(text);
        }
        cause = error.source();
    }
    if causes.is_empty() { error.to_string() } else { causes.join(": ") }
}
