//! `Chain`: verbs that build plans, and the methods that run them.

use std::sync::{Arc, Mutex};

use catalog::{Bump, JobId, Wanted};
use engine::{Aggregate, MapStage, NamedExpr, Progress, SaveRequest, SortKey};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyString, PyTuple};

use crate::arrow;
use crate::codec::{Codec, spec_of_field};
use crate::error::raise;
use crate::expr::Expr;
use crate::rows::Rows;
use crate::runtime::wait;
use crate::session::resolve_name;
use crate::udf::{Argument, KnownCall, MapFunction, PythonFunction};

/// A lazy query; immutable.
#[pyclass(frozen, module = "lakebed._native")]
pub(crate) struct Chain(engine::Chain);

impl Chain {
    pub(crate) fn new(chain: engine::Chain) -> Self {
        Self(chain)
    }
}

type PyExpr<'py> = PyRef<'py, Expr>;

fn built(py: Python<'_>, chain: engine::Result<engine::Chain>) -> PyResult<Chain> {
    chain.map(Chain).map_err(|failed| raise(py, failed))
}

#[pymethods]
impl Chain {
    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Bound<'py, PyDict>)>> {
        let schema = self.0.schema();
        let column = |field: &::arrow::datatypes::FieldRef| {
            Ok((field.name().clone(), spec_of_field(py, field)?))
        };
        schema.fields().iter().map(column).collect()
    }

    /// Full name and version, while the chain is exactly a dataset version.
    #[getter]
    fn dataset(&self) -> Option<(String, String)> {
        let (name, version) = self.0.dataset()?;
        Some((name.to_string(), version.to_string()))
    }

    fn filter(&self, py: Python<'_>, predicates: Vec<PyExpr<'_>>) -> PyResult<Self> {
        let predicates: Vec<engine::Expr> = predicates.iter().map(|one| one.0.clone()).collect();
        built(py, self.0.filter(&predicates))
    }

    fn select(&self, py: Python<'_>, paths: Vec<String>) -> PyResult<Self> {
        built(py, self.0.select(&paths))
    }

    fn mutate(&self, py: Python<'_>, columns: Vec<(String, PyExpr<'_>)>) -> PyResult<Self> {
        built(py, self.0.mutate(&named(columns)))
    }

    fn order_by(&self, py: Python<'_>, keys: Vec<(PyExpr<'_>, bool)>) -> PyResult<Self> {
        let key =
            |(key, descending): (PyExpr<'_>, bool)| SortKey { expr: key.0.clone(), descending };
        let keys: Vec<SortKey> = keys.into_iter().map(key).collect();
        built(py, self.0.order_by(&keys))
    }

    fn limit(&self, py: Python<'_>, rows: usize) -> PyResult<Self> {
        built(py, self.0.limit(rows))
    }

    fn offset(&self, py: Python<'_>, rows: usize) -> PyResult<Self> {
        built(py, self.0.offset(rows))
    }

    fn with_sys(&self, py: Python<'_>, shown: bool) -> PyResult<Self> {
        built(py, self.0.with_sys(shown))
    }

    fn group_by(
        &self,
        py: Python<'_>,
        keys: Vec<(String, PyExpr<'_>)>,
        aggregates: Vec<(String, String, Option<PyExpr<'_>>)>,
    ) -> PyResult<Self> {
        let aggregate = |(name, function, argument): (String, String, Option<PyExpr<'_>>)| {
            Aggregate { name, function, argument: argument.map(|argument| argument.0.clone()) }
        };
        let aggregates: Vec<Aggregate> = aggregates.into_iter().map(aggregate).collect();
        built(py, self.0.group_by(&named(keys), &aggregates))
    }

    #[pyo3(signature = (name, func, arguments, outputs, setup, start, finish, known, batch_rows))]
    fn map(
        &self,
        py: Python<'_>,
        name: String,
        func: Py<PyAny>,
        arguments: Vec<Bound<'_, PyAny>>,
        outputs: Vec<(String, Bound<'_, PyAny>)>,
        setup: Py<PyDict>,
        start: Option<Py<PyAny>>,
        finish: Option<Py<PyAny>>,
        known: Option<(Py<PyTuple>, Py<PyAny>)>,
        batch_rows: usize,
    ) -> PyResult<Self> {
        let mut columns = Vec::new();
        let mut parameters = Vec::with_capacity(arguments.len());
        for argument in arguments {
            if let Ok(setup) = argument.cast::<PyString>() {
                parameters.push(Argument::Setup(setup.extract()?));
                continue;
            }
            let (path, spec): (String, Bound<'_, PyAny>) = argument.extract()?;
            columns.push(engine::Expr::Column(path));
            parameters.push(Argument::Column(Codec::parse(&spec)?));
        }
        let mut results = Vec::with_capacity(outputs.len());
        for (column, spec) in outputs {
            results.push((column, Codec::parse(&spec)?));
        }
        let known = known.map(|(arguments, result)| KnownCall { arguments, result });
        let function = MapFunction {
            name,
            call: func,
            arguments: parameters,
            results,
            setup,
            start,
            finish,
            known: Mutex::new(known),
        };
        let results = function.result_fields();
        let function = Arc::new(PythonFunction(Arc::new(function)));
        built(py, self.0.map(MapStage { function, arguments: columns, results, batch_rows }))
    }

    #[pyo3(signature = (progress))]
    fn count(&self, py: Python<'_>, progress: Option<Bound<'_, PyAny>>) -> PyResult<u64> {
        let (chain, counters) = (self.0.clone(), Arc::<Progress>::default());
        let shared = Arc::clone(&counters);
        let count = async move { chain.count(&shared).await };
        wait(py, count, progress.as_ref().map(|callback| (&counters, callback)))
    }

    #[pyo3(signature = (name, namespace, project, version, bump, job, description, attrs, progress))]
    fn save(
        &self,
        py: Python<'_>,
        name: &str,
        namespace: Option<&str>,
        project: Option<&str>,
        version: Option<&str>,
        bump: &str,
        job: String,
        description: Option<String>,
        attrs: Option<Vec<String>>,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<(Self, String, String)> {
        let (name, spec) = resolve_name(py, name, namespace, project)?;
        let wanted = wanted(version, &spec, bump).map_err(|failed| raise(py, failed.into()))?;
        let request = SaveRequest { name, wanted, job: JobId::from(job), description, attrs };
        let (chain, counters) = (self.0.clone(), Arc::<Progress>::default());
        let shared = Arc::clone(&counters);
        let save = async move { chain.save(request, &shared).await };
        let saved = wait(py, save, progress.as_ref().map(|callback| (&counters, callback)))?;
        let (name, version) = (saved.record.dataset.to_string(), saved.record.version.to_string());
        Ok((Self(saved.chain), name, version))
    }

    #[pyo3(signature = (specs, progress))]
    fn rows(
        &self,
        py: Python<'_>,
        specs: Vec<Bound<'_, PyAny>>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Rows> {
        let codecs = specs.iter().map(Codec::parse).collect::<PyResult<_>>()?;
        let (chain, counters) = (self.0.clone(), Arc::<Progress>::default());
        let shared = Arc::clone(&counters);
        let (_, batches) = wait(py, async move { chain.stream(&shared).await }, None)?;
        Ok(Rows::new(codecs, batches, counters, progress))
    }

    fn explain(&self, py: Python<'_>) -> PyResult<String> {
        let chain = self.0.clone();
        wait(py, async move { chain.explain().await }, None)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let chain = self.0.clone();
        let stream = async move { chain.stream(&Arc::default()).await };
        let (schema, batches) = wait(py, stream, None)?;
        arrow::export(py, schema, batches, requested_schema)
    }
}

fn named(columns: Vec<(String, PyExpr<'_>)>) -> Vec<NamedExpr> {
    columns.into_iter().map(|(name, expr)| NamedExpr { name, expr: expr.0.clone() }).collect()
}

/// Which number a save asks for: an explicit one, in the call or behind the name, or the next one.
fn wanted(
    version: Option<&str>,
    spec: &catalog::VersionSpec,
    bump: &str,
) -> catalog::Result<Wanted> {
    if let Some(version) = version {
        return Ok(Wanted::Exact(version.parse()?));
    }
    match spec {
        catalog::VersionSpec::Exact(version) => Ok(Wanted::Exact(*version)),
        catalog::VersionSpec::Latest => Ok(Wanted::Bump(bump.parse::<Bump>()?)),
        range @ catalog::VersionSpec::Specifiers(_) => {
            Ok(Wanted::Exact(range.to_string().parse()?))
        }
    }
}
