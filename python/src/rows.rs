//! `Rows`: the results of a chain as Python tuples, a batch at a time.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::record_batch::RecordBatch;
use engine::{BatchStream, Progress};
use futures::StreamExt;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::codec::{Codec, tuples};
use crate::runtime::wait;

/// An iterator over lists of tuples; dropping it stops the query.
#[pyclass(frozen, module = "lakebed._native")]
pub(crate) struct Rows {
    codecs: Vec<Codec>,
    batches: Mutex<Option<BatchStream>>,
    progress: Arc<Progress>,
    callback: Option<Py<PyAny>>,
}

impl Rows {
    pub(crate) fn new(
        codecs: Vec<Codec>,
        batches: BatchStream,
        progress: Arc<Progress>,
        callback: Option<Py<PyAny>>,
    ) -> Self {
        Self { codecs, batches: Mutex::new(Some(batches)), progress, callback }
    }

    /// The next batch. The stream travels through the future and back, so that Ctrl-C drops it.
    fn next_batch(&self, py: Python<'_>) -> PyResult<Option<RecordBatch>> {
        let slot = || self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut batches) = slot().take() else {
            return Ok(None);
        };
        let callback = self.callback.as_ref().map(|callback| callback.bind(py));
        let progress = callback.map(|callback| (&self.progress, callback));
        let next = async move {
            let next = batches.next().await.transpose()?;
            Ok((next, batches))
        };
        let (next, batches) = wait(py, next, progress)?;
        if next.is_some() {
            *slot() = Some(batches);
        }
        Ok(next)
    }
}

#[pymethods]
impl Rows {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let Some(batch) = self.next_batch(py)? else {
            return Ok(None);
        };
        let mut columns = Vec::with_capacity(self.codecs.len());
        for (codec, column) in self.codecs.iter().zip(batch.columns()) {
            columns.push(codec.read(py, column)?);
        }
        tuples(py, &columns, batch.num_rows()).map(Some)
    }
}
