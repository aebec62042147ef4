//! From the text of one setting to its value. Each says what is wrong and how it is written.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use url::Url;

use crate::log::Format;

/// `90s`, `5m`, `2h`, `1d`, also `1h 30m` and `500ms`, within `range`.
pub(super) fn duration(text: &str, range: RangeInclusive<Duration>) -> Result<Duration, String> {
    let units = |unit: &str| match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let milliseconds = sum_of_quantities(text, units).ok_or_else(|| {
        format!(
            "`{}` is not a duration: write a number and a unit, for example \"90s\", \"5m\" or \"2h\"",
            text.escape_debug()
        )
    })?;
    let duration = Duration::from_millis(milliseconds);
    if range.contains(&duration) {
        return Ok(duration);
    }
    let (low, high) = (spell(*range.start()), spell(*range.end()));
    Err(format!("`{text}` is out of range: write a duration from \"{low}\" to \"{high}\""))
}

/// The shortest way to write a duration of whole units.
fn spell(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let (size, unit) =
        units.into_iter().find(|(size, _)| milliseconds >= *size && milliseconds.is_multiple_of(*size)).unwrap_or((1, "ms"));
    format!("{}{unit}", milliseconds / size)
}

/// `10 MiB`, `500 kB`, `2 GiB`, within `range`.
pub(super) fn size(text: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let units = |unit: &str| match unit.to_ascii_lowercase().as_str() {
        "b" => Some(1),
        "kb" => Some(1_000),
        "kib" => Some(1 << 10),
        "mb" => Some(1_000_000),
        "mib" => Some(1 << 20),
        "gb" => Some(1_000_000_000),
        "gib" => Some(1 << 30),
        _ => None,
    };
    let bytes = sum_of_quantities(text, units).ok_or_else(|| {
        format!("`{}` is not a size: write a number and a unit, for example \"10 MiB\" or \"512 KiB\"", text.escape_debug())
    })?;
    if range.contains(&bytes) {
        return Ok(bytes);
    }
    let (low, high) = (spell_size(*range.start()), spell_size(*range.end()));
    Err(format!("`{text}` is out of range: write a size from \"{low}\" to \"{high}\""))
}

/// The shortest way to write a size of whole units.
fn spell_size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")];
    let (size, unit) = units.into_iter().find(|(size, _)| bytes >= *size && bytes.is_multiple_of(*size)).unwrap_or((1, "B"));
    format!("{} {unit}", bytes / size)
}

/// Whole numbers, each followed by its unit.
fn sum_of_quantities(text: &str, unit: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0u64;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let after = after.trim_start();
        let (name, after) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(unit(name)?)?)?;
        rest = after.trim_start();
    }
    Some(sum)
}

