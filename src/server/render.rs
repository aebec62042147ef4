//! Where feeds and pages are made: beside the threads that answer.

use std::future::Future;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use crate::store::apart;

/// Writes as many at once as there are processors. More would not be done sooner, and would keep everybody else waiting.
#[derive(Debug)]
pub(super) struct Renderer(Arc<Semaphore>);

impl Default for Renderer {
    fn default() -> Self {
        Renderer(Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from))))
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
        let turns = self.0.clone();
        apart(async move {
            let told = ask.await?;
            // It is never closed.
            let _turn = turns.acquire().await;
            make(told)
        })
        .await
    }
}
