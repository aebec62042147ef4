//! Which picture an address shows. Outlets cut each picture into many sizes and name a size in the query, in a folder, in the
//! file's name, or sign it; which of them a page has may change with each rendering of it.

/// What of a picture's address stays when only its size changes: host and folders without those that say a size, and the
/// file's name up to where a size begins in it. Two addresses of one picture may still differ; that is told as a change of
/// what is shown, never as an edit.
pub(super) fn picture(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let (folders, name) = url.rsplit_once('/').unwrap_or(("", url));
    let mut kept: Vec<&str> = folders.split('/').filter(|folder| !is_size(folder)).collect();
    let stem = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map_or(name, |(stem, _)| stem);
    let stem = match size_at(stem) {
        Some(at) if at > 0 => stem[..at].trim_end_matches(['-', '_', '.', '@']),
        _ => stem,
    };
    kept.push(stem);
    kept.join("/")
}

/// Whether a folder says a size: `480`, `s615b`, `640x360`, `w_640,h_360,c_fill`.
fn is_size(folder: &str) -> bool {
    let digits = folder.trim_start_matches(['s', 'w', 'h']).trim_end_matches(|c: char| c.is_ascii_lowercase());
    let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let told = |part: &str| {
        let value = part.split_once('_').filter(|(name, _)| (1..=3).contains(&name.len())).map(|(_, value)| value);
        value.is_some_and(|value| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    plain || size_at(folder) == Some(0) || (folder.contains(',') && folder.split(',').all(told))
}

/// Where `640x360` begins.
fn size_at(text: &str) -> Option<usize> {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    text.match_indices('x').find_map(|(at, _)| {
        let before = text.as_bytes()[..at].iter().rev().take_while(|byte| is_digit(byte)).count();
        let after = text.as_bytes()[at + 1..].iter().take_while(|byte| is_digit(byte)).count();
        ((2..=5).contains(&before) && (1..=5).contains(&after)).then_some(at - before)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_make_no_other_picture() {
        for (one, other) in [
            (
                "https://i.example/img/media/3f/master/3000.jpg?width=465&s=1",
                "https://i.example/img/media/3f/master/3000.jpg",
            ),
            (
                "https://i.example/news/240/cpsprodpb/1A2B/production/_1.jpg",
                "https://i.example/news/976/cpsprodpb/1A2B/production/_1.jpg",
            ),
            (
                "https://i.example/incoming/article9.ece/ALTERNATES/s615/0_x.jpg",
                "https://i.example/incoming/article9.ece/ALTERNATES/s1200b/0_x.jpg",
            ),
            (
                "https://i.example/1121104512_0:160:3072:1888_1920x0_80_0_0_5b1f.jpg",
                "https://i.example/1121104512_0:160:3072:1888_600x0_80_0_0_77aa.jpg",
            ),
            ("https://i.example/2022/01/boat-1024x576.jpg", "https://i.example/2022/01/boat.jpg"),
            ("https://i.example/w_640,h_360,c_fill/boat.jpg", "https://i.example/w_1280,c_fill/boat.webp"),
        ] {
            assert_eq!(picture(one), picture(other));
        }
        for (one, other) in [
            ("https://i.example/a.jpg", "https://i.example/b.jpg"),
            ("https://i.example/a/1.jpg", "https://i.example/b/1.jpg"),
            ("https://i.example/480/1.jpg", "https://i.example/480/2.jpg"),
            ("https://i.example/640x360.jpg", "https://i.example/641x360.jpg"),
            ("https://i.example/fox1.jpg", "https://i.example/fox2.jpg"),
        ] {
            assert_ne!(picture(one), picture(other));
        }
        assert_eq!([picture(""), picture("/")], ["/", "/"]);
    }
}
