//! Work that keeps a processor busy, on threads that give way to those which answer.

use std::future::Future;

use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

/// Runs `work`, which asks the store many things one after the other, on a thread that does nothing else meanwhile.
///
/// Each answer comes from SQLite's thread. Among the tasks of a runtime, whoever waits for one is woken from outside and stands behind
/// all that is ready there: on a server at its limit that was fifty milliseconds for the statements of one refresh. What has begun is
/// finished, whether or not anybody still waits for it.
///
/// It begins with the call: whoever is going to call it would otherwise hold room for all of `work` from its own beginning.
pub(crate) fn apart<T, W>(work: W) -> impl Future<Output = T> + Send + use<T, W>
where
    T: Send + 'static,
    W: Future<Output = T> + Send + 'static,
{
    let runtime = Handle::current();
    let begun = busy(move || runtime.block_on(work));
    async move {
        match begun.await {
            Ok(done) => done,
            Err(broken) => match broken.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down, and so does whoever waits.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

/// Runs `work`, which takes a processor for milliseconds or more, where no task waits for the thread.
pub(crate) fn busy<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    spawn_blocking(move || {
        priority::give_way();
        work()
    })
}

/// Linux counts a priority for each thread (setpriority(2), "C library/kernel differences"); where it is one for the whole process, as
/// POSIX has it, nothing is to be won. A thread of SQLite is as urgent as the one that opened its connection, whichever that was: its
/// statements are short.
#[cfg(target_os = "linux")]
mod priority {
    use std::cell::Cell;

    use rustix::process::{getpid, getpriority_process, setpriority_process};

    /// How far behind, in steps of nice(2): where all want a processor, a thread has a tenth of what one that answers has.
    const STEPS: i32 = 10;

    thread_local! {
        static BEHIND: Cell<bool> = const { Cell::new(false) };
    }

    /// Puts this thread behind those which answer, for good: no thread without privileges may come forward again.
    pub(super) fn give_way() {
        // A new thread is as nice as the one that made it, so it is counted from the first one and not from its own.
        if !BEHIND.replace(true)
            && let Err(error) =
                getpriority_process(Some(getpid())).and_then(|first| setpriority_process(None, first + STEPS))
        {
            tracing::debug!("a thread stays as urgent as those which answer: {error}");
        }
    }

    #[cfg(test)]
    mod tests {
        use super::super::{apart, busy};
        use super::*;

        #[tokio::test]
        async fn threads_that_work_stand_behind_those_which_answer_and_no_further() {
            let nice = || getpriority_process(None).unwrap();
            let first = getpriority_process(Some(getpid())).unwrap();
            let behind = (first + STEPS).min(19);
            for _ in 0..3 {
                // The thread that one of them makes is no nicer than itself.
                let (own, next) = apart(async move { (nice(), busy(nice).await.unwrap()) }).await;
                assert_eq!((own, next), (behind, behind));
            }
            assert_eq!(nice(), first, "who waits is as urgent as before");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod priority {
    pub(super) fn give_way() {}
}
