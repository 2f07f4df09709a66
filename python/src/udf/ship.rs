//! A function in another process: what it is, as digests; the function itself, as bytes; and the worker that runs it.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use engine::{Objects, UdfOptions};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use udf_runtime::{
    Answer, BatchFunction, FunctionFailure, Identity, Loader, RunningFunction, Shape, Stop,
};

use super::{Definition, PythonFunction, failure};
use crate::gate::attach;

/// What the function is; an error is the reason why that cannot be told.
pub(super) fn identity(py: Python<'_>, definition: &Definition) -> Result<Identity, String> {
    let ask = || -> PyResult<Identity> {
        let module = py.import("lakebed._fingerprint")?;
        let told = |name: &str| module.call_method1(name, (&definition.spec,));
        let (stage, code, failing) = told("identity")?.extract()?;
        let (origin, text) = (told("origin")?.extract()?, told("text_of_code")?.extract()?);
        Ok(Identity { stage, code, failing, origin, text })
    };
    ask().map_err(|error| error.value(py).to_string())
}

pub(super) fn dump(py: Python<'_>, function: &PythonFunction) -> PyResult<Vec<u8>> {
    let spec = function.definition.spec.bind(py).copy()?;
    spec.set_item("depth", function.depth)?;
    py.import("lakebed._udf.ship")?.call_method1("dump", (spec,))?.extract()
}

/// The function for a process on any machine.
pub(super) fn dump_anywhere(py: Python<'_>, function: &PythonFunction) -> PyResult<Vec<u8>> {
    let spec = function.definition.spec.bind(py).copy()?;
    spec.set_item("depth", function.depth)?;
    py.import("lakebed._udf.ship")?.call_method1("dump_anywhere", (spec,))?.extract()
}

/// How such a copy is run in this process. What it reads is noted below `records`.
pub(crate) fn stage_of_copy(
    py: Python<'_>,
    copy: &[u8],
    records: &str,
    options: UdfOptions,
    objects: Objects,
) -> PyResult<engine::Stage> {
    let ship = py.import("lakebed._udf.ship")?;
    let spec = ship.call_method1("load_anywhere", (PyBytes::new(py, copy), records))?;
    let depth = spec.get_item("depth")?.extract()?;
    let definition = Arc::new(Definition::parse(spec.cast::<PyDict>()?)?);
    let results = definition.schema.fields().iter().cloned().collect();
    let function = PythonFunction { definition, depth, objects: Some(objects) };
    let options = UdfOptions { known_rows: 0, ..options };
    Ok(engine::Stage { function: Arc::new(function), arguments: Vec::new(), results, options })
}

fn load(py: Python<'_>, blob: &[u8]) -> PyResult<PythonFunction> {
    let spec = py.import("lakebed._udf.ship")?.call_method1("load", (PyBytes::new(py, blob),))?;
    let depth = spec.get_item("depth")?.extract()?;
    let definition = Definition { part_rows: None, ..Definition::parse(spec.cast::<PyDict>()?)? };
    Ok(PythonFunction { definition: Arc::new(definition), depth, objects: None })
}

/// Serves the process at the other end of standard input until that is closed. Code that reads standard input finds
/// it empty.
#[pyfunction]
pub(crate) fn serve(py: Python<'_>) -> PyResult<()> {
    let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let os = py.import("os")?;
    let empty = os.call_method1("open", (os.getattr("devnull")?, os.getattr("O_RDONLY")?))?;
    os.call_method1("dup2", (&empty, 0))?;
    os.call_method1("close", (empty,))?;
    Ok(py.detach(|| udf_runtime::serve(stream, &mut PythonLoader))?)
}

struct PythonLoader;

impl Loader for PythonLoader {
    fn load(&mut self, blob: &[u8]) -> Result<Box<dyn BatchFunction>, FunctionFailure> {
        attach(|py| {
            let function = load(py, blob);
            let function = function.map_err(|error| failure::packed(py, failure::of(py, error)))?;
            Ok(Box::new(Copied(function)) as Box<dyn BatchFunction>)
        })
    }

    fn configure(&mut self, setup: &[u8]) -> io::Result<()> {
        attach(|py| {
            let setup = PyBytes::new(py, setup);
            py.import("lakebed._storage")?.call_method1("configure_worker", (setup,))?;
            Ok::<_, PyErr>(())
        })
        .map_err(io::Error::other)
    }
}

/// A function of another process: its failures leave this one, with their exceptions.
#[derive(Debug)]
struct Copied(PythonFunction);

struct RunningCopy(Box<dyn RunningFunction>);

fn sent(failure: FunctionFailure) -> FunctionFailure {
    attach(|py| failure::packed(py, failure))
}

impl BatchFunction for Copied {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn depth(&self) -> usize {
        self.0.depth()
    }

    fn start(&self) -> Result<Box<dyn RunningFunction>, FunctionFailure> {
        let running = self.0.start().map_err(sent)?;
        Ok(Box::new(RunningCopy(running)))
    }
}

impl RunningFunction for RunningCopy {
    fn begin(&mut self, arguments: RecordBatch) {
        self.0.begin(arguments);
    }

    fn complete(&mut self, stop: &Stop) -> Result<Answer, FunctionFailure> {
        self.0.complete(stop).map_err(sent)
    }

    fn finish(&mut self) -> Result<(), FunctionFailure> {
        self.0.finish().map_err(sent)
    }
}
