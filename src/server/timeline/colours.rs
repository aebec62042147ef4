//! Which colour each outlet has: the same one on every page, and as far as there are enough, no two the same.

use std::collections::BTreeMap;

/// How many colours the style sheet has.
pub(super) const COLOURS: usize = 10;

/// A colour for each of `outlets`. Each has one that its name tells; where that is taken, the next one that is free. So few
/// colours move when an outlet is added.
pub(in crate::server) fn colours<'a>(outlets: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut colours: BTreeMap<String, usize> = BTreeMap::new();
    for slug in outlets {
        let wanted = slug.bytes().fold(7_usize, |sum, byte| (sum * 31 + usize::from(byte)) % 9973) % COLOURS;
        let taken = |colour: usize| colours.values().filter(|other| **other == colour).count();
        let free = (0..COLOURS).map(|step| (wanted + step) % COLOURS).min_by_key(|colour| taken(*colour));
        colours.insert(slug.to_owned(), free.unwrap_or(wanted));
    }
    colours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_alike_while_there_are_enough() {
        let slugs: Vec<String> = (0..COLOURS).map(|nth| format!("outlet-{nth}")).collect();
        let all = colours(slugs.iter().map(String::as_str));
        let mut used: Vec<usize> = all.values().copied().collect();
        used.sort_unstable();
        assert_eq!(used, (0..COLOURS).collect::<Vec<_>>());
        assert_eq!(colours(["bbc"])["bbc"], colours(["bbc", "dw"])["bbc"]);
        assert!(colours(slugs.iter().map(String::as_str).chain(["one-more"])).values().all(|colour| *colour < COLOURS));
    }
}
