//! [`MapFunction`]: a Python callable as a function of batches. The only code that holds the GIL per batch.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::ArrayRef;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use udf_runtime::{BatchFunction, FunctionFailure, RunningFunction, Stop};

use crate::codec::{Codec, Misfit};
use crate::runtime::attach;

/// What a parameter of the function is given.
#[derive(Debug)]
pub(crate) enum Argument {
    /// A column of the batch, in the order of the columns.
    Column(Codec),
    /// What this set-up returned.
    Setup(String),
}

/// A call that was already made to learn the types of the results.
#[derive(Debug)]
pub(crate) struct KnownCall {
    pub(crate) arguments: Py<PyTuple>,
    pub(crate) result: Py<PyAny>,
}

/// A Python callable with all it needs.
#[derive(Debug)]
pub(crate) struct MapFunction {
    pub(crate) name: String,
    pub(crate) call: Py<PyAny>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) results: Vec<(String, Codec)>,
    pub(crate) setup: Py<PyDict>,
    pub(crate) start: Option<Py<PyAny>>,
    pub(crate) finish: Option<Py<PyAny>>,
    pub(crate) known: Mutex<Option<KnownCall>>,
}

/// The same, as the engine sees it.
#[derive(Clone, Debug)]
pub(crate) struct PythonFunction(pub(crate) Arc<MapFunction>);

impl MapFunction {
    pub(crate) fn result_fields(&self) -> Vec<FieldRef> {
        self.results.iter().map(|(name, codec)| Arc::new(codec.field(name))).collect()
    }
}

impl BatchFunction for PythonFunction {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn start(&self) -> Result<Box<dyn RunningFunction>, FunctionFailure> {
        attach(|py| self.0.prepare(py).map_err(|error| failure(py, error)))?;
        let setup = attach(|py| self.0.run_setup(py).map_err(|error| failure(py, error)))?;
        let schema = Arc::new(Schema::new(self.0.result_fields()));
        Ok(Box::new(RunningMap { function: Arc::clone(&self.0), setup, schema }))
    }
}

impl MapFunction {
    fn prepare(&self, py: Python<'_>) -> PyResult<()> {
        match &self.start {
            Some(start) => start.call0(py).map(drop),
            None => Ok(()),
        }
    }

    /// The values of the set-ups, one for each argument that is one.
    fn run_setup(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let mut values = Vec::new();
        for argument in &self.arguments {
            if let Argument::Setup(name) = argument {
                let callable = self.setup.bind(py).as_any().get_item(name)?;
                values.push(callable.call0()?.unbind());
            }
        }
        Ok(values)
    }
}

struct RunningMap {
    function: Arc<MapFunction>,
    setup: Vec<Py<PyAny>>,
    schema: SchemaRef,
}

impl RunningFunction for RunningMap {
    fn call(
        &mut self,
        arguments: &RecordBatch,
        stop: &Stop,
    ) -> Result<RecordBatch, FunctionFailure> {
        attach(|py| self.call_rows(py, arguments, stop))
    }

    fn finish(&mut self) -> Result<(), FunctionFailure> {
        attach(|py| match &self.function.finish {
            Some(finish) => finish.call0(py).map(drop).map_err(|error| failure(py, error)),
            None => Ok(()),
        })
    }
}

impl RunningMap {
    fn call_rows(
        &self,
        py: Python<'_>,
        batch: &RecordBatch,
        stop: &Stop,
    ) -> Result<RecordBatch, FunctionFailure> {
        let columns = self.read(py, batch).map_err(|error| failure(py, error))?;
        let call = self.function.call.bind(py);
        let mut results: Vec<Vec<Bound<'_, PyAny>>> =
            Vec::with_capacity(self.function.results.len());
        results.resize_with(self.function.results.len(), || Vec::with_capacity(batch.num_rows()));
        for row in 0..batch.num_rows() {
            if stop.is_set() {
                return Err(FunctionFailure::new("Stopped", "nobody waits for the results"));
            }
            let located = |error: PyErr| at_row(failure(py, error), row, &columns);
            let arguments =
                PyTuple::new(py, columns.iter().map(|column| column.at(row))).map_err(located)?;
            let result = match self.known(py, &arguments) {
                Some(result) => result,
                None => call.call1(arguments).map_err(located)?,
            };
            self.collect(result, &mut results).map_err(|error| match error {
                Collecting::Raised(error) => located(error),
                Collecting::Shape(message) => {
                    at_row(FunctionFailure::new("UdfError", message), row, &columns)
                }
            })?;
        }
        self.write(&results)
            .map_err(|(column, misfit)| {
                let message =
                    format!("result `{column}` of `{}`: {}", self.function.name, misfit.reason);
                at_row(FunctionFailure::new("UdfError", message), misfit.row, &columns)
            })?
            .map_err(|error| FunctionFailure::new("UdfError", error.to_string()))
    }

