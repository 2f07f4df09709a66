//! [`Files`]: a function reaches files as the session of its chain does, and keeps them if that is set.

use engine::Objects;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::storage::Storage;

/// What to tell `lakebed/_storage.py` before calls.
pub(super) struct Files {
    reach: Py<PyAny>,
    /// None in a worker, which has one for all functions.
    storage: Option<Py<Storage>>,
    /// Whether files that are read whole stay for later runs.
    keeps: bool,
}

impl Files {
    pub(super) fn try_new(
        py: Python<'_>,
        objects: Option<&Objects>,
        spec: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let storage = objects.map(|objects| Py::new(py, Storage(objects.clone())));
        Ok(Self {
            reach: py.import("lakebed._storage")?.getattr("reach")?.unbind(),
            storage: storage.transpose()?,
            keeps: spec.as_any().get_item("cache")?.is_truthy()?,
        })
    }

    /// Holds until this thread gives the interpreter back or another function is called, and in what is started
    /// meanwhile.
    pub(super) fn reach(&self, py: Python<'_>) -> PyResult<()> {
        self.reach.call1(py, (&self.storage, self.keeps)).map(drop)
    }
}