/// The address of a page, as a user writes it: whole, `http` or `https`, without a login. The fragment is dropped, as only
/// a browser uses it. An error is a message for the user.
pub fn web_address(text: &str) -> Result<Url, String> {
    let shown = text.escape_debug();
    let whole = "write it in full, for example \"https://news.example/world/live-blog\"";
    let mut url = match Url::parse(text) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) => return Err(format!("`{shown}` has no https:// in front: {whole}")),
        Err(e) => return Err(format!("`{shown}` is not a web address ({e}): {whole}")),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{shown}` is not a web address, only http:// and https:// are: {whole}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated in the message, which may end in a log.
        return Err(format!("a web address must not hold a user name or password: {whole}"));
    }
    url.set_fragment(None);
    Ok(url)
}

/// The address under which others see this server; always ends in `/`, so that paths can be joined to it.
pub(super) fn base_address(text: &str) -> Result<Url, String> {
    let mut url = web_address(text)?;
    if url.query().is_some() {
        return Err(format!("`{}` must not hold a query (`?…`)", text.escape_debug()));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let shown = text.escape_debug();
        format!("`{shown}` is not an address with a port: write for example \"127.0.0.1:8080\" or \"[::1]:8080\"")
    })
}

pub(super) fn log_format(text: &str) -> Result<Format, String> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err(format!("`{}` is none: write \"text\" or \"json\"", text.escape_debug())),
    }
}

pub(super) fn user_agent(text: &str) -> Result<String, String> {
    let text = not_empty(text)?;
    if text.bytes().all(|b| (0x20..0x7F).contains(&b)) {
        return Ok(text);
    }
    Err(format!("`{}` can't be sent in a header: use ASCII letters, digits and signs only", text.escape_debug()))
}

/// Where who runs this can be reached: an e-mail address or the address of a web page.
pub(super) fn contact(text: &str) -> Result<String, String> {
    let text = user_agent(text)?;
    let mail = text.strip_prefix("mailto:").unwrap_or(&text);
    let is_mail =
        mail.split_once('@').is_some_and(|(who, host)| !who.is_empty() && !who.contains(['/', ':']) && host.contains('.'));
    // It stands in a comment of the header, which the signs for the end of one would end.
    let fits = !text.contains([' ', '(', ')', '\\', ';', '<', '>']);
    if fits && (is_mail || web_address(&text).is_ok()) {
        return Ok(text);
    }
    let shown = text.escape_debug();
    Err(format!(
        "`{shown}` is no address to reach you at: write for example \"me@example.org\" or \"https://example.org/me\""
    ))
}

pub(super) fn not_empty(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("must not be empty: leave the key out for its default".to_owned()),
        text => Ok(text.to_owned()),
    }
}

pub(super) fn outlet(text: &str, outlets: &[&str]) -> Result<String, String> {
    if outlets.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!("unknown outlet `{}`: {}", text.escape_debug(), nearest(text, outlets, "the outlets")))
}

/// "did you mean …?", or what there is to choose from where nothing is near.
pub(super) fn nearest(wrong: &str, right: &[&str], what: &str) -> String {
    match near(wrong, right) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("{what} are {}", right.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// The name that was probably meant.
pub(super) fn near<'a>(wrong: &str, right: &[&'a str]) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    right
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong, &name.to_lowercase()), *name))
        .min()
        .filter(|(distance, name)| *distance <= 1.max(name.len().min(wrong.len()) / 3))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: RangeInclusive<Duration> = Duration::ZERO..=Duration::MAX;

    #[test]
    fn durations() {
        for (text, seconds) in
            [("90s", 90), ("5m", 300), ("2h", 7_200), ("1d", 86_400), ("1h 30m", 5_400), (" 5 m ", 300), ("1000ms", 1)]
        {
            assert_eq!(duration(text, ANY), Ok(Duration::from_secs(seconds)), "{text}");
        }
        let huge = "9".repeat(40) + "d";
        for text in [
            "",
            " ",
            "5",
            "m",
            "5 minits",
            "-5m",
            "1.5h",
            "5m5",
            "5 m, 3 s",
            "99999999999999999999s",
            "999999999999999999d",
            &huge,
            "５m",
        ] {
            let message = duration(text, ANY).unwrap_err();
            assert!(message.contains("for example \"90s\", \"5m\" or \"2h\""), "{text}: {message}");
        }
    }

    #[test]
    fn a_duration_out_of_range_names_the_range() {
        let range = Duration::from_secs(10)..=Duration::from_secs(7 * 86_400);
        assert_eq!(duration("10s", range.clone()), Ok(Duration::from_secs(10)));
        assert_eq!(duration("7d", range.clone()), Ok(Duration::from_secs(7 * 86_400)));
        for text in ["9s", "0s", "8d"] {
            let message = duration(text, range.clone()).unwrap_err();
            assert_eq!(message, format!("`{text}` is out of range: write a duration from \"10s\" to \"7d\""));
        }
    }

    #[test]
    fn sizes() {
        let any = 0..=u64::MAX;
        assert_eq!(size("10 MiB", any.clone()), Ok(10 << 20));
        assert_eq!(size("500kB", any.clone()), Ok(500_000));
        assert_eq!(size("2 GiB", any.clone()), Ok(2 << 30));
        for text in ["", "10", "10 megs", "-1 B"] {
            assert!(size(text, any.clone()).unwrap_err().contains("\"10 MiB\""), "{text}");
        }
        assert_eq!(
            size("1 MiB", 1 << 21..=1 << 22).unwrap_err(),
            "`1 MiB` is out of range: write a size from \"2 MiB\" to \"4 MiB\""
        );
    }

    #[test]
    fn web_addresses() {
        assert_eq!(web_address("HTTPS://News.Example/a b#post-1").unwrap().as_str(), "https://news.example/a%20b");
        for (text, part) in [
            ("news.example/live", "no https:// in front"),
            ("//news.example/live", "no https:// in front"),
            ("ftp://news.example/live", "only http:// and https:// are"),
            ("file:///etc/hosts", "only http:// and https:// are"),
            ("javascript:alert(1)", "only http:// and https:// are"),
            ("https://", "is not a web address (empty host)"),
            ("https://news.example:99999/", "invalid port"),
        ] {
            let message = web_address(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
        for text in ["https://me:secret@news.example/", "https://me@news.example/", "https://:secret@news.example/"] {
            let message = web_address(text).unwrap_err();
            assert!(message.contains("user name or password") && !message.contains("secret"), "{message}");
        }
        assert_eq!(base_address("https://news.example/feeds").unwrap().as_str(), "https://news.example/feeds/");
        assert!(base_address("https://news.example/?a=b").is_err());
    }

    #[test]
    fn contacts() {
        for text in ["me@example.org", "mailto:me@example.org", "https://example.org/about"] {
            assert_eq!(contact(text).as_deref(), Ok(text));
        }
        for text in ["me", "@example.org", "me@host", "ftp://example.org/", "a) b@c.example", "https://me:secret@x.example/"]
        {
            assert!(contact(text).unwrap_err().contains("is no address to reach you at"), "{text}");
        }
        assert!(contact("mé@example.org").is_err() && contact("").is_err());
    }

    #[test]
    fn the_nearest_name_is_offered_only_where_it_is_near() {
        let keys = ["every", "interval", "listen", "url"];
        assert_eq!(nearest("intervall", &keys, "the keys"), "did you mean `interval`?");
        assert_eq!(nearest("Listen", &keys, "the keys"), "did you mean `listen`?");
        assert_eq!(nearest("urk", &keys, "the keys"), "did you mean `url`?");
        assert_eq!(nearest("frequency", &keys, "the keys"), "the keys are `every`, `interval`, `listen`, `url`");
        assert_eq!(nearest("", &["a"], "the keys"), "did you mean `a`?");
    }
}
