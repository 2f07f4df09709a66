//! Functions of whole columns: in and out as Arrow, numpy, pandas or lists.

mod column;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, new_null_array};
use arrow::compute::concat;
use arrow::record_batch::RecordBatch;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use udf_runtime::{Answer, FunctionFailure, RowFailure, Spent, Stop};

use super::arguments::{Arguments, shown, too_few};
use super::calls::{Outcome, UnderWay, next_outcome};
use super::results::{self, misfit, misfit_of};
use super::running::{PythonRunning, origins, stopped};
use super::{Definition, Give, Mode, OnError, Take, failure};
use crate::gate;

/// How a parameter wants its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Arrow,
    Numpy,
    Pandas,
    List,
}

impl Form {
    pub(super) fn parse(name: &str) -> PyResult<Self> {
        match name {
            "arrow" => Ok(Self::Arrow),
            "numpy" => Ok(Self::Numpy),
            "pandas" => Ok(Self::Pandas),
            "list" => Ok(Self::List),
            other => Err(PyValueError::new_err(format!("unknown form `{other}` of a column"))),
        }
    }
}

/// The arguments of the one call for a batch.
pub(super) fn arguments<'py>(
    py: Python<'py>,
    running: &PythonRunning,
    forms: &[Form],
    batch: &RecordBatch,
) -> PyResult<Bound<'py, PyTuple>> {
    let (mut columns, mut setups) = (batch.columns().iter(), running.setups.iter());
    let mut values = Vec::with_capacity(running.definition.takes.len());
    for (take, form) in running.definition.takes.iter().zip(forms) {
        values.push(match take {
            Take::Column { codec, .. } => {
                column::give(py, *form, codec, columns.next().ok_or_else(too_few)?)?
            }
            Take::Setup(_) => setups.next().ok_or_else(too_few)?.bind(py).clone(),
        });
    }
    PyTuple::new(py, values)
}

/// The calls for one batch: one, or more when it fails and rows may fail.
pub(super) struct Batches<'a, 'py> {
    py: Python<'py>,
    running: &'a PythonRunning,
    calls: Option<&'a Bound<'py, PyAny>>,
    stop: &'a Stop,
    columns: Vec<Vec<ArrayRef>>,
    origins: Vec<u32>,
    failures: Vec<RowFailure>,
    converting: Duration,
}

impl<'a, 'py> Batches<'a, 'py> {
    pub(super) fn new(
        py: Python<'py>,
        running: &'a PythonRunning,
        calls: Option<&'a Bound<'py, PyAny>>,
        stop: &'a Stop,
    ) -> Self {
        let columns = running.definition.gives.iter().map(|_| Vec::new()).collect();
        let (origins, failures, converting) = (Vec::new(), Vec::new(), Duration::ZERO);
        Self { py, running, calls, stop, columns, origins, failures, converting }
    }

