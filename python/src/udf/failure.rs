//! Exceptions as data, and data as exceptions.

use std::sync::Arc;

use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use udf_runtime::{FunctionFailure, RowFailure, Stop};

use super::running::stopped;
use crate::error::add_note;

/// Whether an exception ends the run, whatever becomes of rows that fail.
pub(super) fn is_fatal(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyKeyboardInterrupt>(py) || error.is_instance_of::<PySystemExit>(py)
}

/// The failure that an exception is.
pub(crate) fn of(py: Python<'_>, error: PyErr) -> FunctionFailure {
    if Stop::of_this_thread().is_some_and(|stop| stop.is_set()) {
        // WHY: to describe it imports modules, which makes Python forget that Ctrl-C ended the program.
        return stopped();
    }
    // Before Python 3.12 an exception in flight and its traceback are two objects.
    let error = PyErr::from_value(error.into_value(py).into_bound(py).into_any());
    let mut failure = match described(py, &error) {
        Ok((kind, message, traceback)) => {
            let mut failure = FunctionFailure::new(kind, message);
            failure.traceback = Some(traceback);
            failure
        }
        // An exception whose own text cannot be made.
        Err(_) => {
            let kind = error.get_type(py).qualname().map(|name| name.to_string());
            FunctionFailure::new(kind.unwrap_or_default(), "")
        }
    };
    failure.cause = Some(Arc::new(error));
    failure
}

/// The exception, with a note that says which part of a function raised it.
pub(super) fn raised_in(py: Python<'_>, part: &str, error: PyErr) -> PyErr {
    add_note(error.value(py), &format!("in {part}"));
    error
}

fn described(py: Python<'_>, error: &PyErr) -> PyResult<(String, String, String)> {
    // WHY: until Python 3.12 the exception does not know its traceback, only the error does.
    let error = error.clone_ref(py).into_value(py);
    py.import("lakebed._udf.failure")?.call_method1("describe", (error,))?.extract()
}

/// The failure with its exception as bytes, for the process that waits for the results.
pub(super) fn packed(py: Python<'_>, mut failure: FunctionFailure) -> FunctionFailure {
    let cause = failure.cause.as_ref().and_then(|cause| cause.downcast_ref::<PyErr>());
    failure.copied = cause.and_then(|error| pack(py, error).ok().flatten());
    failure
}

fn pack(py: Python<'_>, error: &PyErr) -> PyResult<Option<Vec<u8>>> {
    py.import("lakebed._udf.failure")?.call_method1("pack", (error.value(py),))?.extract()
}

/// The exception of a failure: this process's own, or that of a worker made anew.
pub(crate) fn revived(py: Python<'_>, failure: &FunctionFailure) -> Option<PyErr> {
    if let Some(own) = failure.cause.as_ref().and_then(|cause| cause.downcast_ref::<PyErr>()) {
        return Some(own.clone_ref(py));
    }
    let revive = || -> PyResult<Bound<'_, PyAny>> {
        let copied = failure.copied.as_ref().map(|copied| PyBytes::new(py, copied));
        let told = (copied, &failure.kind, &failure.message, &failure.traceback);
        py.import("lakebed._udf.failure")?.call_method1("revive", told)
    };
    let exception = revive().ok()?;
    (!exception.is_none()).then(|| PyErr::from_value(exception))
}

/// A failed row for Python.
pub(crate) fn failure_row<'py>(
    py: Python<'py>,
    stage: &str,
    failed: &RowFailure,
) -> PyResult<Bound<'py, PyDict>> {
    let RowFailure { attempts, failure } = failed;
    let row = PyDict::new(py);
    row.set_item("stage", stage)?;
    row.set_item("row", failure.row)?;
    row.set_item("arguments", &failure.arguments)?;
    row.set_item("kind", &failure.kind)?;
    row.set_item("message", &failure.message)?;
    row.set_item("traceback", &failure.traceback)?;
    row.set_item("attempts", attempts)?;
    Ok(row)
}
