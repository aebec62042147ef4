//! Any outlet nobody wrote an adapter for, where its page has a schema.org `LiveBlogPosting`. Recognised by that alone, after
//! all others; the outlet is named by its host and by what the page calls its publisher.

use crate::html::{self, Html, fold};
use crate::model::{Problem, ProblemCode};
use crate::outlet::{Draft, Form, Outlet, Refusal, Source, claims_nothing, live_blog};
use crate::schema_org;
use crate::time::{Order, Printed};
use url::Url;

/// Stands for all of them until a page has told its publisher.
pub static OUTLET: Outlet = Outlet {
    slug: "any",
    name: "an outlet without an adapter",
    hosts: &[],
    zone: chrono_tz::UTC,
    language: "",
    usual: Order::NewestFirst,
    blog_key,
    claims_text: claims_nothing,
    claims_json: claims_nothing,
    split: &split,
};

/// The path: nothing is known of what stays in it. A query is part of it only where the path names a program.
fn blog_key(url: &Url) -> Option<String> {
    let path = url.path().trim_matches('/');
    let program = [".php", ".asp", ".aspx", ".jsp", ".cgi"].iter().any(|ending| path.ends_with(ending));
    match url.query().filter(|_| program || path.is_empty()) {
        Some(query) => Some(format!("{path}?{query}")),
        None => Some(path.to_owned()).filter(|path| !path.is_empty()),
    }
}

fn split(source: &Source) -> Result<Draft, Refusal> {
    let Form::Html(page) = source.form else { return Err(source.no_such_form()) };
    let json_ld = schema_org::json_ld(page);
    let Some(posting) = schema_org::live_blog(page, &json_ld.nodes) else {
        return Err(Refusal::NotALiveBlog(match json_ld.broken.first() {
            Some(error) => format!("its outlet has no adapter, and the JSON-LD of its live blog is broken ({error})"),
            None => "its outlet has no adapter, and it only mentions a live blog (LiveBlogPosting) elsewhere".into(),
        }));
    };
    let publisher = publisher(posting.publisher.clone(), page, source);
    let mut draft = live_blog(page, posting, source);
    draft.publisher = Some(publisher);
    for entry in &mut draft.entries {
        if let Some(Printed::Wall { .. } | Printed::Day(_)) = entry.published.printed {
            let message =
                format!("`{}` carries no zone, and that of its outlet is not known: read as UTC", entry.published.text);
            entry.problems.push(Problem::new(ProblemCode::ZoneAssumed, message));
        }
    }
    let problems = json_ld.broken.iter().map(|error| {
        Problem::new(ProblemCode::Damaged, format!("a JSON-LD block of a live blog is not JSON and was left out: {error}"))
    });
    draft.problems.extend(problems);
    Ok(draft)
}

/// Slug and name of the outlet of a page.
fn publisher(told: Option<String>, page: &Html, source: &Source) -> (String, String) {
    let host = source.url.as_ref().and_then(Url::host_str).map(|host| host.trim_end_matches('.'));
    let name = told.or_else(|| html::meta(page, "og:site_name").map(fold)).filter(|name| !name.is_empty());
    let slug = slug(host.map(without_prefix).or(name.as_deref()).unwrap_or_default());
    (slug, name.or_else(|| host.map(str::to_owned)).unwrap_or_else(|| "Unknown outlet".into()))
}

/// Readers know an outlet without the `www.` in its address.
pub(super) fn without_prefix(host: &str) -> &str {
    let stripped = ["www.", "amp.", "m.", "mobile."].iter().find_map(|prefix| host.strip_prefix(prefix));
    stripped.filter(|rest| rest.contains('.')).unwrap_or(host)
}

/// Letters and digits of a host or a name, joined by hyphens, and none of the slugs that an adapter has.
pub(super) fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String = words.collect::<Vec<_>>().join("-").to_ascii_lowercase().chars().take(60).collect();
    let slug = slug.trim_end_matches('-');
    match slug {
        "" => "unknown".into(),
        slug if super::by_slug(slug).is_some() || slug == OUTLET.slug => format!("at-{slug}"),
        slug => slug.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outlet::split_page;
    use crate::page::{Captured, Page};

    #[test]
    fn outlets_are_named_by_their_hosts() {
        for (host, expected) in [
            ("www.example-news.com", "example-news-com"),
            ("m.example.co.uk", "example-co-uk"),
            ("www.com", "www-com"),
            ("independent", "at-independent"),
            ("any", "at-any"),
            ("xn--zeitung-9za.example", "xn-zeitung-9za-example"),
            ("[::1]", "1"),
            ("", "unknown"),
        ] {
            assert_eq!(slug(without_prefix(host)), expected, "{host}");
        }
    }

    #[test]
    fn keys_are_paths() {
        for (url, expected) in [
            ("https://e.org/2024/03/live-vote/?page=2#post3", Some("2024/03/live-vote")),
            ("https://e.org/live.php?id=7", Some("live.php?id=7")),
            ("https://e.org/?p=12", Some("?p=12")),
            ("https://e.org/", None),
        ] {
            assert_eq!(blog_key(&Url::parse(url).unwrap()).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn an_article_of_such_an_outlet_is_refused_with_the_reason() {
        let page = Page {
            body: br#"<html><link rel="canonical" href="https://www.example-news.com/ferries-are-back">
                <script type="application/ld+json">{"@type":"NewsArticle","articleBody":"The first boat left."}</script>
                <p>The first boat left."#
                .to_vec(),
            url: None,
            content_type: None,
            captured: Captured::By("2030-01-01T00:00:00Z".parse().unwrap()),
        };
        let refusal = split_page(&page, None).unwrap_err().to_string();
        let reason = "no outlet is recognised for www.example-news.com, and the page holds no schema.org LiveBlogPosting";
        assert!(refusal.starts_with(reason), "{refusal}");
    }
}
