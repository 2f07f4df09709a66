//! [`born`]: when a file came into being, which Python's `os.stat` does not tell on Linux.

use std::fs;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use pyo3::prelude::*;

/// Nanoseconds since 1970; None where the file system does not keep it.
#[pyfunction]
pub(crate) fn born(path: PathBuf) -> Option<u128> {
    let born = fs::metadata(path).ok()?.created().ok()?;
    born.duration_since(UNIX_EPOCH).ok().map(|age| age.as_nanos())
}