    fn definition(&self) -> &'a Definition {
        &self.running.definition
    }

    /// The answer for a batch whose first call may be under way already.
    pub(super) fn complete(
        mut self,
        batch: &RecordBatch,
        under_way: Option<&UnderWay>,
    ) -> Result<Answer, FunctionFailure> {
        let began = Instant::now();
        let outcome = match (under_way, self.calls) {
            (Some(under_way), Some(calls)) => {
                self.awaited(calls, under_way, 0..batch.num_rows())?
            }
            _ => self.called(batch, 0)?,
        };
        self.settle(batch, 0, outcome, 0)?;
        let columns = self.columns.iter().zip(self.definition().schema.fields());
        let columns = columns.map(|(chunks, field)| match chunks.as_slice() {
            [] => Ok(new_null_array(field.data_type(), 0)),
            [only] => Ok(Arc::clone(only)),
            several => concat(&several.iter().map(AsRef::as_ref).collect::<Vec<_>>()),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>();
        let columns =
            columns.map_err(|error| FunctionFailure::new("UdfError", error.to_string()))?;
        let rows = results::batch(self.definition(), columns, self.origins.len())?;
        let calling = began.elapsed().saturating_sub(self.converting);
        Ok(Answer {
            rows,
            origins: origins(self.definition(), self.origins),
            failures: self.failures,
            spent: Spent { converting: self.converting, calling },
            more: false,
        })
    }

    /// One call for the rows from `first` on.
    fn called(
        &mut self,
        batch: &RecordBatch,
        first: usize,
    ) -> Result<Outcome<'py>, FunctionFailure> {
        if self.stop.is_set() {
            return Err(stopped());
        }
        let (py, began) = (self.py, Instant::now());
        let raised = |error| failure::of(py, error);
        let Mode::Batch(forms) = &self.definition().mode else {
            return Err(FunctionFailure::new("InternalError", "not a function of columns"));
        };
        let row = arguments(py, self.running, forms, batch).map_err(raised)?;
        self.converting += began.elapsed();
        if let Some(calls) = self.calls {
            let under_way = UnderWay::begin(calls, &[row]).map_err(raised)?;
            return self.awaited(calls, &under_way, first..first + batch.num_rows());
        }
        self.stop.rows(first..first + batch.num_rows());
        let result = gate::call(self.definition().call.bind(py), &row);
        Ok(Outcome { arguments: row, result, attempts: 1 })
    }

    fn awaited(
        &self,
        calls: &Bound<'py, PyAny>,
        under_way: &UnderWay,
        rows: Range<usize>,
    ) -> Result<Outcome<'py>, FunctionFailure> {
        let outcomes = under_way.outcomes(calls, self.stop, move |_call| rows.clone());
        let outcomes = outcomes.map_err(|error| failure::of(self.py, error))?;
        next_outcome(&outcomes, PyTuple::empty(self.py)).ok_or_else(stopped)
    }

    /// Takes an outcome, after so many calls with these rows and others. Where rows may fail, a call that failed is
    /// made again with each half of its rows, so that only those that are at fault are lost.
    fn settle(
        &mut self,
        batch: &RecordBatch,
        first: usize,
        outcome: Outcome<'py>,
        before: u32,
    ) -> Result<(), FunctionFailure> {
        let (py, rows, attempts) = (self.py, batch.num_rows(), before + outcome.attempts);
        let mut fatal = false;
        let taken = outcome.result.map_err(|error| {
            fatal = failure::is_fatal(py, &error);
            failure::of(py, error)
        });
        let began = Instant::now();
        let taken = taken.and_then(|result| self.columns_of(&result, rows));
        self.converting += began.elapsed();
        let mut failure = match taken {
            Ok(columns) => {
                self.keep(columns, first, rows);
                return Ok(());
            }
            Err(failure) => failure,
        };
        failure.row = if rows == 1 { Some(first) } else { failure.row.map(|row| row + first) };
        failure.arguments = failure.row.and_then(|row| self.shown(&batch.slice(row - first, 1)));
        if fatal || self.definition().on_error == OnError::Raise {
            return Err(failure);
        }
        if rows > 1 {
            for (at, length) in [(0, rows / 2), (rows / 2, rows - rows / 2)] {
                let half = batch.slice(at, length);
                let outcome = self.called(&half, first + at)?;
                self.settle(&half, first + at, outcome, attempts)?;
            }
            return Ok(());
        }
        self.failures.push(RowFailure { attempts, failure });
        if self.definition().on_error == OnError::Null {
            let fields = self.definition().schema.fields();
            let nulls = fields.iter().map(|field| new_null_array(field.data_type(), 1)).collect();
            self.keep(nulls, first, 1);
        }
        Ok(())
    }

    /// The arguments of a row as text.
    fn shown(&self, row: &RecordBatch) -> Option<String> {
        let takes = &self.definition().takes;
        let arguments = Arguments::read(self.py, takes, &self.running.setups, row);
        let arguments = arguments.and_then(|arguments| arguments.row(self.py, 0));
        Some(shown(takes, &arguments.ok()?))
    }

    fn keep(&mut self, columns: Vec<ArrayRef>, first: usize, rows: usize) {
        for (chunks, column) in self.columns.iter_mut().zip(columns) {
            chunks.push(column);
        }
        let rows = (first..first + rows).map(|row| u32::try_from(row).unwrap_or(u32::MAX));
        self.origins.extend(rows);
    }

    /// The columns that a call returned.
    fn columns_of(
        &self,
        result: &Bound<'py, PyAny>,
        rows: usize,
    ) -> Result<Vec<ArrayRef>, FunctionFailure> {
        let definition = self.definition();
        let given = given_columns(definition, result)?;
        let mut columns = Vec::with_capacity(given.len());
        for (give, value) in definition.gives.iter().zip(given) {
            let column = column::take(&give.codec, &value, rows).map_err(|misfit| {
                let mut failure = misfit_of(definition, &give.name, &misfit.reason);
                failure.row = misfit.row;
                failure
            })?;
            columns.push(column);
        }
        Ok(columns)
    }
}

/// One value for each column: by name from dicts and tables, else by position.
fn given_columns<'py>(
    definition: &Definition,
    result: &Bound<'py, PyAny>,
) -> Result<Vec<Bound<'py, PyAny>>, FunctionFailure> {
    let py = result.py();
    if is_table(result) {
        let column = |give: &Give| {
            let column = result.get_item(&give.name);
            column.map_err(|_missing| misfit(py, "no_column", (&definition.name, &give.name)))
        };
        return definition.gives.iter().map(column).collect();
    }
    if !definition.multi {
        return Ok(vec![result.clone()]);
    }
    let columns = result.extract::<Vec<Bound<'py, PyAny>>>().ok();
    let count = columns.as_ref().map(Vec::len);
    let columns = columns.filter(|columns| columns.len() == definition.gives.len());
    columns.ok_or_else(|| misfit(py, "wrong_number", (&definition.spec, result, count)))
}

fn is_table(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyDict>() || value.hasattr("columns").unwrap_or(false)
}