    fn read<'py>(&self, py: Python<'py>, batch: &RecordBatch) -> PyResult<Vec<Values<'py>>> {
        let (mut columns, mut setups) = (batch.columns().iter(), self.setup.iter());
        let mut values = Vec::with_capacity(self.function.arguments.len());
        for argument in &self.function.arguments {
            values.push(match argument {
                Argument::Column(codec) => {
                    let none = || pyo3::exceptions::PyRuntimeError::new_err("too few columns");
                    Values::Column(codec.read(py, columns.next().ok_or_else(none)?)?)
                }
                Argument::Setup(_) => {
                    let value =
                        setups.next().map_or_else(|| py.None(), |value| value.clone_ref(py));
                    Values::Constant(value.into_bound(py))
                }
            });
        }
        Ok(values)
    }

    /// The result of the call that was made to learn the types, if this is it.
    fn known<'py>(
        &self,
        py: Python<'py>,
        arguments: &Bound<'py, PyTuple>,
    ) -> Option<Bound<'py, PyAny>> {
        let known = self.function.known.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        // Values that cannot be compared are not equal: the function is called.
        let same = known.arguments.bind(py).eq(arguments).unwrap_or(false);
        same.then(|| known.result.into_bound(py))
    }

    /// Sorts one call's result into the columns.
    fn collect<'py>(
        &self,
        result: Bound<'py, PyAny>,
        columns: &mut [Vec<Bound<'py, PyAny>>],
    ) -> Result<(), Collecting> {
        if let [column] = columns {
            column.push(result);
            return Ok(());
        }
        let wanted = columns.len();
        let values: Vec<Bound<'py, PyAny>> = if result.hasattr("model_fields").unwrap_or(false) {
            let iterator = result.try_iter().map_err(Collecting::Raised)?;
            let fields = iterator.map(|field| field?.get_item(1));
            fields.collect::<PyResult<_>>().map_err(Collecting::Raised)?
        } else {
            match result.extract::<Vec<Bound<'py, PyAny>>>() {
                Ok(values) => values,
                Err(_) => {
                    return Err(Collecting::Shape(format!(
                        "expected {wanted} values, got `{result}`"
                    )));
                }
            }
        };
        if values.len() != wanted {
            let message = format!("expected {wanted} values, got {}", values.len());
            return Err(Collecting::Shape(message));
        }
        for (column, value) in columns.iter_mut().zip(values) {
            column.push(value);
        }
        Ok(())
    }

    fn write(
        &self,
        results: &[Vec<Bound<'_, PyAny>>],
    ) -> Result<Result<RecordBatch, arrow::error::ArrowError>, (String, Misfit)> {
        let rows = results.first().map_or(0, Vec::len);
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(results.len());
        for ((name, codec), values) in self.function.results.iter().zip(results) {
            columns.push(codec.write(values).map_err(|misfit| (name.clone(), misfit))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options))
    }
}

/// What may be wrong with a call's result as a whole.
enum Collecting {
    Raised(PyErr),
    Shape(String),
}

/// A parameter's values for a batch.
enum Values<'py> {
    Column(Vec<Bound<'py, PyAny>>),
    Constant(Bound<'py, PyAny>),
}

impl<'py> Values<'py> {
    fn at(&self, row: usize) -> &Bound<'py, PyAny> {
        match self {
            Self::Column(values) => &values[row],
            Self::Constant(value) => value,
        }
    }
}

/// How much of the arguments a message shows.
const SHOWN_CHARACTERS: usize = 200;

fn at_row(mut failure: FunctionFailure, row: usize, columns: &[Values<'_>]) -> FunctionFailure {
    let shown = columns.iter().filter(|column| matches!(column, Values::Column(_)));
    let shown =
        shown.map(|column| column.at(row).repr().map(|text| text.to_string()).unwrap_or_default());
    let shown = shown.collect::<Vec<_>>().join(", ");
    failure.row = Some(row);
    failure.arguments = Some(shown.chars().take(SHOWN_CHARACTERS).collect());
    failure
}

fn failure(py: Python<'_>, error: PyErr) -> FunctionFailure {
    let kind = error.get_type(py).qualname().map(|name| name.to_string()).unwrap_or_default();
    let message = error.value(py).to_string();
    FunctionFailure { cause: Some(Arc::new(error)), ..FunctionFailure::new(kind, message) }
}
