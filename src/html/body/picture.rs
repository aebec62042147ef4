//! What a page says of a picture.

use scraper::node::Element;

/// A length as pages write it: `640`, `640px`. A percentage is none.
pub(super) fn pixels(element: &Element, name: &str) -> Option<u32> {
    let value = element.attr(name)?.trim();
    let value = value.strip_suffix("px").unwrap_or(value).trim_end();
    let value = value.split_once('.').map_or(value, |(whole, _)| whole);
    value.parse().ok().filter(|pixels| *pixels < 20_000)
}

/// A lazy picture's address with the widest of its `data-widths` filled in.
pub(super) fn widest(element: &Element) -> Option<String> {
    let widths = element.attr("data-widths")?.split(|c: char| !c.is_ascii_digit());
    let widest = widths.filter_map(|width| width.parse::<u32>().ok()).max()?;
    let src = ["data-src", "src"].iter().filter_map(|name| element.attr(name)).find(|src| src.contains("{width}"))?;
    Some(src.replace("{width}", &widest.to_string()))
}
