//! `Function`: a Python callable with all that it needs, parsed once from the dict that Python makes.
//!
//! A call's way: [`arguments`] makes Python values of a batch, [`calls`] makes the calls, [`results`] makes columns of
//! what they return, [`batch`] does the same for functions of whole columns. [`failure`] turns exceptions into data and
//! [`ship`] copies functions to workers. Only this module and those below take the GIL while a query runs.

mod arguments;
mod batch;
mod calls;
mod failure;
mod files;
mod observed;
mod results;
mod running;
mod ship;

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use engine::{Expr, Objects, UdfOptions};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use udf_runtime::{BatchFunction, DeadRows, FunctionFailure, Identity, RunningFunction, Shape};

use crate::codec::Codec;
use crate::gate::attach;

pub(crate) use failure::{failure_row, of as failure_of, revived};
pub(crate) use ship::{serve, stage_of_copy};

/// A function of the user's and how it is called; immutable.
#[pyclass(frozen, module = "lakebed._native")]
#[derive(Debug)]
pub(crate) struct Function(Arc<Definition>);

/// What a parameter of the function is given.
#[derive(Debug)]
enum Take {
    /// A column of the batch, in the order of the columns.
    Column { path: String, codec: Codec },
    /// What this set-up returned.
    Setup(String),
}

/// A column that the function gives.
#[derive(Debug)]
struct Give {
    name: String,
    codec: Codec,
}

/// What is handed over in one call and what comes back.
#[derive(Debug)]
enum Mode {
    /// A row; one result row.
    Row,
    /// A row; an iterable of result rows.
    Rows,
    /// Whole columns, each in the form that its parameter wants; whole columns.
    Batch(Vec<batch::Form>),
}

/// What becomes of a row that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnError {
    /// The run fails.
    Raise,
    /// There is no result row for it.
    Skip,
    /// Its results are null.
    Null,
}

/// A call that was already made to learn the types of the results.
#[derive(Debug)]
struct KnownCall {
    arguments: Py<PyTuple>,
    result: Py<PyAny>,
}

/// The object whose `setup` and `teardown` run around the calls.
#[derive(Debug)]
struct Owner {
    object: Py<PyAny>,
    /// Whether it has a `teardown` of its own.
    tears_down: bool,
}

/// Everything about a function, in the terms of this crate.
#[derive(Debug)]
struct Definition {
    name: String,
    spec: Py<PyDict>,
    call: Py<PyAny>,
    owner: Option<Owner>,
    takes: Vec<Take>,
    gives: Vec<Give>,
    schema: SchemaRef,
    mode: Mode,
    on_error: OnError,
    /// A result is a tuple of one value for each column.
    multi: bool,
    /// Retries, time limits, threads or coroutines: the calls are made by `lakebed._udf.calls`.
    managed: bool,
    concurrency: usize,
    /// So many results are handed on before their call is over. `None` where a call may be repeated or left out when it
    /// fails, and in workers, which belong to whoever waits for them until a call is over.
    part_rows: Option<usize>,
    known: Vec<KnownCall>,
}

#[pymethods]
impl Function {
    #[new]
    fn new(spec: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self(Arc::new(Definition::parse(spec)?)))
    }

    /// The digests of the stage and of the code.
    fn identity(&self, py: Python<'_>) -> PyResult<(String, String)> {
        let identity = ship::identity(py, &self.0).map_err(PyValueError::new_err)?;
        Ok((identity.stage, identity.code))
    }
}

impl Function {
    /// The function, as the engine runs it.
    pub(crate) fn stage(
        &self,
        options: &Bound<'_, PyDict>,
        objects: Objects,
    ) -> PyResult<engine::Stage> {
        let arguments = self.0.takes.iter().filter_map(|take| match take {
            Take::Column { path, .. } => Some(Expr::Column(path.clone())),
            Take::Setup(_) => None,
        });
        // What stands behind the parameters is no argument, but results may be found by it.
        let contents: Vec<(usize, String)> = optional(options, "contents")?.unwrap_or_default();
        let mut arguments: Vec<Expr> = arguments.collect();
        let replaced: Vec<usize> = contents.iter().map(|(at, _)| *at).collect();
        arguments.extend(contents.into_iter().map(|(_, column)| Expr::Column(column)));
        let mut options = self.0.options(options)?;
        if !replaced.is_empty() {
            let keyed_by = (0..arguments.len()).filter(|at| !replaced.contains(at));
            options.keyed_by = Some(keyed_by.collect());
        }
        let (depth, objects) = (self.0.depth(&options), Some(objects));
        Ok(engine::Stage {
            function: Arc::new(PythonFunction { definition: Arc::clone(&self.0), depth, objects }),
            arguments,
            results: self.0.schema.fields().iter().cloned().collect::<Vec<FieldRef>>(),
            options,
        })
    }
}

