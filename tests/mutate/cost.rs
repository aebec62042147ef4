//! What work costs on a machine that others use too.

use std::time::{Duration, Instant};

/// The processor time of this thread, where the system tells it; it does not grow while others run.
fn on_processor() -> Option<Duration> {
    // The count is brought up to date when the thread leaves the processor, and otherwise in ticks of some milliseconds.
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(told.split(' ').next()?.parse().ok()?))
}

/// Counts the work of one thread.
pub struct Work {
    before: Option<Duration>,
    start: Instant,
}

impl Work {
    pub fn begins() -> Self {
        Work { before: on_processor(), start: Instant::now() }
    }

    /// What has been done since.
    pub fn done(&self) -> Duration {
        let elapsed = self.start.elapsed();
        let processor = on_processor().zip(self.before).and_then(|(after, before)| after.checked_sub(before));
        processor.unwrap_or(elapsed)
    }
}

/// What a piece of work took, and what came of it.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let counted = Work::begins();
    let done = work();
    (counted.done(), done)
}
