//! Arrow in and out through the `PyCapsule` interface.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatchReader;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::record_batch::RecordBatch;
use engine::BatchStream;
use futures::StreamExt;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule};
use pyo3_arrow::ffi::{ArrayIterator, to_stream_pycapsule};
use pyo3_arrow::input::AnyRecordBatch;

use crate::error::raise;
use crate::runtime;

/// What made a stream fail: readers of Arrow's streams get a text only.
#[pyclass(frozen, skip_from_py_object, module = "lakebed._native")]
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamFailure(Arc<Mutex<Option<engine::Error>>>);

impl StreamFailure {
    /// Keeps the error, and gives its text to the reader.
    fn keep(&self, error: engine::Error) -> ArrowError {
        let text = error.to_string();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        ArrowError::ExternalError(text.into())
    }
}

#[pymethods]
impl StreamFailure {
    /// Raises what the query failed with, if it did.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(raise(py, error)),
            None => Ok(()),
        }
    }
}

/// A running query as a capsule that any Arrow library can read.
pub(crate) fn export<'py>(
    py: Python<'py>,
    schema: SchemaRef,
    batches: BatchStream,
    requested: Option<Bound<'py, PyCapsule>>,
    failure: StreamFailure,
) -> PyResult<Bound<'py, PyCapsule>> {
    let field = arrow::datatypes::Field::new_struct("", schema.fields().clone(), false)
        .with_metadata(schema.metadata().clone());
    let batches = Mutex::new(batches);
    let arrays = std::iter::from_fn(move || {
        let mut batches = batches.lock().unwrap_or_else(PoisonError::into_inner);
        let next = match runtime::block(batches.next()) {
            Ok(next) => next?.map_err(|error| failure.keep(error)),
            Err(error) => Err(ArrowError::ExternalError(error.to_string().into())),
        };
        Some(next.map(|batch| Arc::new(arrow::array::StructArray::from(batch)) as _))
    });
    let reader = Box::new(ArrayIterator::new(arrays, Arc::new(field)));
    Ok(to_stream_pycapsule(py, reader, requested)?)
}

/// The batches of any object that speaks Arrow's `PyCapsule` interface.
pub(crate) fn import(source: &Bound<'_, PyAny>) -> PyResult<(SchemaRef, Vec<RecordBatch>)> {
    let module: String = source.get_type().getattr("__module__")?.extract()?;
    if module.starts_with("pyarrow") && source.hasattr("schema")? && source.hasattr("to_batches")? {
        return through_ipc(source);
    }
    // WHY: arrow-rs 58 panics on a sliced struct inside a struct, which others may hand over.
    let read = || -> PyResult<(SchemaRef, Vec<RecordBatch>)> {
        let reader = source.extract::<AnyRecordBatch>().map_err(|_ignored| {
            let kind = source.get_type().to_string();
            PyTypeError::new_err(format!("{kind} is no Arrow table: it needs `__arrow_c_stream__`"))
        })?;
        collect(reader.into_reader()?)
    };
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read,
        Err(_panic) => {
            let message = "the table has sliced nested structs, which cannot be taken as they are; \
                           hint: pass it as a pyarrow Table";
            Err(PyValueError::new_err(message))
        }
    }
}

/// `pyarrow` tables may hold sliced nested structs; Arrow's own serialisation has no trouble with them.
fn through_ipc(table: &Bound<'_, PyAny>) -> PyResult<(SchemaRef, Vec<RecordBatch>)> {
    let py = table.py();
    let sink = py.import("pyarrow")?.call_method0("BufferOutputStream")?;
    let writer =
        py.import("pyarrow.ipc")?.call_method1("new_stream", (&sink, table.getattr("schema")?))?;
    writer.call_method1("write", (table,))?;
    writer.call_method0("close")?;
    let bytes = sink.call_method0("getvalue")?.call_method0("to_pybytes")?;
    let bytes = bytes.cast::<PyBytes>()?.as_bytes();
    let reader = StreamReader::try_new(bytes, None).map_err(wrong)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    Ok((schema, batches))
}

fn collect(reader: Box<dyn RecordBatchReader + Send>) -> PyResult<(SchemaRef, Vec<RecordBatch>)> {
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    Ok((schema, batches))
}

fn wrong(error: ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
