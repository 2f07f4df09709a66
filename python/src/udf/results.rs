//! [`Results`]: what the calls of a batch returned, sorted into columns; rows that failed are told apart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::ArrayRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use pyo3::call::PyCallArgs;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PyString, PyTuple};
use udf_runtime::{Answer, FunctionFailure, RowFailure, Spent, Stop};

use super::arguments::shown;
use super::calls::Outcome;
use super::running::{origins, stopped};
use super::{Definition, Mode, OnError, failure};
use crate::gate;

/// Results that are older are handed on before their call is over.
const PART_AGE: Duration = Duration::from_millis(100);

/// Results of one call after which other threads may have the GIL.
const BREATH: usize = 1024;

/// The results of a batch, or of a part of it, under construction.
pub(super) struct Results<'a, 'py> {
    definition: &'a Definition,
    columns: Vec<Vec<Bound<'py, PyAny>>>,
    /// The argument row of each result row.
    origins: Vec<u32>,
    failures: Vec<RowFailure>,
    /// How often rows were called for that were called for more than once.
    repeated: BTreeMap<u32, u32>,
    since: Instant,
}

/// What is wrong with the outcome of a row.
enum Wrong {
    Raised(PyErr),
    Shape(FunctionFailure),
    Stopped,
}

impl From<PyErr> for Wrong {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl<'a, 'py> Results<'a, 'py> {
    pub(super) fn new(definition: &'a Definition, rows: usize) -> Self {
        let columns = definition.gives.iter().map(|_| Vec::with_capacity(rows)).collect();
        let origins = Vec::with_capacity(rows);
        let (failures, repeated) = (Vec::new(), BTreeMap::new());
        Self { definition, columns, origins, failures, repeated, since: Instant::now() }
    }

    /// Takes the outcome of a row; what is left of it when it has more results than fit.
    pub(super) fn accept(
        &mut self,
        row: usize,
        outcome: Outcome<'py>,
        stop: &Stop,
    ) -> Result<Option<Bound<'py, PyAny>>, FunctionFailure> {
        let py = outcome.arguments.py();
        if outcome.attempts > 1 {
            self.repeated.insert(index(row), outcome.attempts);
        }
        let before = self.origins.len();
        let sorted = outcome.result.map_err(Wrong::Raised);
        let wrong = match sorted.and_then(|result| self.sort(result, row, stop)) {
            Ok(rest) => return Ok(rest),
            Err(Wrong::Stopped) => return Err(stopped()),
            Err(wrong) => wrong,
        };
        self.truncate(before);
        let fatal = matches!(&wrong, Wrong::Raised(error) if failure::is_fatal(py, error));
        let failure = match wrong {
            Wrong::Raised(error) => failure::of(py, error),
            Wrong::Shape(failure) => failure,
            Wrong::Stopped => stopped(),
        };
        let failure = at(failure, row, shown(&self.definition.takes, &outcome.arguments));
        if fatal || self.definition.on_error == OnError::Raise {
            return Err(failure);
        }
        if self.definition.on_error == OnError::Null {
            self.columns.iter_mut().for_each(|column| column.push(py.None().into_bound(py)));
            self.origins.push(index(row));
        }
        self.failures.push(RowFailure { attempts: outcome.attempts, failure });
        Ok(None)
    }

