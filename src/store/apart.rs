//! Work with the store on a thread of its own.

use std::future::Future;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

/// Runs `work`, which asks the store many things one after the other, on a thread that does nothing else meanwhile.
///
/// Each answer comes from SQLite's thread. Among the tasks of a runtime, whoever waits for one is woken from outside and stands behind
/// all that is ready there: on a server at its limit that was fifty milliseconds for the statements of one refresh. What has begun is
/// finished, whether or not anybody still waits for it.
pub(crate) async fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = Handle::current();
    match spawn_blocking(move || runtime.block_on(work)).await {
        Ok(done) => done,
        Err(broken) => match broken.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down, and so does whoever waits.
            Err(_) => std::future::pending().await,
        },
    }
}
