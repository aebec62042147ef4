//! Where feeds and pages are made: beside the threads that answer.

use std::future::Future;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use crate::background::apart;

/// How many for each processor ask the store at once, or wait for their turn to write. Each has a thread, and the more threads have
/// work the longer those wait that answer.
const ASKING: usize = 3;

/// The same, on whatever machine: as many as read the store at once, and two that write meanwhile.
const LEAST: usize = 6;

/// Writes as many at once as there are processors. More would not be done sooner, and would keep everybody else waiting.
#[derive(Debug)]
pub(super) struct Renderer {
    asking: Semaphore,
    writing: Arc<Semaphore>,
}

impl Default for Renderer {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Renderer { asking: Semaphore::new((ASKING * processors).max(LEAST)), writing: Arc::new(Semaphore::new(processors)) }
    }
}

impl Renderer {
    /// Asks the store by `ask`, and makes by `make` of what it says, when that is its turn.
    pub async fn run<A, T, E>(
        &self,
        ask: impl Future<Output = Result<A, E>> + Send + 'static,
        make: impl FnOnce(A) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        A: Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        // Neither is ever closed.
        let _place = self.asking.acquire().await;
        let writing = self.writing.clone();
        apart(async move {
            let told = ask.await?;
            let _turn = writing.acquire().await;
            make(told)
        })
        .await
    }
}
