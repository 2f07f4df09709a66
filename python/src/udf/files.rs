//! [`Files`]: a function that is called in this process reaches files as the session of its chain does.

use engine::Objects;
use pyo3::prelude::*;

use crate::storage::Storage;

/// What to tell `lakebed/_storage.py` before calls; nothing in a worker, which knows it for good.
pub(super) struct Files(Option<(Py<PyAny>, Py<Storage>)>);

impl Files {
    pub(super) fn try_new(py: Python<'_>, objects: Option<&Objects>) -> PyResult<Self> {
        let Some(objects) = objects else { return Ok(Self(None)) };
        let reach = py.import("lakebed._storage")?.getattr("reach")?.unbind();
        Ok(Self(Some((reach, Py::new(py, Storage(objects.clone()))?))))
    }

    /// Holds until this thread gives the interpreter back, and in what is started meanwhile.
    pub(super) fn reach(&self, py: Python<'_>) -> PyResult<()> {
        match &self.0 {
            Some((reach, storage)) => reach.call1(py, (storage,)).map(drop),
            None => Ok(()),
        }
    }
}
