//! [`Observed`]: `lakebed/_udf/observe.py` notes what is opened while a function is called, and only then: threads are
//! known by numbers, which others get after them.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What notes the files of one running function, if they are noted.
pub(super) struct Observed {
    reads: Py<PyAny>,
    by_thread: Py<PyDict>,
}

impl Observed {
    pub(super) fn new(py: Python<'_>, spec: &Bound<'_, PyDict>) -> PyResult<Self> {
        let observe = py.import("lakebed._udf.observe")?;
        let reads = observe.call_method1("reads_of", (spec,))?.unbind();
        let by_thread = observe.getattr("_reads")?.cast_into::<PyDict>()?.unbind();
        Ok(Self { reads, by_thread })
    }

    /// Does what calls the function.
    pub(super) fn during<T>(&self, py: Python<'_>, work: impl FnOnce() -> T) -> T {
        let thread = self.enter(py);
        let done = work();
        if let Some(thread) = thread {
            // It is not there where the function ended it.
            drop(self.by_thread.bind(py).del_item(thread));
        }
        done
    }

    fn enter<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        if self.reads.is_none(py) {
            return None;
        }
        let thread = py.import("threading").and_then(|it| it.call_method0("get_ident")).ok()?;
        self.by_thread.bind(py).set_item(&thread, &self.reads).ok()?;
        Some(thread)
    }

    /// From now on rows are called.
    pub(super) fn set_up(&self, py: Python<'_>) -> PyResult<()> {
        if self.reads.is_none(py) { Ok(()) } else { self.reads.setattr(py, "in_setup", false) }
    }

    /// No more rows are called.
    pub(super) fn end(&self, py: Python<'_>) -> PyResult<()> {
        if self.reads.is_none(py) {
            return Ok(());
        }
        self.reads.call_method0(py, "end").map(drop)
    }
}
