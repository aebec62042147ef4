//! Addresses in a page: absolute, of a scheme a reader can follow, without trackers.

use crate::internet::looks_public;
use url::Url;

/// Makes the addresses of one page absolute.
#[derive(Debug, Clone)]
pub struct Links {
    base: Option<Url>,
}

/// Query parameters that say who clicked and nothing about what is shown.
const TRACKERS: [&str; 18] = [
    "fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "twclid", "yclid", "mc_cid", "mc_eid", "igshid", "ref_src",
    "ref_url", "cmp", "cmpid", "ocid", "xtor", "wt_mc",
];

/// What the names of others begin with.
const TRACKING: [&str; 8] =
    ["utm_", "at_campaign", "at_medium", "at_custom", "at_link", "at_bbc", "ns_mchannel", "ns_source"];

/// Longest address that is followed, in bytes.
const LONGEST: usize = 4096;

/// What a page says is its own address, where it is one that a reader can follow: everything else on it is told relative
/// to that, so it has to be short too.
pub fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok().filter(|_| text.len() <= LONGEST)?;
    let plain = url.username().is_empty() && url.password().is_none() && url.as_str().len() <= LONGEST;
    (matches!(url.scheme(), "http" | "https") && plain).then_some(url)
}

impl Links {
    /// Links relative to the page's own address; without one, relative links can't be followed and are dropped.
    pub fn new(base: Option<&Url>) -> Self {
        Links { base: base.cloned() }
    }

    /// The absolute address of a link, or `None` for one that leads nowhere (`javascript:`, an empty fragment).
    pub fn link(&self, href: &str) -> Option<String> {
        let mut url = self.resolve(href)?;
        match url.scheme() {
            // The one character that the URL Standard leaves as it is, and RFC 6068 does not allow.
            "mailto" => return Some(url.as_str().replace(' ', "%20")),
            "http" | "https" => {}
            _ => return None,
        }
        strip_trackers(&mut url);
        Some(url.into())
    }

    /// The absolute address of a picture. Whoever reads the feed asks for it without being asked: not from their own network.
    pub fn image(&self, src: &str) -> Option<String> {
        let mut url = self.resolve(src)?;
        strip_trackers(&mut url);
        (matches!(url.scheme(), "http" | "https") && looks_public(&url)).then(|| url.into())
    }

    fn resolve(&self, href: &str) -> Option<Url> {
        let href = href.trim();
        if href.is_empty() || href == "#" || href.len() > LONGEST {
            return None;
        }
        let url = match &self.base {
            Some(base) => base.join(href).ok()?,
            None => Url::parse(href).ok()?,
        };
        (url.username().is_empty() && url.password().is_none()).then_some(url)
    }
}

fn strip_trackers(url: &mut Url) {
    let tracks = |name: &str| {
        let name = name.to_ascii_lowercase();
        TRACKERS.contains(&&*name) || TRACKING.iter().any(|start| name.starts_with(start))
    };
    if !url.query_pairs().any(|(name, _)| tracks(&name)) {
        return;
    }
    let kept: Vec<String> = url
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !tracks(pair.split('=').next().unwrap_or_default()))
        .map(str::to_owned)
        .collect();
    url.set_query(Some(kept.join("&")).filter(|query| !query.is_empty()).as_deref());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let base = Url::parse("https://www.example.org/news/live-b1.html").unwrap();
        let links = Links::new(Some(&base));
        for (href, expected) in [
            ("/a", Some("https://www.example.org/a")),
            ("#post-2", Some("https://www.example.org/news/live-b1.html#post-2")),
            ("//cdn.example.org/x", Some("https://cdn.example.org/x")),
            ("https://e.org/?utm_source=x&id=5&fbclid=9#f", Some("https://e.org/?id=5#f")),
            ("https://e.org/?utm_source=x", Some("https://e.org/")),
            ("https://e.org/?CMP=share&at_medium=RSS&camp=2&ref_src=tw%5Etf", Some("https://e.org/?camp=2")),
            ("https://e.org/?q=a%20b&q=c", Some("https://e.org/?q=a%20b&q=c")),
            ("mailto:desk@example.org", Some("mailto:desk@example.org")),
            // Found by mutated pages.
            ("mailto:a@e.org, b@e.org?subject=The ferry", Some("mailto:a@e.org,%20b@e.org?subject=The%20ferry")),
            ("JaVaScRiPt:alert(1)", None),
            ("java\tscript:alert(1)", None),
            ("data:text/html,x", None),
            ("https://user:pw@e.org/", None),
            ("#", None),
        ] {
            assert_eq!(links.link(href).as_deref(), expected, "{href}");
        }
        assert_eq!(Links::new(None).link("/a"), None);
        assert_eq!(address(" https://e.org/x ").map(String::from).as_deref(), Some("https://e.org/x"));
        let long = format!("https://e.org/{}", "é".repeat(2000));
        for text in ["/x", "htps://e.org/", "file:///x", "https://", "https://user:pw@e.org/", &long] {
            assert_eq!(address(text), None, "{text}");
        }
        for (src, expected) in [
            ("/a.jpg?utm_source=x&w=5", Some("https://www.example.org/a.jpg?w=5")),
            ("mailto:x@y", None),
            ("http://169.254.169.254/latest/meta-data", None),
            ("//127.1/a.gif", None),
            ("http://[::ffff:192.168.0.1]/a.gif", None),
            ("http://router/a.gif", None),
        ] {
            assert_eq!(links.image(src).as_deref(), expected, "{src}");
        }
    }
}
