//! Where entries are kept, and how much of what they were read from: `store = "tidings.db"`, or a table `[store]`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use super::document::Table;
use super::value;
use crate::store::KeepCaptures;

const HOUR: Duration = Duration::from_secs(3600);
const AGE: RangeInclusive<Duration> = HOUR..=Duration::from_secs(36_500 * 24 * 3600);
const SIZE: RangeInclusive<u64> = (1 << 20)..=(1 << 40);

/// The file, where the config names one, and the bounds of captures.
pub(super) fn read(top: &mut Table) -> (Option<PathBuf>, KeepCaptures) {
    let path = |text: &str| value::not_empty(text).map(PathBuf::from);
    let Some(mut table) = top.inner("store") else { return (top.text("store", path), KeepCaptures::default()) };
    let path = table.text("path", path);
    let keep = keep_captures(&mut table);
    table.finish();
    (path, keep)
}

fn keep_captures(table: &mut Table) -> KeepCaptures {
    let Some(mut bounds) = table.inner("keep_captures") else {
        let none = table.typed("keep_captures", |value| match value {
            DeValue::Integer(number) if number.as_str() == "0" => Ok(KeepCaptures::NONE),
            _ => Err("write { age = \"90d\", size = \"2 GiB\" }, or one of the two, or 0 for none".to_owned()),
        });
        return none.unwrap_or_default();
    };
    let age = bounds.text("age", |text| value::duration(text, AGE));
    let bytes = bounds.text("size", |text| value::size(text, SIZE));
    bounds.finish();
    KeepCaptures { age, bytes }
}
