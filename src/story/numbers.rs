//! Figures: what they are worth, and whether those of two texts exclude each other.

/// A figure in one spelling: `2,500`, `2.500` and `2500` are the same, and so are `twelve` and `12`. None for a word.
pub(super) fn value(word: &str) -> Option<String> {
    if let Some(spelled) = spelled(word) {
        return Some(spelled.to_owned());
    }
    if !word.bytes().all(|byte| byte.is_ascii_digit() || byte == b',' || byte == b'.')
        || !word.starts_with(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    let mut parts = word.split([',', '.']);
    let first = parts.next()?;
    let rest: Vec<&str> = parts.collect();
    let grouped = !rest.is_empty() && (1..=3).contains(&first.len()) && rest.iter().all(|part| part.len() == 3);
    let joined = if grouped { format!("{first}{}", rest.concat()) } else { word.replace(',', ".") };
    let plain = joined.trim_start_matches('0');
    Some(if plain.is_empty() || plain.starts_with('.') { format!("0{plain}") } else { plain.to_owned() })
}

fn spelled(word: &str) -> Option<&'static str> {
    const SPELLED: [(&str, &str); 27] = [
        ("two", "2"),
        ("three", "3"),
        ("four", "4"),
        ("five", "5"),
        ("six", "6"),
        ("seven", "7"),
        ("eight", "8"),
        ("nine", "9"),
        ("ten", "10"),
        ("eleven", "11"),
        ("twelve", "12"),
        ("thirteen", "13"),
        ("fourteen", "14"),
        ("fifteen", "15"),
        ("sixteen", "16"),
        ("seventeen", "17"),
        ("eighteen", "18"),
        ("nineteen", "19"),
        ("twenty", "20"),
        ("thirty", "30"),
        ("forty", "40"),
        ("fifty", "50"),
        ("sixty", "60"),
        ("seventy", "70"),
        ("eighty", "80"),
        ("ninety", "90"),
        ("dozen", "12"),
    ];
    SPELLED.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

/// `twenty` and `three` as `twenty-three` has them.
pub(super) fn joined(tens: &str, ones: &str) -> Option<String> {
    let (tens, ones) = (tens.parse::<u32>().ok()?, ones.parse::<u32>().ok()?);
    ((20..100).contains(&tens) && tens.is_multiple_of(10) && (1..10).contains(&ones)).then(|| (tens + ones).to_string())
}

/// Whether two texts may have a figure in common by chance: small ones, and years.
pub(super) fn is_plain(value: &str) -> bool {
    match value.parse::<u32>() {
        Ok(number) => number < 10 || (1900..2100).contains(&number),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_one_spelling() {
        for (printed, read) in [
            ("2,500", Some("2500")),
            ("2.500", Some("2500")),
            ("2500", Some("2500")),
            ("1,250,000", Some("1250000")),
            ("2.5", Some("2.5")),
            ("2,5", Some("2.5")),
            ("twelve", Some("12")),
            ("dozen", Some("12")),
            ("007", Some("7")),
            ("0", Some("0")),
            ("0.5", Some("0.5")),
            ("g7", None),
            ("seventh", None),
        ] {
            assert_eq!(value(printed).as_deref(), read, "{printed}");
        }
        assert!(is_plain("3") && is_plain("2022") && !is_plain("26") && !is_plain("2500") && !is_plain("2.5"));
    }
}
