//! The time of one fetch. It runs while an outlet is waited for, not while other visits are.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// What of the whole time is left.
#[derive(Debug)]
pub(super) struct Budget {
    left: Duration,
    used: Duration,
}

/// What was over first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The time of the one step.
    Step,
    /// The time of the whole fetch.
    Whole,
}

impl Budget {
    pub(super) fn new(whole: Duration) -> Self {
        Budget { left: whole, used: Duration::ZERO }
    }

    /// A smaller one, for something on the way that may fail by itself; its time is [`Budget::charge`]d.
    pub(super) fn part(&self, most: Duration) -> Self {
        Budget::new(self.left.min(most))
    }

    pub(super) fn charge(&mut self, part: &Budget) {
        self.left = self.left.saturating_sub(part.used);
    }

    /// Waits for `step`, no longer than `most` nor than what is left.
    pub(super) async fn spend<T>(&mut self, most: Duration, step: impl Future<Output = T>) -> Result<T, Overdue> {
        let begun = Instant::now();
        let ended = tokio::time::timeout(most.min(self.left), step).await;
        let overdue = if most < self.left { Overdue::Step } else { Overdue::Whole };
        self.used += begun.elapsed();
        self.left = self.left.saturating_sub(begun.elapsed());
        ended.map_err(|_| overdue)
    }

    /// Waits for `step` as long as there is time.
    pub(super) async fn spend_rest<T>(&mut self, step: impl Future<Output = T>) -> Result<T, Overdue> {
        self.spend(self.left, step).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_runs_out_over_the_steps_together() {
        let second = Duration::from_secs(1);
        let mut budget = Budget::new(10 * second);
        assert_eq!(budget.spend(5 * second, sleep(4 * second)).await, Ok(()));
        assert_eq!(budget.spend(5 * second, sleep(9 * second)).await, Err(Overdue::Step));
        sleep(100 * second).await;
        let mut part = budget.part(30 * second);
        assert_eq!(part.spend_rest(sleep(second / 2)).await, Ok(()));
        budget.charge(&part);
        assert_eq!(budget.spend(second, sleep(second)).await, Err(Overdue::Whole));
        assert_eq!(budget.spend_rest(sleep(second)).await, Err(Overdue::Whole));
    }
}
