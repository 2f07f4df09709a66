//! [`PythonRunning`]: a function after its set-up, row by row; whole columns are [`super::batch`]'s.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::UInt32Array;
use arrow::record_batch::RecordBatch;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use udf_runtime::{Answer, FunctionFailure, RunningFunction, Spent, Stop};

use super::arguments::Arguments;
use super::calls::{Calls, Outcome, UnderWay, next_outcome};
use super::files::Files;
use super::observed::Observed;
use super::results::Results;
use super::{Definition, Mode, Take, batch, failure};
use crate::gate::{attach, call, call_method};

/// Rows whose values exist at the same time: few enough to stay in the processor's cache.
const ROWS_READ: usize = 512;

pub(super) struct PythonRunning {
    pub(super) definition: Arc<Definition>,
    pub(super) setups: Vec<Py<PyAny>>,
    pub(super) calls: Calls,
    observed: Arc<Observed>,
    files: Files,
    /// How many of the calls that were made before are used; all of them once one does not fit.
    known: usize,
    begun: VecDeque<Begun>,
}

/// A batch that waits to be completed.
enum Begun {
    /// It is computed when it is wanted.
    Waiting(Waiting),
    /// Its rows are being called.
    Rows(RowsUnderWay),
    /// Its one call, with whole columns, is being made.
    Batch(RecordBatch, UnderWay),
    /// Its arguments could not be read.
    Failed(FunctionFailure),
}

/// A batch of which the rows before one are done.
struct Waiting {
    batch: RecordBatch,
    row: usize,
    /// What is left of the results of that row, if its call was made.
    rest: Option<Py<PyAny>>,
}

/// Rows that are being called, after those whose results were known.
struct RowsUnderWay {
    rows: Vec<Py<PyTuple>>,
    known: Vec<Py<PyAny>>,
    under_way: UnderWay,
    reading: Duration,
}

impl PythonRunning {
    pub(super) fn start(
        py: Python<'_>,
        definition: Arc<Definition>,
        files: Files,
    ) -> PyResult<Self> {
        files.reach(py)?;
        let observed = Arc::new(Observed::new(py, definition.spec.bind(py))?);
        let (calls, setups) = observed.during(py, || Self::set_up(py, &definition))?;
        observed.set_up(py)?;
        let known = if definition.knows(py)? { 0 } else { definition.known.len() };
        Ok(Self { definition, setups, calls, observed, files, known, begun: VecDeque::new() })
    }

    fn set_up(py: Python<'_>, definition: &Definition) -> PyResult<(Calls, Vec<Py<PyAny>>)> {
        let calls = Calls::start(py, definition)?;
        if let Some(owner) = &definition.owner {
            let done =
                call_method(owner.object.bind(py), "setup", &[]).and_then(|done| calls.run(done));
            done.map_err(|error| failure::raised_in(py, "setup()", error))?;
        }
        let mut setups = Vec::new();
        for take in &definition.takes {
            if let Take::Setup(name) = take {
                let value = definition.spec.bind(py).as_any().get_item("setup")?.get_item(name)?;
                let value = call(&value, &PyTuple::empty(py)).and_then(|value| calls.run(value));
                let raised = |error| failure::raised_in(py, &format!("setup `{name}`"), error);
                setups.push(value.map_err(raised)?.unbind());
            }
        }
        Ok((calls, setups))
    }

    fn begin_calls(&mut self, calls: &Bound<'_, PyAny>, arguments: RecordBatch) -> PyResult<Begun> {
        if let Mode::Batch(forms) = &self.definition.mode {
            let row = batch::arguments(calls.py(), self, forms, &arguments)?;
            return Ok(Begun::Batch(arguments, UnderWay::begin(calls, &[row])?));
        }
        let (py, began) = (calls.py(), Instant::now());
        let values = Arguments::read(py, &self.definition.takes, &self.setups, &arguments)?;
        let rows = (0..arguments.num_rows()).map(|row| values.row(py, row));
        let rows = rows.collect::<PyResult<Vec<_>>>()?;
        let known: Vec<_> = rows.iter().map_while(|row| self.known(row)).collect();
        let reading = began.elapsed();
        let under_way = UnderWay::begin(calls, &rows[known.len()..])?;
        Ok(Begun::Rows(RowsUnderWay {
            rows: rows.into_iter().map(Bound::unbind).collect(),
            known: known.into_iter().map(Bound::unbind).collect(),
            under_way,
            reading,
        }))
    }

