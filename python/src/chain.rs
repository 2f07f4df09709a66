//! `Chain`: verbs that build plans, and the methods that run them.

use std::sync::Arc;

use catalog::{Bump, JobId, Wanted};
use engine::{
    CodeChange, Deleted, DeltaOptions, Diff, Export, How, NamedExpr, Progress, Retry, SaveMode,
    SaveRequest, Saved, Shaped,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

use crate::arrow::{self, StreamFailure};
use crate::codec::{Codec, spec_of_field};
use crate::error::{coded, raise};
use crate::export::{parse, run};
use crate::expr::{Expr, PyKey, sort_keys};
use crate::names::{resolve_name, session_name};
use crate::records::made_of;
use crate::rows::Rows;
use crate::runtime::{runtime, wait};
use crate::storage::{Info, Storage};
use crate::udf::{Function, failure_row};

/// Dataset versions, and places where files are looked for.
type Sources = (Vec<(String, String)>, Vec<String>);

/// A lazy query; immutable.
#[pyclass(frozen, module = "lakebed._native")]
pub(crate) struct Chain(engine::Chain);

impl Chain {
    pub(crate) fn new(chain: engine::Chain) -> Self {
        Self(chain)
    }

    pub(crate) fn inner(&self) -> &engine::Chain {
        &self.0
    }

    fn run_save(
        &self,
        py: Python<'_>,
        request: SaveRequest,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Saved> {
        let (chain, counters) = (self.0.clone(), Arc::<Progress>::default());
        let shared = Arc::clone(&counters);
        let save = async move { chain.save(request, &shared).await };
        wait(py, save, progress.map(|callback| (&counters, callback)))
    }

    fn built(&self, py: Python<'_>, chain: engine::Result<engine::Chain>) -> PyResult<Self> {
        chain.map(Self).map_err(|failed| match &failed {
            engine::Error::UnknownColumn { name, .. } => match self.refusal_of_gained(py, name) {
                Some(message) => coded(py, failed.code(), &message),
                None => raise(py, failed),
            },
            _ => raise(py, failed),
        })
    }

    /// What to say about a field that only the class of a stored model has.
    fn refusal_of_gained(&self, py: Python<'_>, path: &str) -> Option<String> {
        let columns = self.schema(py).ok()?;
        let module = py.import("lakebed._columns").ok()?;
        module.call_method1("refusal_of_gained", (columns, path)).ok()?.extract().ok()?
    }
}

type PyExpr<'py> = PyRef<'py, Expr>;

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

    /// What the rows come from: dataset versions, and places where files are looked for.
    fn sources(&self, py: Python<'_>) -> PyResult<Sources> {
        let failed = |failed| raise(py, failed);
        let versions = self.0.dependencies().map_err(failed)?;
        Ok((versions.iter().map(made_of).collect(), self.0.places().map_err(failed)?))
    }

    /// The source, of which only changes are computed when what is made of it is saved again.
    #[pyo3(signature = (on, result_on, compare, retry, r#unsafe, deleted, code))]
    fn delta(
        &self,
        py: Python<'_>,
        on: Vec<String>,
        result_on: Vec<String>,
        compare: Option<Vec<String>>,
        retry: PyRetry,
        r#unsafe: bool,
        deleted: Option<&str>,
        code: &str,
    ) -> PyResult<Self> {
        let retry = match retry {
            PyRetry::Failed(path) => Retry::Failed(path),
            PyRetry::Missing(true) => Retry::Missing,
            PyRetry::Missing(false) => Retry::Nothing,
        };
        let deleted =
            deleted.map(|what| if what == "drop" { Deleted::Drop } else { Deleted::Keep });
        let code = match code {
            "rebuild" => CodeChange::Rebuild,
            "ignore" => CodeChange::Ignore,
            _ => CodeChange::Warn,
        };
        let options =
            DeltaOptions { on, result_on, compare, retry, is_unsafe: r#unsafe, deleted, code };
        self.built(py, self.0.delta(options))
    }

    fn filter(&self, py: Python<'_>, predicates: Vec<PyExpr<'_>>) -> PyResult<Self> {
        let predicates: Vec<engine::Expr> = predicates.iter().map(|one| one.0.clone()).collect();
        self.built(py, self.0.filter(&predicates))
    }

    fn select(&self, py: Python<'_>, paths: Vec<String>) -> PyResult<Self> {
        self.built(py, self.0.select(&paths))
    }

    /// Columns as name and spec, with the paths to what their leaves are made of.
    fn shaped(&self, py: Python<'_>, columns: Vec<PyShaped<'_>>) -> PyResult<Self> {
        let column = |(name, spec, parts): PyShaped<'_>| {
            let field = spec.map(|spec| Ok::<_, PyErr>(Codec::parse(&spec)?.field(&name)));
            Ok(Shaped { field: field.transpose()?.map(Arc::new), name, parts })
        };
        let columns = columns.into_iter().map(column).collect::<PyResult<Vec<_>>>()?;
        self.built(py, self.0.shaped(&columns))
    }

    fn mutate(&self, py: Python<'_>, columns: Vec<(String, PyExpr<'_>)>) -> PyResult<Self> {
        self.built(py, self.0.mutate(&named(columns)))
    }

    fn order_by(&self, py: Python<'_>, keys: Vec<PyKey<'_>>) -> PyResult<Self> {
        self.built(py, self.0.order_by(&sort_keys(&keys)))
    }

    fn flatten(&self, py: Python<'_>, separator: &str) -> PyResult<Self> {
        self.built(py, self.0.flatten(separator))
    }

    fn limit(&self, py: Python<'_>, rows: usize) -> PyResult<Self> {
        self.built(py, self.0.limit(rows))
    }

    fn offset(&self, py: Python<'_>, rows: usize) -> PyResult<Self> {
        self.built(py, self.0.offset(rows))
    }

    fn with_sys(&self, py: Python<'_>, shown: bool) -> PyResult<Self> {
        self.built(py, self.0.with_sys(shown))
    }

    fn group_by(
        &self,
        py: Python<'_>,
        keys: Vec<(String, PyExpr<'_>)>,
        aggregates: Vec<(String, PyExpr<'_>)>,
    ) -> PyResult<Self> {
        self.built(py, self.0.group_by(&named(keys), &named(aggregates)))
    }

    fn distinct(&self, py: Python<'_>, keys: Vec<PyExpr<'_>>) -> PyResult<Self> {
        let keys: Vec<engine::Expr> = keys.iter().map(|one| one.0.clone()).collect();
        self.built(py, self.0.distinct(&keys))
    }

    fn union(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        self.built(py, self.0.union(&other.0))
    }

    fn subtract(&self, py: Python<'_>, other: &Self, on: Vec<(String, String)>) -> PyResult<Self> {
        self.built(py, self.0.subtract(&other.0, &on))
    }

    fn merge(
        &self,
        py: Python<'_>,
        other: &Self,
        on: Vec<(PyExpr<'_>, PyExpr<'_>)>,
        how: &str,
        prefix: &str,
    ) -> PyResult<Self> {
        let Some(how) = How::parse(how) else {
            return Err(PyValueError::new_err(format!("unknown kind of merge `{how}`")));
        };
        let on: Vec<_> = on.iter().map(|(left, right)| (left.0.clone(), right.0.clone())).collect();
        self.built(py, self.0.merge(&other.0, &on, how, prefix))
    }

    #[pyo3(signature = (other, on, compare, filled, status, same))]
    fn diff(
        &self,
        py: Python<'_>,
        other: &Self,
        on: Vec<(String, String)>,
        compare: Option<Vec<(String, String)>>,
        filled: Vec<Option<String>>,
        status: String,
        same: bool,
    ) -> PyResult<Self> {
        self.built(py, self.0.diff(&other.0, &Diff { on, compare, filled, status, same }))
    }

    #[pyo3(signature = (seed))]
    fn shuffle(&self, py: Python<'_>, seed: Option<u64>) -> PyResult<Self> {
        self.built(py, self.0.shuffle(seed))
    }

    fn chunk(&self, py: Python<'_>, index: u64, total: u64) -> PyResult<Self> {
        self.built(py, self.0.chunk(index, total))
    }

    #[pyo3(signature = (first, last, seed))]
    fn share(&self, py: Python<'_>, first: u64, last: u64, seed: Option<u64>) -> PyResult<Self> {
        self.built(py, self.0.share(first, last, seed))
    }

    fn has_fixed_places(&self) -> bool {
        self.0.has_fixed_places()
    }

    fn map(
        &self,
        py: Python<'_>,
        function: PyRef<'_, Function>,
        options: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        self.built(py, self.0.map(function.stage(options, self.0.session().objects())?))
    }

    fn r#gen(
        &self,
        py: Python<'_>,
        function: PyRef<'_, Function>,
        options: &Bound<'_, PyDict>,
        keep: Vec<String>,
    ) -> PyResult<Self> {
        self.built(py, self.0.generate(function.stage(options, self.0.session().objects())?, &keep))
    }

    fn agg(
        &self,
        py: Python<'_>,
        function: PyRef<'_, Function>,
        options: &Bound<'_, PyDict>,
        keys: Vec<(String, PyExpr<'_>)>,
        keep: Vec<String>,
    ) -> PyResult<Self> {
        self.built(
            py,
            self.0.aggregate(
                function.stage(options, self.0.session().objects())?,
                &named(keys),
                &keep,
            ),
        )
    }

    #[pyo3(signature = (progress))]
    fn count(&self, py: Python<'_>, progress: Option<Bound<'_, PyAny>>) -> PyResult<u64> {
        let (chain, counters) = (self.0.clone(), Arc::<Progress>::default());
        let shared = Arc::clone(&counters);
        let count = async move { chain.count(&shared).await };
        wait(py, count, progress.as_ref().map(|callback| (&counters, callback)))
    }

    #[pyo3(signature = (name, namespace, project, version, bump, job, description, attrs, vectors, progress))]
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
        vectors: bool,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<(Self, String, String, Option<Self>)> {
        let (name, spec) = resolve_name(py, name, namespace, project)?;
        let wanted = name.check_own().and_then(|()| wanted(version, &spec, bump));
        let wanted = wanted.map_err(|failed| raise(py, failed.into()))?;
        let request = SaveRequest {
            name,
            wanted,
            mode: SaveMode::Replace,
            lists: !vectors,
            job: JobId::from(job),
            description,
            attrs,
        };
        let saved = self.run_save(py, request, progress.as_ref())?;
        let (name, version) = (saved.record.dataset.to_string(), saved.record.version.to_string());
        Ok((Self(saved.chain), name, version, saved.computed.map(Self)))
    }

    /// Saves for the session only, until it [forgets](crate::session::Session::forget) the name.
    #[pyo3(signature = (session, name, job, vectors, progress))]
    fn persist(
        &self,
        py: Python<'_>,
        session: &str,
        name: &str,
        job: String,
        vectors: bool,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (name, wanted) = (session_name(py, session, name)?, Wanted::Bump(Bump::Patch));
        let job = JobId::from(job);
        let request = SaveRequest {
            name,
            wanted,
            mode: SaveMode::Replace,
            lists: !vectors,
            job,
            description: None,
            attrs: None,
        };
        Ok(Self(self.run_save(py, request, progress.as_ref())?.chain))
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

    /// Writes a file; what it is, unless there are several.
    #[pyo3(signature = (storage, uri, format, options, progress))]
    fn export(
        &self,
        py: Python<'_>,
        storage: &Storage,
        uri: String,
        format: &str,
        options: &Bound<'_, PyDict>,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Option<Info>> {
        let export =
            Export { uri, objects: storage.0.clone(), format: parse(format, options.as_any())? };
        run(py, &self.0, export, progress.as_ref())
    }

    fn explain(&self, py: Python<'_>) -> PyResult<String> {
        let chain = self.0.clone();
        wait(py, async move { chain.explain().await }, None)
    }

    /// What saving it under a name would compute.
    fn explain_update(
        &self,
        py: Python<'_>,
        name: &str,
        namespace: Option<&str>,
        project: Option<&str>,
    ) -> PyResult<String> {
        let ((name, _), chain) = (resolve_name(py, name, namespace, project)?, self.0.clone());
        wait(py, async move { chain.explain_update(&name).await }, None)
    }

    /// The plan as it was run, with rows and times.
    #[pyo3(signature = (progress))]
    fn analyze(&self, py: Python<'_>, progress: Option<Bound<'_, PyAny>>) -> PyResult<String> {
        let (chain, counters) = (self.0.clone(), Arc::<Progress>::default());
        let shared = Arc::clone(&counters);
        let analyze = async move { chain.explain_analyze(&shared).await };
        wait(py, analyze, progress.as_ref().map(|callback| (&counters, callback)))
    }

    /// Runs the chain for the rows that fail in it.
    #[pyo3(signature = (progress))]
    fn failures<'py>(
        &self,
        py: Python<'py>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let (chain, counters) = (self.0.clone(), Arc::<Progress>::default());
        let shared = Arc::clone(&counters);
        let run = async move { chain.run(&shared).await };
        wait(py, run, progress.as_ref().map(|callback| (&counters, callback)))?;
        let mut rows = Vec::new();
        for stage in counters.stages() {
            for failed in &stage.failures() {
                rows.push(failure_row(py, stage.name(), failed)?);
            }
        }
        Ok(rows)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        Ok(self.arrow_stream(py, requested_schema)?.0)
    }

    /// The rows as a table for DataFusion's own Python package.
    fn datafusion_table<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let table = engine::foreign_table(&self.0, runtime()?.handle());
        PyCapsule::new(py, table, Some(c"datafusion_table_provider".to_owned()))
    }

    /// The rows as an Arrow stream, and what it failed with once it has been read.
    #[pyo3(signature = (requested_schema=None))]
    fn arrow_stream<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, StreamFailure)> {
        let chain = self.0.clone();
        let stream = async move { chain.stream(&Arc::default()).await };
        let (schema, batches) = wait(py, stream, None)?;
        let failure = StreamFailure::default();
        let capsule = arrow::export(py, schema, batches, requested_schema, failure.clone())?;
        Ok((capsule, failure))
    }
}

/// The field of the result that says an error, or whether what is missing is computed again.
#[derive(FromPyObject)]
enum PyRetry {
    Failed(String),
    Missing(bool),
}

/// A column's name, its spec unless it stays what it is, and the paths to what its leaves are made of.
type PyShaped<'py> = (String, Option<Bound<'py, PyAny>>, Vec<Vec<String>>);

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
