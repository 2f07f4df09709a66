//! [`blocking`] and [`from_thread`]: work with files, off the threads of the async runtime.

use std::io;
use std::thread;

use datafusion::error::DataFusionError;
use futures::stream::{BoxStream, once, try_unfold};
use futures::{StreamExt, TryStreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use udf_runtime::task;

use crate::Error;

/// Runs work that waits for a disk on a thread that may wait.
pub(crate) async fn blocking<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Stopped> + Send + 'static,
{
    task::spawn_blocking(work).await.map_err(|error| Stopped(error.to_string()))?
}

/// What work on a thread of its own makes, in order. The thread begins when the first is asked for, and may be so many
/// `ahead` of whoever takes them.
///
/// There are only so many blocking threads, and [`blocking`] is for work that comes to its end by itself: if all of them
/// waited for somebody to take rows, nobody could read the files that these rows wait for.
pub(crate) fn from_thread<T, E>(
    name: &'static str,
    ahead: usize,
    work: impl FnOnce(&Taker<T, E>) -> Result<(), E> + Send + 'static,
) -> BoxStream<'static, Result<T, E>>
where
    T: Send + 'static,
    E: From<Stopped> + Send + 'static,
{
    let begin = async move {
        let (sender, made) = mpsc::channel(ahead);
        let (taker, runtime) = (Taker(sender), Handle::current());
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _entered = runtime.enter();
            let end = work(&taker).err().map(Err);
            // Nobody may be there any more to hear of it.
            drop(taker.0.blocking_send(end));
        });
        thread.map_err(|error| Stopped(error.to_string()))?;
        Ok(try_unfold(made, move |mut made| async move {
            match made.recv().await {
                Some(Some(next)) => next.map(|next| Some((next, made))),
                Some(None) => Ok(None),
                // It has not come to its end: something would be missing.
                None => Err(Stopped(format!("the thread {name} is gone")).into()),
            }
        }))
    };
    once(begin).try_flatten().boxed()
}

/// Takes what a thread makes.
pub(crate) struct Taker<T, E>(mpsc::Sender<Option<Result<T, E>>>);

impl<T, E> Taker<T, E> {
    /// Waits until there is room for it; false when nobody wants it or anything after it.
    pub(crate) fn take(&self, made: T) -> bool {
        self.0.blocking_send(Some(Ok(made))).is_ok()
    }

    pub(crate) fn is_there(&self) -> bool {
        !self.0.is_closed()
    }
}

/// The work panicked, or its runtime ended.
pub(crate) struct Stopped(String);

impl From<Stopped> for io::Error {
    fn from(stopped: Stopped) -> Self {
        Self::other(stopped.0)
    }
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Self {
        Self::internal(stopped.0)
    }
}

impl From<Stopped> for DataFusionError {
    fn from(stopped: Stopped) -> Self {
        Error::from(stopped).into()
    }
}

#[cfg(test)]
mod tests;