    /// The result of the call that was made to learn the types, if this is it.
    fn known<'py>(&mut self, arguments: &Bound<'py, PyTuple>) -> Option<Bound<'py, PyAny>> {
        let py = arguments.py();
        let known = self.definition.known.get(self.known)?;
        // Values that cannot be compared are not equal: the function is called.
        if known.arguments.bind(py).eq(arguments).unwrap_or(false) {
            self.known += 1;
            return Some(known.result.bind(py).clone());
        }
        self.known = self.definition.known.len();
        None
    }

    /// Calls the function for the rows of a batch, one after the other. When there are more results than fit, the
    /// rest waits for the next time.
    fn call_rows(
        &mut self,
        py: Python<'_>,
        waiting: Waiting,
        stop: &Stop,
    ) -> Result<Answer, FunctionFailure> {
        let definition = Arc::clone(&self.definition);
        let Waiting { batch, row: start, mut rest } = waiting;
        let mut results = Results::new(&definition, batch.num_rows() - start);
        let mut spent = Spent::default();
        let mut left = None;
        'batch: for first in (start..batch.num_rows()).step_by(ROWS_READ) {
            let rows = batch.slice(first, ROWS_READ.min(batch.num_rows() - first));
            let began = Instant::now();
            let arguments = self.read(py, &rows)?;
            let read = began.elapsed();
            spent.converting += read;
            for row in 0..rows.num_rows() {
                let outcome = match rest.take() {
                    Some(rest) => went_on(py, &arguments, row, rest)?,
                    None => self.call_row(py, &arguments, (first, row), stop)?,
                };
                left = results.accept(first + row, outcome, stop)?.map(|rest| (first + row, rest));
                if left.is_some() {
                    spent.calling += began.elapsed() - read;
                    break 'batch;
                }
            }
            spent.calling += began.elapsed() - read;
        }
        let began = Instant::now();
        let again = |row| {
            let only = Arguments::read(py, &definition.takes, &self.setups, &batch.slice(row, 1))?;
            only.row(py, 0)
        };
        let mut answer = results.finish(&again)?;
        spent.converting += began.elapsed();
        answer.spent = spent;
        if let Some((row, rest)) = left {
            answer.more = true;
            let rest = Some(rest.unbind());
            self.begun.push_front(Begun::Waiting(Waiting { batch, row, rest }));
        }
        Ok(answer)
    }

    fn read<'py>(
        &self,
        py: Python<'py>,
        batch: &RecordBatch,
    ) -> Result<Arguments<'py>, FunctionFailure> {
        let arguments = Arguments::read(py, &self.definition.takes, &self.setups, batch);
        arguments.map_err(|error| failure::of(py, error))
    }

    /// Calls the function for one row of the arguments, which begin at a row of their batch.
    fn call_row<'py>(
        &mut self,
        py: Python<'py>,
        arguments: &Arguments<'py>,
        (first, row): (usize, usize),
        stop: &Stop,
    ) -> Result<Outcome<'py>, FunctionFailure> {
        if stop.is_set() {
            return Err(stopped());
        }
        stop.row(first + row);
        let arguments = arguments.row(py, row).map_err(|error| failure::of(py, error))?;
        let result = match self.known(&arguments) {
            Some(result) => Ok(result),
            None => call(self.definition.call.bind(py), &arguments),
        };
        Ok(Outcome { arguments, result, attempts: 1 })
    }

    /// Waits for the rows of a batch that were begun.
    fn await_rows(
        &self,
        calls: &Bound<'_, PyAny>,
        begun: &RowsUnderWay,
        stop: &Stop,
    ) -> Result<Answer, FunctionFailure> {
        let (py, began) = (calls.py(), Instant::now());
        let raised = |error| failure::of(py, error);
        let first = begun.known.len();
        let row = move |call| first + call..first + call + 1;
        let outcomes = begun.under_way.outcomes(calls, stop, row).map_err(raised)?;
        let mut results = Results::new(&self.definition, begun.rows.len());
        for (row, arguments) in begun.rows.iter().enumerate() {
            let arguments = arguments.bind(py).clone();
            let outcome = match begun.known.get(row) {
                Some(known) => {
                    Outcome { arguments, result: Ok(known.bind(py).clone()), attempts: 1 }
                }
                None => next_outcome(&outcomes, arguments).ok_or_else(stopped)?,
            };
            results.accept(row, outcome, stop)?;
        }
        let calling = began.elapsed();
        let again = |row: usize| Ok(begun.rows[row].bind(py).clone());
        let mut answer = results.finish(&again)?;
        let converting = begun.reading + (began.elapsed() - calling);
        answer.spent = Spent { converting, calling };
        Ok(answer)
    }

    fn answer(
        &mut self,
        py: Python<'_>,
        begun: Begun,
        stop: &Stop,
    ) -> Result<Answer, FunctionFailure> {
        let calls = match &self.calls {
            Calls::Managed(calls) => Some(calls.bind(py).clone()),
            Calls::Direct => None,
        };
        match (begun, calls) {
            (Begun::Rows(rows), Some(calls)) => self.await_rows(&calls, &rows, stop),
            (Begun::Batch(batch, under_way), Some(calls)) => {
                batch::Batches::new(py, self, Some(&calls), stop).complete(&batch, Some(&under_way))
            }
            (Begun::Waiting(waiting), _) if matches!(self.definition.mode, Mode::Batch(_)) => {
                batch::Batches::new(py, self, None, stop).complete(&waiting.batch, None)
            }
            (Begun::Waiting(waiting), _) => self.call_rows(py, waiting, stop),
            (Begun::Failed(failure), _) => Err(failure),
            (_, None) => Err(FunctionFailure::new("InternalError", "no calls were begun")),
        }
    }

    fn tear_down(&self, py: Python<'_>) -> PyResult<()> {
        self.files.reach(py)?;
        self.observed.end(py)?;
        if let Some(owner) = &self.definition.owner {
            let done = call_method(owner.object.bind(py), "teardown", &[]);
            let done = done.and_then(|done| self.calls.run(done));
            done.map_err(|error| failure::raised_in(py, "teardown()", error))?;
        }
        self.calls.close(py)
    }
}

