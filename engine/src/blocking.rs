//! [`blocking`]: work with files, off the threads of the async runtime.

use std::io;

use datafusion::error::DataFusionError;
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
