//! [`Calls`]: how a function's calls are made: here, one after the other, or by `lakebed._udf.calls`.

use std::ops::Range;

use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyIterator, PyList, PyTuple};
use udf_runtime::Stop;

use super::Definition;
use crate::gate;

/// What makes the calls of a running function.
pub(super) enum Calls {
    /// Each call when its outcome is wanted.
    Direct,
    /// A `lakebed._udf.calls.Calls`: retries, time limits, rows in flight together.
    Managed(Py<PyAny>),
}

/// The outcome of a row's calls.
pub(super) struct Outcome<'py> {
    pub(super) arguments: Bound<'py, PyTuple>,
    pub(super) result: PyResult<Bound<'py, PyAny>>,
    pub(super) attempts: u32,
}

impl Calls {
    pub(super) fn start(py: Python<'_>, definition: &Definition) -> PyResult<Self> {
        if !definition.managed {
            return Ok(Self::Direct);
        }
        let calls = py.import("lakebed._udf.calls")?.call_method1("start", (&definition.spec,))?;
        Ok(Self::Managed(calls.unbind()))
    }

    /// What a set-up or tear-down returned, awaited where the function is a coroutine.
    pub(super) fn run<'py>(&self, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Direct => Ok(value),
            Self::Managed(calls) => gate::call_method(calls.bind(value.py()), "run", &[&value]),
        }
    }

    pub(super) fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self {
            Self::Direct => Ok(()),
            Self::Managed(calls) => gate::call_method(calls.bind(py), "close", &[]).map(drop),
        }
    }
}

/// Calls that a [`Calls::Managed`] has begun.
pub(super) struct UnderWay(Py<PyAny>);

impl UnderWay {
    pub(super) fn begin(calls: &Bound<'_, PyAny>, rows: &[Bound<'_, PyTuple>]) -> PyResult<Self> {
        let rows = PyList::new(calls.py(), rows)?;
        Ok(Self(gate::call_method(calls, "begin", &[rows.as_any()])?.unbind()))
    }

    /// The outcomes in order: a value or an exception, and the number of attempts. `rows` are those that a call is for.
    pub(super) fn outcomes<'py>(
        &self,
        calls: &Bound<'py, PyAny>,
        stop: &Stop,
        rows: impl Fn(usize) -> Range<usize> + Send + 'static,
    ) -> PyResult<Bound<'py, PyIterator>> {
        let stop = stop.clone();
        let tick =
            move |call: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| -> PyResult<bool> {
                if let Some(call) = call.get_item(0)?.extract::<Option<usize>>()? {
                    stop.rows(rows(call));
                }
                Ok(stop.is_set())
            };
        let tick = PyCFunction::new_closure(calls.py(), None, None, tick)?;
        calls.call_method1("complete", (&self.0, tick))?.try_iter()
    }
}

/// The next outcome; `None` when nobody waits for it any more.
pub(super) fn next_outcome<'py>(
    outcomes: &Bound<'py, PyIterator>,
    arguments: Bound<'py, PyTuple>,
) -> Option<Outcome<'py>> {
    let outcome = gate::next(outcomes)?.and_then(|outcome| outcome.extract());
    let (result, attempts) = match outcome {
        Ok((value, error, attempts)) => (value_or_error(value, &error), attempts),
        Err(error) => (Err(error), 1),
    };
    Some(Outcome { arguments, result, attempts })
}

fn value_or_error<'py>(
    value: Bound<'py, PyAny>,
    error: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    if error.is_none() { Ok(value) } else { Err(PyErr::from_value(error.clone())) }
}
