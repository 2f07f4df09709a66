//! [`here`] and [`there`]: futures of ours, awaited or waited for where another engine calls us.
//!
//! Its calls may come from any thread: of our runtime, of its own, or of none, as across the border of a library, whose
//! thread-locals are its own.

use std::future::Future;
use std::thread;

use datafusion::error::Result;
use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use crate::Error;

/// Awaits `work` on the runtime that is under way, else on `runtime`.
pub(super) async fn there<T: Send + 'static>(
    runtime: Option<&Handle>,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    match runtime.filter(|_| Handle::try_current().is_err()) {
        Some(runtime) => {
            runtime.spawn(work).await.map_err(|error| Error::internal(error.to_string()))?
        }
        None => work.await,
    }
}

/// Waits for `work`, which takes no time worth mentioning, in a call that cannot be awaited.
pub(super) fn here<T: Send>(
    runtime: Option<&Handle>,
    work: impl Future<Output = Result<T>> + Send,
) -> Result<T> {
    match (Handle::try_current(), runtime) {
        (Ok(current), _) if current.runtime_flavor() == RuntimeFlavor::MultiThread => {
            block_in_place(|| current.block_on(work))
        }
        (Err(_), Some(runtime)) => runtime.block_on(work),
        // The only thread of its runtime: another one has to do it.
        _ => thread::scope(|scope| {
            let waits = || Builder::new_current_thread().enable_all().build()?.block_on(work);
            let waited = scope.spawn(waits).join();
            waited.unwrap_or_else(|_| Err(Error::internal("a thread panicked").into()))
        }),
    }
}
