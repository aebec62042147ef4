use std::time::Duration;

/// Limits of one fetch, and who we say we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchSettings {
    /// Who we are, for the `User-Agent` header: a product's name with its version, and a comment.
    pub user_agent: String,
    /// Where who runs this can be reached: an e-mail address or a web page, put into the `User-Agent` header.
    pub contact: Option<String>,
    /// For one connection, TLS included.
    pub connect_timeout: Duration,
    /// From a request to the end of the head of its answer.
    pub header_timeout: Duration,
    /// For the whole fetch, redirects and body included.
    pub timeout: Duration,
    /// Bytes of a body as it is sent.
    pub max_wire: usize,
    /// Bytes of a body, counted after decompression.
    pub max_body: usize,
    /// How many redirects are followed.
    pub max_redirects: usize,
    /// From the end of a visit to a host to the next visit there.
    pub gap: Duration,
    /// How many fetches run at once in all; to one host it is one.
    pub at_once: usize,
}

impl FetchSettings {
    /// The `User-Agent` header.
    pub fn agent(&self) -> String {
        match (&self.contact, self.user_agent.strip_suffix(')')) {
            (None, _) => self.user_agent.clone(),
            (Some(contact), Some(comment)) => format!("{comment}; +{contact})"),
            (Some(contact), None) => format!("{} (+{contact})", self.user_agent),
        }
    }

    /// The product's name alone, which robots.txt files may call us by.
    pub(super) fn product(&self) -> String {
        let name = |c: &char| c.is_ascii_alphabetic() || matches!(c, '-' | '_');
        self.user_agent.chars().take_while(name).collect()
    }
}

impl Default for FetchSettings {
    fn default() -> Self {
        FetchSettings {
            user_agent: concat!("tidings/", env!("CARGO_PKG_VERSION"), " (live-blog feed reader)").to_owned(),
            contact: None,
            connect_timeout: Duration::from_secs(5),
            header_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            max_wire: 8 << 20,
            max_body: 16 << 20,
            max_redirects: 5,
            gap: Duration::from_secs(1),
            at_once: 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_goes_into_the_user_agent() {
        let agent = |user_agent: &str, contact: Option<&str>| {
            let settings = FetchSettings {
                user_agent: user_agent.into(),
                contact: contact.map(str::to_owned),
                ..FetchSettings::default()
            };
            (settings.agent(), settings.product())
        };
        assert_eq!(agent("tidings/1 (reader)", Some("a@b.example")).0, "tidings/1 (reader; +a@b.example)");
        assert_eq!(agent("Own-Reader/2", Some("https://b.example/")).0, "Own-Reader/2 (+https://b.example/)");
        assert_eq!(agent("Own-Reader/2", None), ("Own-Reader/2".into(), "Own-Reader".into()));
        assert_eq!(FetchSettings::default().product(), "tidings");
    }
}
