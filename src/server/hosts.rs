//! Under which names this server answers, once it knows its own.

use std::net::IpAddr;

use url::Url;

/// The host of the base address, where there is one. Without one every name is taken: there is none to compare it with, and
/// nothing of a request's name gets into an answer.
#[derive(Debug, Clone)]
pub(super) struct Hosts(Option<String>);

impl Hosts {
    pub fn new(base_url: Option<&Url>) -> Self {
        Hosts(base_url.and_then(Url::host_str).map(plain))
    }

    /// Answers as this machine only, whatever name a page in a browser gives it.
    pub fn machine() -> Self {
        Hosts(Some(String::new()))
    }

    /// Whether only some names are answered.
    pub fn named(&self) -> bool {
        self.0.is_some()
    }

    /// Whether `host` names this server: by its base address, as this machine, or by the very address (`local`) that the
    /// client connected to, as health checks and proxies do. Ports are not compared, since a proxy has another one.
    pub fn are_ours(&self, host: &str, local: Option<IpAddr>) -> bool {
        let Some(base) = &self.0 else { return true };
        let host = plain(host);
        if host == *base || host == "localhost" {
            return true;
        }
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.is_ok_and(|address| address.to_canonical().is_loopback() || Some(address.to_canonical()) == local)
    }
}

fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_ours() {
        let base = Url::parse("https://Feeds.example.org/news").unwrap();
        let hosts = Hosts::new(Some(&base));
        let local = Some(IpAddr::from([192, 0, 2, 7]));
        for host in ["feeds.example.org", "FEEDS.example.org.", "localhost", "127.0.0.1", "127.9.9.9", "[::1]", "192.0.2.7"]
        {
            assert!(hosts.are_ours(host, local), "{host}");
        }
        for host in ["", "example.org", "evil.feeds.example.org", "feeds.example.org.evil", "192.0.2.8", "0.0.0.0", "[::]"] {
            assert!(!hosts.are_ours(host, local), "{host}");
        }
        assert!(!hosts.are_ours("192.0.2.7", None));
        assert!(Hosts::new(None).are_ours("evil.example", None));
    }
}
