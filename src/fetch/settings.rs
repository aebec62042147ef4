use std::time::Duration;

/// Limits of one fetch, and who we say we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchSettings {
    /// The `User-Agent` header.
    pub user_agent: String,
    /// For one connection, TLS included.
    pub connect_timeout: Duration,
    /// For the whole fetch, redirects and body included.
    pub timeout: Duration,
    /// Bytes of a body, counted after decompression.
    pub max_body: usize,
    /// How many redirects are followed.
    pub max_redirects: usize,
}

impl Default for FetchSettings {
    fn default() -> Self {
        FetchSettings {
            user_agent: concat!("tidings/", env!("CARGO_PKG_VERSION"), " (live-blog feed reader)").to_owned(),
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            max_body: 10 << 20,
            max_redirects: 5,
        }
    }
}
