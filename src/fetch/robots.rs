//! What a robots.txt says to us (RFC 9309).

use std::time::Duration;

/// As much of a robots.txt as is read.
pub(super) const LONGEST: usize = 500 << 10;

/// The longest pause between two visits that is granted to who asks for one.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// The rules that are meant for us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Robots {
    rules: Vec<Rule>,
    /// `Crawl-delay`, which is no standard and yet a wish.
    pub(super) delay: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    allow: bool,
    /// As printed, for messages.
    printed: String,
    /// With the same spelling of escapes as paths have here.
    pattern: Vec<u8>,
}

impl Robots {
    /// Reads what is meant for `agent`: all groups that name it, or else all for everybody.
    pub(super) fn read(text: &[u8], agent: &str) -> Robots {
        let text = &text[..text.len().min(LONGEST)];
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        let (mut ours, mut everybodys, mut named) = (Robots::default(), Robots::default(), false);
        let (mut for_us, mut for_all, mut naming) = (false, false, false);
        for line in text.split(|byte| matches!(byte, b'\n' | b'\r')) {
            let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let key = line[..colon].trim_ascii().to_ascii_lowercase();
            let value = line[colon + 1..].trim_ascii();
            match &key[..] {
                b"user-agent" => {
                    // Names that follow one another share the rules below them.
                    if !naming {
                        (for_us, for_all) = (false, false);
                    }
                    naming = true;
                    let product = value.split(|byte| !(byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'))).next();
                    for_us |= product.is_some_and(|name| name.eq_ignore_ascii_case(agent.as_bytes()));
                    for_all |= value == b"*";
                    named |= for_us;
                }
                b"allow" | b"disallow" => {
                    naming = false;
                    for (_, robots) in
                        [(for_us, &mut ours), (for_all, &mut everybodys)].into_iter().filter(|(meant, _)| *meant)
                    {
                        robots.rules.extend(Rule::read(key == b"allow", value));
                    }
                }
                b"crawl-delay" => {
                    let delay = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
                    let delay = delay.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                    for (_, robots) in
                        [(for_us, &mut ours), (for_all, &mut everybodys)].into_iter().filter(|(meant, _)| *meant)
                    {
                        robots.delay = delay.map(|delay| delay.min(LONGEST_DELAY)).or(robots.delay);
                    }
                }
                // A line that we do not know ends no group.
                _ => {}
            }
        }
        if named { ours } else { everybodys }
    }

    /// The rule that forbids `path` (with its query), where one does: the longest that fits counts, and of two of one length
    /// the one that allows.
    pub(super) fn forbids(&self, path: &str) -> Option<&str> {
        let path = spelled(path.as_bytes());
        let fitting = self.rules.iter().filter(|rule| fits(&rule.pattern, &path));
        let rule = fitting.max_by_key(|rule| (rule.pattern.len(), rule.allow))?;
        (!rule.allow && path != b"/robots.txt").then_some(&rule.printed)
    }
}

impl Rule {
    fn read(allow: bool, value: &[u8]) -> Option<Rule> {
        // A rule that begins with neither is one that browsers' paths can't meet; an empty one forbids nothing.
        matches!(value.first(), Some(b'/' | b'*' | b'$')).then(|| Rule {
            allow,
            printed: String::from_utf8_lossy(&value[..value.len().min(200)]).escape_debug().to_string(),
            pattern: spelled(value),
        })
    }
}

/// One spelling for what can be written in two: letters, digits and `-._~` without an escape, everything that is no ASCII
/// with one, and escapes with capital letters.
fn spelled(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [byte, after @ ..] = rest {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        let escaped = match (byte, after) {
            (b'%', &[one, two, ..]) => hex(one).zip(hex(two)).map(|(one, two)| (one * 16 + two) as u8),
            _ => None,
        };
        let (byte, escape) = escaped.map_or((*byte, false), |byte| (byte, true));
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        if plain || (!escape && (0x21..0x7F).contains(&byte)) {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
        rest = if escape { &after[2..] } else { after };
    }
    out
}

/// Whether a path begins as `pattern` says: `*` stands for anything, a `$` at the end for the end. Each part between two
/// stars is looked for once, from where the last one ended, so that no pattern costs more than one walk.
fn fits(pattern: &[u8], path: &[u8]) -> bool {
    let (pattern, to_the_end) = match pattern {
        [pattern @ .., b'$'] => (pattern, true),
        _ => (pattern, false),
    };
    let mut parts = pattern.split(|byte| *byte == b'*');
    let Some(mut rest) = parts.next().and_then(|first| path.strip_prefix(first)) else { return false };
    let mut parts: Vec<&[u8]> = parts.collect();
    if !to_the_end {
        return parts.iter().all(|part| after(&mut rest, part));
    }
    match parts.pop() {
        Some(last) => parts.iter().all(|part| after(&mut rest, part)) && rest.ends_with(last),
        None => rest.is_empty(),
    }
}

/// Moves `rest` behind the first `part` in it.
fn after(rest: &mut &[u8], part: &[u8]) -> bool {
    if part.is_empty() {
        return true;
    }
    match rest.windows(part.len()).position(|window| window == part) {
        Some(at) => {
            *rest = &rest[at + part.len()..];
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(robots: &str, path: &str) -> bool {
        Robots::read(robots.as_bytes(), "tidings").forbids(path).is_none()
    }

    #[test]
    fn our_group_counts_and_else_everybodys() {
        let robots = "User-agent: *\nDisallow: /\n\nUSER-AGENT : Tidings/2.0 (x)\nuser-agent: other\nDisallow: /private\n\
            Crawl-delay: 7\nUser-agent: third\nDisallow: /third\n\nUser-Agent: tidings\nDisallow: /more # and this";
        for (path, free) in [("/", true), ("/private/a", false), ("/more", false), ("/third", true)] {
            assert_eq!(allowed(robots, path), free, "{path}");
        }
        let read = |agent| Robots::read(robots.as_bytes(), agent);
        assert_eq!(read("tidings").delay, Some(Duration::from_secs(7)));
        assert_eq!(read("nobody").forbids("/a"), Some("/"));
        assert_eq!(read("tiding").forbids("/a"), Some("/"), "a name that ours begins with is not ours");
        assert!(!allowed("user-agent: a\nallow: /\nuser-agent: *\ndisallow: /x", "/x"));
        assert!(allowed("Disallow: /\n", "/x"), "rules that are meant for nobody");
        assert!(allowed("User-agent: tidings\n\nUser-agent: *\nSitemap: /s\nDisallow:\n", "/x"));
    }

    #[test]
    fn the_longest_rule_counts_and_of_two_the_kinder() {
        let robots = "user-agent: *\ndisallow: /live\nallow: /live/blog\ndisallow: /live/blog/\nallow: /live/blog/\n\
            disallow: *.pdf$\ndisallow: /*?*print=\ndisallow: /a$\n";
        for (path, free) in [
            ("/live", false),
            ("/living", true),
            ("/live/blog", true),
            ("/live/blog/7", true),
            ("/x.pdf", false),
            ("/x.pdf?a", true),
            ("/x.pdf.pdf", false),
            ("/b?print=1", false),
            ("/b?x=1&print=1", false),
            ("/b", true),
            ("/a", false),
            ("/ab", true),
            ("/robots.txt", true),
        ] {
            assert_eq!(allowed(robots, path), free, "{path}");
        }
        assert!(allowed("user-agent: *\ndisallow: /", "/robots.txt"));
    }

    #[test]
    fn paths_are_compared_in_one_spelling() {
        let robots = "user-agent: *\ndisallow: /caf%c3%a9\ndisallow: /%7euser\ndisallow: /a%2fb\ndisallow: /тест\n";
        for (path, free) in [
            ("/caf%C3%A9", false),
            ("/~user", false),
            ("/%7Euser", false),
            ("/a%2Fb", false),
            ("/a/b", true),
            ("/%D1%82%D0%B5%D1%81%D1%82", false),
        ] {
            assert_eq!(allowed(robots, path), free, "{path}");
        }
    }

    #[test]
    fn whatever_a_server_sends_is_read() {
        assert!(!allowed("\u{feff}User-agent:*\rDisallow:/x\r", "/x"));
        assert!(allowed("<!doctype html><title>Not found: User-agent: *</title>", "/x"));
        assert!(Robots::read(b"user-agent: *\ndisallow: /\xFF\xFE", "tidings").forbids("/x").is_none());
        let late = format!("user-agent: *\n{}disallow: /x", "#".repeat(LONGEST));
        assert!(allowed(&late, "/x"), "nothing is read behind the limit");
        for delay in ["nan", "-1", "inf", "1e300", "soon", ""] {
            let read = Robots::read(format!("user-agent: *\ncrawl-delay: {delay}").as_bytes(), "tidings");
            assert_eq!(read.delay, None, "{delay}");
        }
        let read = Robots::read(b"user-agent: *\ncrawl-delay: 86400", "tidings");
        assert_eq!(read.delay, Some(LONGEST_DELAY));
    }

    #[test]
    fn rules_made_to_cost_time_cost_none() {
        let rule = format!("disallow: /{}\n", "*a".repeat(500));
        let robots = Robots::read(format!("user-agent: *\n{}", rule.repeat(500)).as_bytes(), "tidings");
        let begun = std::time::Instant::now();
        assert!(robots.forbids(&format!("/{}", "ab".repeat(200))).is_none());
        assert!(robots.forbids(&format!("/{}", "ab".repeat(1000))).is_some());
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}
