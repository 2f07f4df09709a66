//! Functions as data: the stages of a chain, and units of them that other processes compute.

use std::sync::Arc;

use engine::{Error, Progress, StageSpec};
use pyo3::prelude::*;

use crate::chain::Chain;
use crate::error::raise;
use crate::runtime::wait;
use crate::session::Session;
use crate::udf::stage_of_copy;

/// The function's name, its stage as text, and for each unit text and rows.
type Cut = (String, String, Vec<(String, u64)>);

/// The function with this number, and the rows that it has to be called for; None behind the last one.
#[pyfunction]
#[pyo3(signature = (chain, number, unit_rows, progress))]
pub(crate) fn stage(
    py: Python<'_>,
    chain: PyRef<'_, Chain>,
    number: usize,
    unit_rows: Option<usize>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<Option<Cut>> {
    let (chain, counters) = (chain.inner().clone(), Arc::<Progress>::default());
    let shared = Arc::clone(&counters);
    let cut = async move { chain.stage_spec(number, unit_rows, &shared).await };
    let cut = wait(py, cut, progress.as_ref().map(|callback| (&counters, callback)))?;
    let told = |spec: StageSpec| -> engine::Result<Cut> {
        let units = spec.units().map(|unit| Ok((unit.to_text()?, unit.rows())));
        let units = units.collect::<engine::Result<Vec<_>>>()?;
        Ok((spec.name.clone(), spec.to_text()?, units))
    };
    cut.map(told).transpose().map_err(|failed| raise(py, failed))
}

/// Computes a unit: its rows, those that somebody had computed before, and those that failed.
#[pyfunction]
#[pyo3(signature = (session, text, records, parallel, progress))]
pub(crate) fn run_unit(
    py: Python<'_>,
    session: PyRef<'_, Session>,
    text: &str,
    records: &str,
    parallel: Option<usize>,
    progress: Option<Bound<'_, PyAny>>,
) -> PyResult<(u64, u64, u64)> {
    let spec = parsed(py, text)?;
    let session = session.shared();
    let (reader, copied) = (Arc::clone(&session), spec.clone());
    let copy = wait(py, async move { reader.function_of(&copied).await }, None)?;
    let mut options = spec.options.clone();
    // Whoever hands out units has as many processes as it wants; only limits need one more.
    let has_limits = options.row_timeout.is_some() || options.memory_bytes.is_some();
    let here = options.parallel.filter(|_| has_limits).map(|_| 1);
    options.parallel = parallel.or(here);
    let stage = stage_of_copy(py, &copy, records, options, session.objects())?;
    let counters = Arc::<Progress>::default();
    let shared = Arc::clone(&counters);
    let run = async move { session.run_unit(&spec, 0, stage, &shared).await };
    let done = wait(py, run, progress.as_ref().map(|callback| (&counters, callback)))?;
    Ok((done.rows, done.kept, done.failed))
}

/// Removes what the units of a stage were given.
#[pyfunction]
pub(crate) fn forget_stage(
    py: Python<'_>,
    session: PyRef<'_, Session>,
    text: &str,
) -> PyResult<()> {
    let (spec, session) = (parsed(py, text)?, session.shared());
    wait(py, async move { session.forget_stage(&spec).await }, None)
}

fn parsed(py: Python<'_>, text: &str) -> PyResult<StageSpec> {
    StageSpec::parse(text).map_err(|failed: Error| raise(py, failed))
}
