//! When something that was not taken is sent again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The first pause, which doubles with each failure.
const FIRST: Duration = Duration::from_secs(1);

/// The pause after the nth failure in a row: from half of a limit that doubles to the whole, by chance, so that what failed
/// together does not come back together. Whoever asks for one that is longer than the `longest` of ours gets it.
pub(super) fn pause(failures: u32, asked: Option<Duration>, longest: Duration) -> Duration {
    // The hasher's keys are chance enough.
    let chance = (RandomState::new().hash_one(failures) >> 11) as f64 / (1u64 << 53) as f64;
    let limit = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest);
    limit.mul_f64(0.5 + chance / 2.0).max(asked.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_up_to_the_longest() {
        let longest = Duration::from_secs(300);
        for (failures, limit) in [(0, 1), (1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (99, 300), (u32::MAX, 300)] {
            let (pause, limit) = (pause(failures, None, longest), Duration::from_secs(limit));
            assert!(pause >= limit / 2 && pause <= limit, "{failures}: {pause:?}");
        }
        assert_eq!(pause(1, Some(Duration::from_secs(3600)), longest), Duration::from_secs(3600));
    }
}