    /// Sorts what was returned for a row into the columns, until they are full: then the rest is returned.
    fn sort(
        &mut self,
        result: Bound<'py, PyAny>,
        row: usize,
        stop: &Stop,
    ) -> Result<Option<Bound<'py, PyAny>>, Wrong> {
        if !matches!(self.definition.mode, Mode::Rows) {
            self.push(result, row)?;
            return Ok(None);
        }
        if result.is_none() {
            return Ok(None);
        }
        let items = several(&self.definition.name, &result)?;
        while let Some(item) = gate::next(&items) {
            if stop.is_set() {
                return Err(Wrong::Stopped);
            }
            self.push(item?, row)?;
            if self.origins.len().is_multiple_of(BREATH) {
                // WHY: `yield from` keeps the GIL, and Ctrl-C needs it.
                gate::detach(items.py(), || {});
            }
            if self.is_full() {
                return Ok(Some(items.into_any()));
            }
        }
        Ok(None)
    }

    fn is_full(&self) -> bool {
        self.definition
            .part_rows
            .is_some_and(|most| self.origins.len() >= most || self.since.elapsed() >= PART_AGE)
    }

    /// Adds one result row; what a tuple lacks at its end is None. A tuple of one is the value of the one column.
    fn push(&mut self, result: Bound<'py, PyAny>, row: usize) -> Result<(), Wrong> {
        if let ([column], false) = (self.columns.as_mut_slice(), self.definition.multi) {
            let whole = self.definition.gives[0].codec.takes_tuples();
            let alone = result.cast::<PyTuple>().ok().filter(|row| row.len() == 1 && !whole);
            let value = alone.map(|row| row.get_item(0)).transpose()?;
            column.push(value.unwrap_or(result));
            self.origins.push(index(row));
            return Ok(());
        }
        let values = values(&result)?;
        let count = values.as_ref().map(Vec::len);
        let fits = |values: &Vec<_>| (1..=self.columns.len()).contains(&values.len());
        let Some(values) = values.filter(fits) else {
            let spec = &self.definition.spec;
            return Err(Wrong::Shape(misfit(result.py(), "wrong_number", (spec, result, count))));
        };
        let none = result.py().None().into_bound(result.py());
        let missing = std::iter::repeat(none);
        for (column, value) in self.columns.iter_mut().zip(values.into_iter().chain(missing)) {
            column.push(value);
        }
        self.origins.push(index(row));
        Ok(())
    }

    fn truncate(&mut self, rows: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
        self.origins.truncate(rows);
    }

    /// The answer. `arguments` gives those of a row once more, for messages.
    pub(super) fn finish(
        mut self,
        arguments: &dyn Fn(usize) -> PyResult<Bound<'py, PyTuple>>,
    ) -> Result<Answer, FunctionFailure> {
        let columns = match self.write() {
            Ok(columns) => columns,
            Err((_, failure)) if self.definition.on_error == OnError::Raise => {
                return Err(self.described(failure, arguments));
            }
            Err(_) => {
                self.leave_out_misfits(arguments);
                self.write().map_err(|(_, failure)| failure)?
            }
        };
        let rows = batch(self.definition, columns, self.origins.len())?;
        Ok(Answer {
            rows,
            origins: origins(self.definition, self.origins),
            failures: self.failures,
            spent: Spent::default(),
            more: false,
        })
    }

    /// The columns, or the result row that does not fit its type.
    fn write(&self) -> Result<Vec<ArrayRef>, (usize, FunctionFailure)> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (at, values) in self.columns.iter().enumerate() {
            let written = self.definition.gives[at].codec.write(values);
            columns.push(written.map_err(|misfit| {
                let row = misfit.row;
                (row, self.misfit(at, row, &misfit.reason))
            })?);
        }
        Ok(columns)
    }

    /// The failure of a result row that does not fit a column.
    fn misfit(&self, column: usize, row: usize, reason: &str) -> FunctionFailure {
        let Some(value) = self.columns[column].get(row) else {
            return misfit_of(self.definition, &self.definition.gives[column].name, reason);
        };
        let told = (&self.definition.spec, column, value, reason);
        let mut failure = misfit(value.py(), "wrong_value", told);
        failure.row = self.origins.get(row).map(|row| *row as usize);
        failure
    }

    /// Takes out the rows of which a result does not fit, all of their results; or makes them null.
    fn leave_out_misfits(&mut self, arguments: &dyn Fn(usize) -> PyResult<Bound<'py, PyTuple>>) {
        let failed = self.misfits();
        let nulls = self.definition.on_error == OnError::Null;
        let is_first = |at: usize| at == 0 || self.origins[at - 1] != self.origins[at];
        let stays = |at: usize| !failed.contains_key(&self.origins[at]) || (nulls && is_first(at));
        let kept: Vec<usize> = (0..self.origins.len()).filter(|at| stays(*at)).collect();
        for column in &mut self.columns {
            let value = |at: &usize| match failed.contains_key(&self.origins[*at]) {
                true => column[*at].py().None().into_bound(column[*at].py()),
                false => column[*at].clone(),
            };
            *column = kept.iter().map(value).collect();
        }
        self.origins = kept.into_iter().map(|at| self.origins[at]).collect();
        for (row, failure) in failed {
            let attempts = self.repeated.get(&row).copied().unwrap_or(1);
            let failure = self.described(failure, arguments);
            self.failures.push(RowFailure { attempts, failure });
        }
        self.failures.sort_by_key(|failed| failed.failure.row);
    }

    /// The argument rows of which a result does not fit its type.
    fn misfits(&self) -> BTreeMap<u32, FunctionFailure> {
        let mut failed = BTreeMap::new();
        for (at, row) in self.origins.iter().enumerate() {
            for (column, values) in self.columns.iter().enumerate() {
                let written = self.definition.gives[column].codec.write(&values[at..=at]);
                if let Err(misfit) = written {
                    failed.entry(*row).or_insert_with(|| self.misfit(column, at, &misfit.reason));
                }
            }
        }
        failed
    }

    fn described(
        &self,
        failure: FunctionFailure,
        arguments: &dyn Fn(usize) -> PyResult<Bound<'py, PyTuple>>,
    ) -> FunctionFailure {
        let row = failure.row.unwrap_or_default();
        match arguments(row) {
            Ok(arguments) => {
                let text = shown(&self.definition.takes, &arguments);
                at(failure, row, text)
            }
            Err(_) => failure,
        }
    }
}