impl Definition {
    fn parse(spec: &Bound<'_, PyDict>) -> PyResult<Self> {
        let get = |key: &str| spec.as_any().get_item(key);
        let on_error = OnError::parse(&get("on_error")?.extract::<String>()?)?;
        let gives = parse_gives(&get("gives")?, on_error)?;
        let fields = gives.iter().map(|give| give.codec.field(&give.name)).collect::<Vec<_>>();
        let is_async: bool = get("is_async")?.extract()?;
        let concurrency: usize = get("concurrency")?.extract()?;
        let timed = !get("timeout")?.is_none();
        let managed = is_async || timed || concurrency > 1 || get("retries")?.extract::<u32>()? > 0;
        let mode = Mode::parse(&get("mode")?.extract::<String>()?, &get("batch")?)?;
        let gives_parts = matches!(mode, Mode::Rows) && on_error == OnError::Raise && !managed;
        Ok(Self {
            name: get("name")?.extract()?,
            spec: spec.copy()?.unbind(),
            call: get("call")?.unbind(),
            owner: parse_owner(&get("owner")?)?,
            takes: parse_takes(&get("takes")?)?,
            multi: gives.len() != 1 || get("multi")?.is_truthy()?,
            gives,
            schema: Arc::new(Schema::new(fields)),
            mode,
            on_error,
            managed,
            concurrency: concurrency.max(1),
            part_rows: gives_parts.then_some(PART_ROWS),
            known: parse_known(&get("known")?)?,
        })
    }

    /// How the engine is told to run the function.
    fn options(&self, given: &Bound<'_, PyDict>) -> PyResult<UdfOptions> {
        let seconds: Option<f64> = optional(given, "timeout")?;
        let row_timeout = seconds.map(Duration::try_from_secs_f64).transpose();
        let default = UdfOptions::default();
        let parallel: Option<usize> = optional(given, "parallel")?;
        let spec = self.spec.bind(given.py()).as_any();
        let timed = !spec.get_item("timeout")?.is_none();
        let is_async: bool = spec.get_item("is_async")?.extract()?;
        Ok(UdfOptions {
            // Only a process can be stopped in the middle of a call.
            parallel: if timed && !is_async { parallel.or(Some(1)) } else { parallel },
            batch_rows: optional(given, "batch_rows")?,
            unit_rows: optional(given, "unit_rows")?.unwrap_or(default.unit_rows),
            concurrency: self.concurrency,
            row_timeout: row_timeout.map_err(|error| PyValueError::new_err(error.to_string()))?,
            memory_bytes: optional(given, "memory")?,
            max_failures: optional(given, "max_errors")?,
            dead_rows: match self.on_error {
                OnError::Raise => DeadRows::Fail,
                OnError::Skip => DeadRows::Skip,
                OnError::Null => DeadRows::Null,
            },
            checkpoint: optional(given, "checkpoint")?.unwrap_or(default.checkpoint),
            distinct: optional(given, "distinct")?.unwrap_or(default.distinct),
            keyed_by: None,
            verify: optional(given, "verify")?.unwrap_or(default.verify),
            prefetch: optional(given, "prefetch")?,
            keeps_files: optional(given, "cache")?.unwrap_or(default.keeps_files),
            known_rows: self.known.len(),
        })
    }

    /// Batches that must be begun so that enough rows are in flight: a batch has at least one row for each that may
    /// be, unless results are to be durable more often.
    fn depth(&self, options: &UdfOptions) -> usize {
        if self.concurrency == 1 {
            return 1;
        }
        let rows = match (&self.mode, options.batch_rows) {
            (Mode::Batch(_), _) => 1,
            (_, Some(rows)) => rows.max(1),
            _ => self.concurrency.min(options.unit_rows / 4).max(1),
        };
        (2 * self.concurrency).div_ceil(rows).max(DEPTH)
    }

    fn shape(&self) -> Shape {
        let one_per_row = !matches!(self.mode, Mode::Rows) && self.on_error != OnError::Skip;
        if one_per_row { Shape::OnePerRow } else { Shape::Any }
    }
}

impl OnError {
    fn parse(name: &str) -> PyResult<Self> {
        match name {
            "raise" => Ok(Self::Raise),
            // Both lose the row and keep its failure; which of them are shown is Python's choice.
            "skip" | "record" => Ok(Self::Skip),
            "null" => Ok(Self::Null),
            other => Err(PyValueError::new_err(format!("unknown on_error `{other}`"))),
        }
    }
}

impl Mode {
    fn parse(name: &str, forms: &Bound<'_, PyAny>) -> PyResult<Self> {
        match name {
            "row" => Ok(Self::Row),
            "rows" => Ok(Self::Rows),
            "batch" => {
                let forms: Vec<String> = forms.extract()?;
                Ok(Self::Batch(
                    forms.iter().map(|form| batch::Form::parse(form)).collect::<PyResult<_>>()?,
                ))
            }
            other => Err(PyValueError::new_err(format!("unknown mode `{other}`"))),
        }
    }
}