impl RunningFunction for PythonRunning {
    fn begin(&mut self, arguments: RecordBatch) {
        let begun = if self.definition.managed {
            attach(|py| {
                let calls = match &self.calls {
                    Calls::Managed(calls) => calls.bind(py).clone(),
                    Calls::Direct => return Begun::waiting(arguments),
                };
                let observed = Arc::clone(&self.observed);
                let reached = self.files.reach(py);
                let begun = reached
                    .and_then(|()| observed.during(py, || self.begin_calls(&calls, arguments)));
                begun.unwrap_or_else(|error| Begun::Failed(failure::of(py, error)))
            })
        } else {
            Begun::waiting(arguments)
        };
        self.begun.push_back(begun);
    }

    fn complete(&mut self, stop: &Stop) -> Result<Answer, FunctionFailure> {
        let Some(begun) = self.begun.pop_front() else {
            return Err(FunctionFailure::new("InternalError", "nothing was begun"));
        };
        let observed = Arc::clone(&self.observed);
        attach(|py| {
            self.files.reach(py).map_err(|error| failure::of(py, error))?;
            observed.during(py, || self.answer(py, begun, stop))
        })
    }

    fn finish(&mut self) -> Result<(), FunctionFailure> {
        attach(|py| self.tear_down(py).map_err(|error| failure::of(py, error)))
    }
}

impl Drop for PythonRunning {
    fn drop(&mut self) {
        if matches!(self.calls, Calls::Managed(_)) || !self.begun.is_empty() {
            attach(|py| {
                // After a failure nobody hears of another one.
                for begun in self.begun.drain(..) {
                    if let Begun::Waiting(Waiting { rest: Some(rest), .. }) = begun {
                        // A generator's last lines run.
                        drop(call_method(rest.bind(py), "close", &[]));
                    }
                }
                drop(self.calls.close(py));
            });
        }
    }
}

impl Begun {
    fn waiting(batch: RecordBatch) -> Self {
        Self::Waiting(Waiting { batch, row: 0, rest: None })
    }
}

/// The outcome of a call that was made before, of which this is left.
fn went_on<'py>(
    py: Python<'py>,
    arguments: &Arguments<'py>,
    row: usize,
    rest: Py<PyAny>,
) -> Result<Outcome<'py>, FunctionFailure> {
    let arguments = arguments.row(py, row).map_err(|error| failure::of(py, error))?;
    Ok(Outcome { arguments, result: Ok(rest.into_bound(py)), attempts: 1 })
}

pub(super) fn stopped() -> FunctionFailure {
    FunctionFailure::new("Stopped", "nobody waits for the results")
}

/// The origins of result rows, unless there is exactly one for each row.
pub(super) fn origins(definition: &Definition, origins: Vec<u32>) -> Option<UInt32Array> {
    (definition.shape() == udf_runtime::Shape::Any).then(|| UInt32Array::from(origins))
}
