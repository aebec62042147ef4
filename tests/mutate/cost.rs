//! What work costs on a machine that others use too.

use std::time::{Duration, Instant};

/// The processor time of this thread, where the system tells it; it does not grow while others run.
fn on_processor() -> Option<Duration> {
    // The count is brought up to date when the thread leaves the processor, and otherwise in ticks of some milliseconds.
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(told.split(' ').next()?.parse().ok()?))
}

/// What a piece of work took, and what came of it.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let (before, start) = (on_processor(), Instant::now());
    let done = work();
    let elapsed = start.elapsed();
    let processor = on_processor().zip(before).and_then(|(after, before)| after.checked_sub(before));
    (processor.unwrap_or(elapsed), done)
}
