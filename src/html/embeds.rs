//! Players and social posts inside a body: a feed can't show them, so each becomes a link to what it shows.

use scraper::node::Element;

/// Whether an element shows something from elsewhere.
pub(super) fn embed(name: &str) -> bool {
    matches!(name, "iframe" | "video" | "audio")
        || name.strip_prefix("amp-").is_some_and(|kind| {
            matches!(
                kind,
                "twitter"
                    | "youtube"
                    | "instagram"
                    | "facebook"
                    | "tiktok"
                    | "iframe"
                    | "video"
                    | "audio"
                    | "vimeo"
                    | "brightcove"
                    | "jwplayer"
                    | "dailymotion"
                    | "video-iframe"
                    | "reddit"
                    | "soundcloud"
            )
        })
}

/// What an embed shows, and what to call it.
pub(super) fn target(element: &Element) -> Option<(String, &'static str)> {
    let attr = |name: &str| element.attr(name).map(str::trim).filter(|value| !value.is_empty());
    // An id that is put into an address has to be one.
    let id = |name: &str| attr(name).filter(|id| id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
    Some(match element.name() {
        "amp-twitter" => (format!("https://twitter.com/i/status/{}", id("data-tweetid")?), "Post"),
        "amp-youtube" => (format!("https://www.youtube.com/watch?v={}", id("data-videoid")?), "Video"),
        "amp-vimeo" => (format!("https://vimeo.com/{}", id("data-videoid")?), "Video"),
        "amp-dailymotion" => (format!("https://www.dailymotion.com/video/{}", id("data-videoid")?), "Video"),
        "amp-instagram" => (format!("https://www.instagram.com/p/{}/", id("data-shortcode")?), "Post"),
        "amp-jwplayer" => (format!("https://cdn.jwplayer.com/previews/{}", id("data-media-id")?), "Video"),
        "amp-facebook" => (attr("data-href")?.to_owned(), "Post"),
        "amp-tiktok" | "amp-reddit" => (attr("data-src")?.to_owned(), "Post"),
        "amp-audio" | "audio" | "amp-soundcloud" => (attr("src")?.to_owned(), "Audio"),
        "amp-video" | "video" | "amp-video-iframe" => (attr("src")?.to_owned(), "Video"),
        _ => (attr("src").or(attr("data-src")).filter(|src| !src.starts_with("about:"))?.to_owned(), "Embedded"),
    })
}
