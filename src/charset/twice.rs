//! Text that was encoded as UTF-8 twice: the bytes of its UTF-8 were taken for characters of windows-1252 or ISO 8859-1 and
//! encoded once more, so that `’` reads `â€™`. Saved pages carry it (a CGTN homepage of 2021), and so do pages whose server
//! names the wrong charset.
//!
//! Two neighbouring letters of a right page can look like one letter encoded twice (`„MENÜ“`, `« été »` with its hard
//! spaces), so one such pair proves nothing: most of what is not ASCII has to look so, or hold what nobody writes.

/// The text put right and how many passages that took, or `None` where nothing shows that it was encoded twice.
pub(super) fn repaired(text: &str) -> Option<(String, usize)> {
    if text.is_ascii() {
        return None;
    }
    let (mut twice, mut sure, mut once) = (0usize, 0usize, 0usize);
    for run in runs(text) {
        match undone(&text[run.clone()]) {
            None => once += 1,
            Some(_) if unmistakable(&text[run]) => sure += 1,
            Some(_) => twice += 1,
        }
    }
    let whole_page = sure + twice >= 2 && once * 4 <= sure + twice;
    if !whole_page && sure == 0 {
        return None;
    }
    let (mut out, mut at, mut count) = (String::with_capacity(text.len()), 0, 0);
    for run in runs(text) {
        let Some(right) = undone(&text[run.clone()]).filter(|_| whole_page || unmistakable(&text[run.clone()])) else {
            continue;
        };
        out.push_str(&text[at..run.start]);
        out.push_str(&right);
        (at, count) = (run.end, count + 1);
    }
    out.push_str(&text[at..]);
    Some((out, count))
}

/// The stretches of a text that are not ASCII.
fn runs(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text.as_bytes()[from..].iter().position(|byte| !byte.is_ascii())?;
        let end = text.as_bytes()[start..].iter().position(u8::is_ascii).map_or(text.len(), |length| start + length);
        from = end;
        Some(start..end)
    })
}

/// A run as it read before it was encoded a second time.
fn undone(run: &str) -> Option<String> {
    let bytes: Vec<u8> = run.chars().map(byte).collect::<Option<_>>()?;
    String::from_utf8(bytes).ok()
}

/// What no page means to say: a control character that nothing prints, or the first two letters of a quotation mark or dash.
fn unmistakable(run: &str) -> bool {
    run.contains("â€") || run.contains(|c| ('\u{80}'..='\u{9f}').contains(&c))
}

/// The byte that a character stands for in windows-1252, or in ISO 8859-1 where windows-1252 prints a sign instead.
fn byte(c: char) -> Option<u8> {
    const SIGNS: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
        '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match u8::try_from(u32::from(c)) {
        Ok(byte) => Some(byte),
        Err(_) => SIGNS.iter().position(|sign| *sign == c).and_then(|at| u8::try_from(0x80 + at).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes a text once more, by way of ISO 8859-1 or windows-1252.
    fn again(text: &str, windows: bool) -> String {
        match windows {
            true => encoding_rs::WINDOWS_1252.decode_without_bom_handling(text.as_bytes()).0.into_owned(),
            false => text.bytes().map(char::from).collect(),
        }
    }

    #[test]
    fn what_was_encoded_twice_is_put_right() {
        for text in [
            "The day’s news — from “Almaty”",
            "Português, Français, Español",
            "Русский язык, 中文网 and العربية",
            "à la carte at 20 °C: £5 or 6 €",
            "<p>’",
        ] {
            for windows in [true, false] {
                let broken = again(text, windows);
                assert_eq!(repaired(&broken).unwrap().0, text, "{broken}");
            }
        }
        let (text, count) = repaired("L’été à Paris, où l’on danse: “Itâ€™s late”, naïve").unwrap();
        assert_eq!((text.as_str(), count), ("L’été à Paris, où l’on danse: “It’s late”, naïve", 1), "a mixed page");
    }

    #[test]
    fn what_was_encoded_once_stays() {
        for text in [
            "plain",
            "",
            "« L’été\u{a0}» à l’Hôtel, « déjà\u{a0}» dit « où\u{a0}» ça",
            "Auf der Karte steht „MENÜ“ und „Spaß“, sagt Jürgen – für später",
            "Â°",
            "Ã",
            "Русский — язык",
            "中文网「新闻」",
            "Ça va\u{85} bien",
        ] {
            assert_eq!(repaired(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[a-z\u{80}-\u{ff}â€™Ã©ж]{0,40}") {
            let _ = repaired(&text);
        }
    }
}