fn optional<'py, T>(given: &Bound<'py, PyDict>, key: &str) -> PyResult<Option<T>>
where
    T: for<'a> FromPyObject<'a, 'py, Error = PyErr>,
{
    match given.get_item(key)? {
        Some(value) if !value.is_none() => Ok(Some(value.extract()?)),
        _ => Ok(None),
    }
}

/// Whether the object of a function overrides what does nothing.
fn parse_owner(owner: &Bound<'_, PyAny>) -> PyResult<Option<Owner>> {
    if owner.is_none() {
        return Ok(None);
    }
    let base = owner.py().import("lakebed.udf")?.getattr("AbstractUDF")?.getattr("teardown")?;
    let tears_down = !owner.get_type().getattr("teardown")?.is(&base);
    Ok(Some(Owner { object: owner.clone().unbind(), tears_down }))
}

fn parse_takes(takes: &Bound<'_, PyAny>) -> PyResult<Vec<Take>> {
    let parse = |take: PyResult<Bound<'_, PyAny>>| {
        let (kind, name, spec): (String, String, Bound<'_, PyAny>) = take?.extract()?;
        match kind.as_str() {
            "column" => Ok(Take::Column { path: name, codec: Codec::parse(&spec)? }),
            "setup" => Ok(Take::Setup(name)),
            other => Err(PyValueError::new_err(format!("unknown argument `{other}`"))),
        }
    };
    takes.try_iter()?.map(parse).collect()
}

fn parse_gives(gives: &Bound<'_, PyAny>, on_error: OnError) -> PyResult<Vec<Give>> {
    let parse = |give: PyResult<Bound<'_, PyAny>>| {
        let (name, spec): (String, Bound<'_, PyAny>) = give?.extract()?;
        let mut codec = Codec::parse(&spec)?;
        codec.nullable |= on_error == OnError::Null;
        Ok(Give { name, codec })
    };
    gives.try_iter()?.map(parse).collect()
}

impl Definition {
    /// Whether the calls that were made before are calls of the code as it is now.
    fn knows(&self, py: Python<'_>) -> PyResult<bool> {
        if self.known.is_empty() {
            return Ok(false);
        }
        let spec = self.spec.bind(py);
        let code = py.import("lakebed._fingerprint")?.call_method1("code_of", (spec,))?;
        code.eq(spec.as_any().call_method1("get", ("known_code",))?)
    }
}

fn parse_known(known: &Bound<'_, PyAny>) -> PyResult<Vec<KnownCall>> {
    let parse = |call: PyResult<Bound<'_, PyAny>>| {
        let (arguments, result): (Bound<'_, PyTuple>, Py<PyAny>) = call?.extract()?;
        Ok(KnownCall { arguments: arguments.unbind(), result })
    };
    known.try_iter()?.map(parse).collect()
}

/// Batches that are begun at once, at least, when rows are in flight together: while the slowest row of one is
/// awaited, the others keep the function busy.
const DEPTH: usize = 4;

/// Results that are handed on before their call is over.
const PART_ROWS: usize = 8192;

/// A function, as executors see it.
#[derive(Clone, Debug)]
struct PythonFunction {
    definition: Arc<Definition>,
    depth: usize,
    /// The files of the session; a worker has them for all functions.
    objects: Option<Objects>,
}

impl BatchFunction for PythonFunction {
    fn name(&self) -> &str {
        &self.definition.name
    }

    fn shape(&self) -> Shape {
        self.definition.shape()
    }

    fn tears_down(&self) -> bool {
        self.definition.owner.as_ref().is_some_and(|owner| owner.tears_down)
    }

    fn depth(&self) -> usize {
        self.depth
    }

    fn identity(&self) -> Result<Identity, String> {
        attach(|py| ship::identity(py, &self.definition))
    }

    fn ship(&self) -> Result<Vec<u8>, FunctionFailure> {
        attach(|py| ship::dump(py, self).map_err(|error| failure::of(py, error)))
    }

    fn ship_anywhere(&self) -> Result<Vec<u8>, FunctionFailure> {
        attach(|py| ship::dump_anywhere(py, self).map_err(|error| failure::of(py, error)))
    }

    fn start(&self) -> Result<Box<dyn RunningFunction>, FunctionFailure> {
        attach(|py| {
            let spec = self.definition.spec.bind(py);
            let files = files::Files::try_new(py, self.objects.as_ref(), spec);
            let running = files.and_then(|files| {
                running::PythonRunning::start(py, Arc::clone(&self.definition), files)
            });
            let running = running.map_err(|error| failure::of(py, error))?;
            Ok(Box::new(running) as Box<dyn RunningFunction>)
        })
    }
}
