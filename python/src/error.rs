//! Our errors become exception classes of `lakebed.exceptions`; a user's own exception comes back as itself.

use engine::Error;
use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyStopAsyncIteration, PyStopIteration};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tokio::task::JoinError;
use udf_runtime::FunctionFailure;

use crate::udf::revived;

/// The exception for an error of the engine.
pub(crate) fn raise(py: Python<'_>, error: Error) -> PyErr {
    if let Error::Function(udf_runtime::Error::Function { name, failure }) = &error
        && let Some(own) = user_exception(py, name, failure)
    {
        return own;
    }
    coded(py, error.code(), &error.to_string())
}

/// An exception of the class that belongs to a stable code.
pub(crate) fn coded(py: Python<'_>, code: &str, message: &str) -> PyErr {
    let build = || -> PyResult<Bound<'_, PyAny>> {
        let class = py.import("lakebed.exceptions")?.call_method1("class_for", (code,))?;
        let named = PyDict::new(py);
        named.set_item("code", code)?;
        class.call((message,), Some(&named))
    };
    match build() {
        Ok(exception) => PyErr::from_value(exception),
        Err(_) => PyRuntimeError::new_err(format!("{code}: {message}")),
    }
}

/// A task that was stopped: nothing a user did.
pub(crate) fn panicked(py: Python<'_>, stopped: JoinError) -> PyErr {
    let what = match stopped.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "a task panicked".to_owned()),
        Err(canceled) => canceled.to_string(),
    };
    coded(py, "engine.internal", &format!("internal error, please report it: {what}"))
}

/// What the user's function raised, with a note that names the stage and the row.
fn user_exception(py: Python<'_>, stage: &str, failure: &FunctionFailure) -> Option<PyErr> {
    let own = revived(py, failure)?;
    let row = failure.row.map_or_else(String::new, |row| format!(" at input row {row}"));
    let arguments =
        failure.arguments.as_deref().map_or_else(String::new, |text| format!(": {text}"));
    let note = format!("raised by `{stage}`{row}{arguments}");
    if own.is_instance_of::<PyStopIteration>(py) || own.is_instance_of::<PyStopAsyncIteration>(py) {
        // Raised as itself it would end the loop over the results in silence (PEP 479).
        let wrapped =
            coded(py, "udf.function_failed", &format!("a {} was {note}", own.get_type(py)));
        wrapped.set_cause(py, Some(own));
        return Some(wrapped);
    }
    add_note(own.value(py), &note);
    Some(own)
}

/// Adds a line that tracebacks show below the exception.
pub(crate) fn add_note(error: &Bound<'_, PyBaseException>, note: &str) {
    // An exception that takes no notes is raised without them.
    drop(error.call_method1("add_note", (note,)));
}
