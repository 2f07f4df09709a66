//! What the catalog knows, as Python sees it: a dict for each version, job and folder.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMicrosecondArray};
use catalog::{DatasetVersion, Dependency, Folder, Job, NamePart, QualifiedName};
use engine::Garbage;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::codec::{Codec, Kind};

/// A version; `places` are those that listings are of.
pub(crate) fn version_row<'py>(
    py: Python<'py>,
    record: &DatasetVersion,
    places: &HashMap<QualifiedName, String>,
) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("namespace", record.dataset.namespace.as_str())?;
    row.set_item("project", record.dataset.project.as_str())?;
    row.set_item("name", record.dataset.name.as_str())?;
    row.set_item("version", record.version.to_string())?;
    row.set_item("uuid", &record.uuid)?;
    row.set_item("status", record.status.as_str())?;
    row.set_item("rows", record.rows)?;
    row.set_item("bytes", record.bytes)?;
    row.set_item("description", &record.description)?;
    row.set_item("attrs", &record.attrs)?;
    row.set_item("created_at", timestamp(py, Some(record.created_at.timestamp_micros()))?)?;
    let finished = record.finished_at.map(|at| at.timestamp_micros());
    row.set_item("finished_at", timestamp(py, finished)?)?;
    row.set_item("error", &record.error)?;
    row.set_item("job", record.job.as_str())?;
    let changes = record.delta.as_ref().and_then(|delta| delta.changes);
    row.set_item("changes", changes.map(|it| (it.added, it.replaced, it.dropped)))?;
    let shown = |one: &Dependency| match places.get(&one.name) {
        Some(place) => format!("{place}@{}", one.version),
        None => format!("{}@{}", one.name, one.version),
    };
    let dependencies = record.dependencies.iter();
    row.set_item("dependencies", dependencies.clone().map(shown).collect::<Vec<_>>())?;
    row.set_item("made_of", dependencies.map(made_of).collect::<Vec<_>>())?;
    Ok(row)
}

/// A version by its full name and its number.
pub(crate) fn made_of(dependency: &Dependency) -> (String, String) {
    (dependency.name.to_string(), dependency.version.to_string())
}

/// A job; what is JSON stays text.
pub(crate) fn job_row<'py>(py: Python<'py>, job: &Job) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("id", job.id.as_str())?;
    row.set_item("name", &job.name)?;
    row.set_item("status", job.status.as_str())?;
    row.set_item("created_at", timestamp(py, Some(job.created_at.timestamp_micros()))?)?;
    let finished = job.finished_at.map(|at| at.timestamp_micros());
    row.set_item("finished_at", timestamp(py, finished)?)?;
    row.set_item("source", &job.source)?;
    row.set_item("git_commit", &job.git_commit)?;
    row.set_item("git_dirty", job.git_dirty)?;
    row.set_item("author", &job.author)?;
    row.set_item("environment", job.environment.to_string())?;
    row.set_item("params", job.params.to_string())?;
    row.set_item("metrics", serde_json::Value::from(job.metrics.clone()).to_string())?;
    row.set_item("error", &job.error)?;
    Ok(row)
}

/// A namespace, or a project in it.
pub(crate) fn folder_row<'py>(py: Python<'py>, folder: &Folder) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("namespace", folder.name.namespace.as_str())?;
    row.set_item("project", folder.name.project.as_ref().map(NamePart::as_str))?;
    row.set_item("description", &folder.description)?;
    row.set_item("created_at", timestamp(py, Some(folder.created_at.timestamp_micros()))?)?;
    Ok(row)
}

fn timestamp(py: Python<'_>, micros: Option<i64>) -> PyResult<Bound<'_, PyAny>> {
    let column = TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC");
    let column: ArrayRef = Arc::new(column);
    let codec = Codec::optional(Kind::Datetime);
    codec.read(py, &column)?.pop().ok_or_else(|| PyValueError::new_err("no value"))
}

/// One entry of a report of `gc`: what, why, files and bytes.
pub(crate) type GarbageRow = (String, &'static str, u64, u64);

pub(crate) fn garbage_row(found: Garbage) -> GarbageRow {
    (found.what, found.reason, found.files, found.bytes)
}