/// The failure that a function of `lakebed._udf.misfit` tells of a result.
pub(super) fn misfit<'py>(
    py: Python<'py>,
    told_by: &str,
    arguments: impl PyCallArgs<'py>,
) -> FunctionFailure {
    let told = py
        .import("lakebed._udf.misfit")
        .and_then(|module| module.getattr(told_by))
        .and_then(|function| function.call1(arguments));
    let mut failure = failure::of(py, told.map_or_else(|error| error, PyErr::from_value));
    failure.traceback = None;
    failure
}

/// The failure of a column that does not fit its declared type.
pub(super) fn misfit_of(definition: &Definition, column: &str, reason: &str) -> FunctionFailure {
    let message = format!("result `{column}` of `{}`: {reason}", definition.name);
    FunctionFailure::new("UdfError", message)
}

/// Result columns as a batch.
pub(super) fn batch(
    definition: &Definition,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, FunctionFailure> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(&definition.schema), columns, &options)
        .map_err(|error| FunctionFailure::new("UdfError", error.to_string()))
}

fn at(mut failure: FunctionFailure, row: usize, arguments: String) -> FunctionFailure {
    failure.row = Some(row);
    failure.arguments = Some(arguments);
    failure
}

fn index(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

/// The result rows of a call that may have several.
fn several<'py>(
    function: &str,
    result: &Bound<'py, PyAny>,
) -> Result<Bound<'py, PyIterator>, Wrong> {
    // WHY: an iterator need not have `__iter__`, and what is left of one is asked for the second time.
    if let Ok(iterator) = result.cast::<PyIterator>()
        && !is_model(result)
    {
        return Ok(iterator.clone());
    }
    let single = result.is_instance_of::<PyString>()
        || result.is_instance_of::<PyBytes>()
        || result.is_instance_of::<PyDict>()
        || is_model(result);
    let iterator = if single { None } else { Some(result.try_iter()) };
    match iterator {
        Some(Ok(iterator)) => Ok(iterator),
        Some(Err(error)) if !error.is_instance_of::<PyTypeError>(result.py()) => Err(error.into()),
        _ => Err(Wrong::Shape(misfit(result.py(), "no_rows", (function, result)))),
    }
}

/// The values of a result with several columns; None when it is a single value.
fn values<'py>(result: &Bound<'py, PyAny>) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
    if let Ok(tuple) = result.cast::<PyTuple>() {
        return Ok(Some(tuple.iter().collect()));
    }
    if let Ok(list) = result.cast::<PyList>() {
        return Ok(Some(list.iter().collect()));
    }
    if is_model(result) {
        // A model iterates over names and values.
        let fields = result.try_iter()?.map(|field| field?.get_item(1));
        return Ok(Some(fields.collect::<PyResult<_>>()?));
    }
    if result.is_instance_of::<PyString>() || result.is_instance_of::<PyDict>() {
        return Ok(None);
    }
    Ok(result.extract().ok())
}

fn is_model(value: &Bound<'_, PyAny>) -> bool {
    value.get_type().hasattr("model_fields").unwrap_or(false)
}
