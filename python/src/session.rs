//! `Session`: one root, its catalog, and the ways to start a chain.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use catalog::{
    CatalogExt, DatasetEdit, JobId, JobNotes, JobStatus, NewJob, VersionFilter, VersionSpec,
};
use engine::{
    Config, FileKind, Garbage, GcOptions, JsonColumn, Listing, ParquetRequest, Pause, Root,
    TableFiles, default_folder,
};
use futures::FutureExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};
use serde_json::Value;
use udf_runtime::WorkerCommand;

use crate::chain::Chain;
use crate::error::raise;
use crate::look::look;
use crate::names::{folder_name, own_name, parse_spec, resolve_name, session_name};
use crate::records::{GarbageRow, folder_row, garbage_row, job_row, version_row};
use crate::runtime::{runtime, wait};
use crate::statements::{self, Answered};
use crate::storage::{Storage, client_config};
use crate::tables::{Files, csv_request};
use crate::{allocator, arrow, json, values};

/// A session; immutable, safe to share between threads.
#[pyclass(frozen, module = "lakebed._native")]
pub(crate) struct Session(Arc<engine::Session>);

impl Session {
    /// The engine's session, which may outlive this.
    pub(crate) fn shared(&self) -> Arc<engine::Session> {
        Arc::clone(&self.0)
    }

    fn table_files(
        &self,
        py: Python<'_>,
        files: Files,
        options: BTreeMap<String, String>,
    ) -> PyResult<TableFiles> {
        let paths = match files {
            Files::Named(files) => return Ok(TableFiles::Named(files)),
            Files::Found(paths) => paths,
        };
        let listing = Listing::try_new(&paths, true, "file", FileKind::Binary);
        let listing = listing.map_err(|failed| raise(py, failed))?;
        self.configure_buckets(py, &listing, options)?;
        Ok(TableFiles::Found(listing))
    }

    fn read_batches(
        &self,
        py: Python<'_>,
        batches: values::Batches,
        nest: Option<&str>,
    ) -> PyResult<Chain> {
        let (schema, batches) = match nest {
            Some(column) => values::nested(batches, column)?,
            None => batches,
        };
        let chain = self.0.read_batches(&schema, &batches);
        Ok(Chain::new(chain.map_err(|failed| raise(py, failed))?))
    }

    /// Without buckets options mean nothing, whatever they are: scripts move between buckets and folders.
    fn configure_buckets(
        &self,
        py: Python<'_>,
        listing: &Listing,
        options: BTreeMap<String, String>,
    ) -> PyResult<()> {
        let buckets = listing.buckets();
        if options.is_empty() || buckets.is_empty() {
            return Ok(());
        }
        let config = client_config(py, options)?;
        for place in buckets {
            self.0.configure(&place, &config);
        }
        Ok(())
    }
}

#[pymethods]
impl Session {
    /// All datasets as a catalog for DataFusion's own Python package.
    fn datafusion_catalog<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let catalog = engine::foreign_catalog(&self.0, runtime()?.handle());
        PyCapsule::new(py, catalog, Some(c"datafusion_catalog_provider".to_owned()))
    }

    #[staticmethod]
    #[pyo3(signature = (root, in_memory, options, memory = None))]
    fn open(
        py: Python<'_>,
        root: Option<String>,
        in_memory: bool,
        options: BTreeMap<String, String>,
        memory: Option<String>,
    ) -> PyResult<Self> {
        let has_ceiling = memory.is_some();
        let config = match (root, in_memory) {
            (_, true) => Config::in_memory(),
            (Some(root), false) => Root::parse(&root).map(Config::with_root),
            (None, false) => Config::from_environment(),
        };
        let config = config.and_then(|config| match memory {
            Some(memory) => config.with_memory(memory),
            None => Ok(config),
        });
        let mut config = config.map_err(|failed| raise(py, failed))?;
        // The environment may have changed since the module was loaded.
        allocator::configure(has_ceiling);
        config.client_config = client_config(py, options)?;
        config.worker = worker_command(py)?;
        config.pause = Pause::new(|| look().boxed());
        Ok(Self(wait(py, engine::Session::open(config), None)?))
    }

    /// The namespace and the project of names that have none.
    #[staticmethod]
    fn default_folder(py: Python<'_>) -> PyResult<(String, String)> {
        let (namespace, project) = default_folder().map_err(|failed| raise(py, failed))?;
        Ok((namespace.into(), project.into()))
    }

    #[getter]
    fn root(&self) -> String {
        self.0.root().to_string()
    }

    /// How to reach a bucket from now on, `s3://name`; with no name all of them.
    fn configure(
        &self,
        py: Python<'_>,
        place: &str,
        options: BTreeMap<String, String>,
    ) -> PyResult<()> {
        self.0.configure(place, &client_config(py, options)?);
        Ok(())
    }

    /// Users' files one by one.
    fn storage(&self) -> Storage {
        Storage(self.0.objects())
    }

    #[pyo3(signature = (name, namespace, project, version))]
    fn read_dataset(
        &self,
        py: Python<'_>,
        name: &str,
        namespace: Option<&str>,
        project: Option<&str>,
        version: Option<&str>,
    ) -> PyResult<Chain> {
        let (name, mut spec) = resolve_name(py, name, namespace, project)?;
        if let Some(version) = version {
            spec = parse_spec(py, version)?;
        }
        let session = Arc::clone(&self.0);
        let read = async move { session.read_dataset(&name, &spec).await };
        Ok(Chain::new(wait(py, read, None)?))
    }

    /// Options are for the buckets among the places, from now on.
    #[expect(clippy::fn_params_excessive_bools, reason = "Python's keywords")]
    fn read_storage(
        &self,
        py: Python<'_>,
        uris: Vec<String>,
        recursive: bool,
        column: &str,
        kind: &str,
        update: bool,
        options: BTreeMap<String, String>,
    ) -> PyResult<Chain> {
        let kind = match kind {
            "binary" => FileKind::Binary,
            "text" => FileKind::Text,
            "image" => FileKind::Image,
            "video" => FileKind::Video,
            "audio" => FileKind::Audio,
            other => return Err(PyValueError::new_err(format!("unknown type `{other}`"))),
        };
        let listing = Listing::try_new(&uris, recursive, column, kind);
        let mut listing = listing.map_err(|failed| raise(py, failed))?;
        if update {
            listing = listing.updated();
        }
        self.configure_buckets(py, &listing, options)?;
        let chain = self.0.read_listing(listing);
        Ok(Chain::new(chain.map_err(|failed| raise(py, failed))?))
    }

    /// For how many seconds a bucket's listing is used.
    #[staticmethod]
    fn listing_ttl(py: Python<'_>) -> PyResult<f64> {
        Ok(engine::listing_ttl().map_err(|failed| raise(py, failed))?.as_secs_f64())
    }

    /// Options are for the buckets among the places, from now on.
    #[expect(clippy::fn_params_excessive_bools, reason = "Python's keywords")]
    fn read_parquet(
        &self,
        py: Python<'_>,
        files: Files,
        folders: bool,
        source: bool,
        options: BTreeMap<String, String>,
    ) -> PyResult<(Chain, HashMap<String, String>)> {
        let files = self.table_files(py, files, options)?;
        let request = ParquetRequest { files, folders, source };
        let session = Arc::clone(&self.0);
        let read = async move { session.read_parquet(request).await };
        let (chain, notes) = wait(py, read, None)?;
        Ok((Chain::new(chain), notes))
    }

    /// Options are for the buckets among the places, from now on.
    fn read_csv(
        &self,
        py: Python<'_>,
        files: Files,
        how: &Bound<'_, PyDict>,
        options: BTreeMap<String, String>,
    ) -> PyResult<Chain> {
        let files = self.table_files(py, files, options)?;
        let request = csv_request(files, how)?;
        let session = Arc::clone(&self.0);
        Ok(Chain::new(wait(py, async move { session.read_csv(request).await }, None)?))
    }

    /// Options are for the buckets among the places, from now on.
    fn read_json(
        &self,
        py: Python<'_>,
        asked: json::Asked<'_>,
        options: BTreeMap<String, String>,
    ) -> PyResult<Chain> {
        let request = json::request(py, asked)?;
        if let JsonColumn::Sampled { of: Some(samples), .. } = &request.column {
            self.configure_buckets(py, samples, options.clone())?;
        }
        self.configure_buckets(py, &request.files, options)?;
        let session = Arc::clone(&self.0);
        Ok(Chain::new(wait(py, async move { session.read_json(request).await }, None)?))
    }

    /// `nest` names the one column that has all others as its fields.
    #[pyo3(signature = (columns, nest=None))]
    fn read_values(
        &self,
        py: Python<'_>,
        columns: values::Columns<'_>,
        nest: Option<&str>,
    ) -> PyResult<Chain> {
        self.read_batches(py, values::batches(py, columns)?, nest)
    }

    /// A table and columns beside it, in the order of `names`.
    #[pyo3(signature = (names, table, columns, nest=None))]
    fn read_frame(
        &self,
        py: Python<'_>,
        names: Vec<String>,
        table: &Bound<'_, PyAny>,
        columns: values::Columns<'_>,
        nest: Option<&str>,
    ) -> PyResult<Chain> {
        self.read_batches(py, values::beside(py, &names, table, columns)?, nest)
    }

    fn read_arrow(&self, source: &Bound<'_, PyAny>) -> PyResult<Chain> {
        let (schema, batches) = arrow::import(source)?;
        let chain = self.0.read_batches(&schema, &batches);
        Ok(Chain::new(chain.map_err(|failed| raise(source.py(), failed))?))
    }

    /// Runs a statement; one that writes needs a job.
    #[pyo3(signature = (text, given, job, progress))]
    fn sql(
        &self,
        py: Python<'_>,
        text: &str,
        given: &Bound<'_, PyDict>,
        job: Option<String>,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Answered> {
        statements::run(py, &self.0, (text, given), job, progress.as_ref())
    }

    fn versions<'py>(
        &self,
        py: Python<'py>,
        include_removed: bool,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let catalog = Arc::clone(self.0.catalog());
        let filter = VersionFilter { include_removed, ..VersionFilter::default() };
        let found = async move { Ok((catalog.versions(filter).await?, catalog.datasets().await?)) };
        let (records, datasets) = wait(py, found, None)?;
        let listings = datasets.into_iter().filter(|dataset| dataset.name.is_listing());
        let places = listings.filter_map(|one| Some((one.name, one.description?))).collect();
        records.iter().map(|record| version_row(py, record, &places)).collect()
    }

    fn job<'py>(&self, py: Python<'py>, id: String) -> PyResult<Bound<'py, PyDict>> {
        let catalog = Arc::clone(self.0.catalog());
        let job = wait(py, async move { Ok(catalog.job(&JobId::from(id)).await?) }, None)?;
        job_row(py, &job)
    }

    /// Removes the latest version, a given one, or all; the numbers that went.
    #[pyo3(signature = (name, namespace, project, version, all))]
    fn remove_versions(
        &self,
        py: Python<'_>,
        name: &str,
        namespace: Option<&str>,
        project: Option<&str>,
        version: Option<&str>,
        all: bool,
    ) -> PyResult<Vec<String>> {
        let (name, mut spec) = resolve_name(py, name, namespace, project)?;
        if let Some(version) = version {
            spec = parse_spec(py, version)?;
        }
        let catalog = Arc::clone(self.0.catalog());
        let remove = async move {
            let newest =
                catalog.resolve(&name, if all { &VersionSpec::Latest } else { &spec }).await?;
            let chosen =
                if all { catalog.versions(VersionFilter::of(&name)).await? } else { vec![newest] };
            let mut removed = Vec::with_capacity(chosen.len());
            for record in chosen {
                catalog.remove_version(&name, record.version).await?;
                removed.push(record.version.to_string());
            }
            Ok(removed)
        };
        wait(py, remove, None)
    }

    /// Gives a dataset another name.
    fn move_dataset(&self, py: Python<'_>, src: &str, dest: &str) -> PyResult<()> {
        let (from, to) = (own_name(py, src)?, own_name(py, dest)?);
        let session = Arc::clone(&self.0);
        let moved = async move {
            session.check_no_view(&to).await?;
            Ok(session.catalog().rename(&from, &to).await?)
        };
        wait(py, moved, None)
    }

    /// Gives a dataset another description or other labels; None leaves them.
    #[pyo3(signature = (name, description, attrs))]
    fn edit_dataset(
        &self,
        py: Python<'_>,
        name: &str,
        description: Option<String>,
        attrs: Option<Vec<String>>,
    ) -> PyResult<()> {
        let (name, edit) = (own_name(py, name)?, DatasetEdit { description, attrs });
        let catalog = Arc::clone(self.0.catalog());
        wait(py, async move { Ok(catalog.edit_dataset(&name, edit).await.map(drop)?) }, None)
    }

    /// The namespaces and projects: name, project, description, time.
    fn folders<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let catalog = Arc::clone(self.0.catalog());
        let folders = wait(py, async move { Ok(catalog.folders().await?) }, None)?;
        folders.iter().map(|folder| folder_row(py, folder)).collect()
    }

    /// Makes a namespace, or a project in it.
    #[pyo3(signature = (namespace, project, description))]
    fn make_folder<'py>(
        &self,
        py: Python<'py>,
        namespace: &str,
        project: Option<&str>,
        description: Option<String>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let name = folder_name(py, namespace, project)?;
        let catalog = Arc::clone(self.0.catalog());
        let make = async move { Ok(catalog.make_folder(&name, description).await?) };
        folder_row(py, &wait(py, make, None)?)
    }

    /// Forgets that one was made; false if none was.
    #[pyo3(signature = (namespace, project))]
    fn forget_folder(
        &self,
        py: Python<'_>,
        namespace: &str,
        project: Option<&str>,
    ) -> PyResult<bool> {
        let name = folder_name(py, namespace, project)?;
        let catalog = Arc::clone(self.0.catalog());
        wait(py, async move { Ok(catalog.forget_folder(&name).await?) }, None)
    }

    /// Removes what `Chain.persist` kept under this name.
    fn forget(&self, py: Python<'_>, session: &str, name: &str) -> PyResult<()> {
        let name = session_name(py, session, name)?;
        let session = Arc::clone(&self.0);
        wait(py, async move { session.forget(&name).await }, None)
    }

    /// What was removed, what was kept and what was put together: name, reason, files, bytes.
    #[expect(clippy::fn_params_excessive_bools, reason = "Python's keywords")]
    fn gc(
        &self,
        py: Python<'_>,
        ttl: f64,
        results_ttl: f64,
        compact: bool,
        dry_run: bool,
    ) -> PyResult<(Vec<GarbageRow>, Vec<GarbageRow>, Vec<GarbageRow>)> {
        let duration = |seconds| {
            Duration::try_from_secs_f64(seconds)
                .map_err(|error| PyValueError::new_err(error.to_string()))
        };
        let (ttl, results_ttl) = (duration(ttl)?, duration(results_ttl)?);
        let options = GcOptions { ttl, results_ttl, compact, dry_run };
        let session = Arc::clone(&self.0);
        let collect = async move { session.gc(options).await };
        let report = wait(py, collect, None)?;
        let rows = |list: Vec<Garbage>| list.into_iter().map(garbage_row).collect();
        Ok((rows(report.removed), rows(report.kept), rows(report.compacted)))
    }

    #[pyo3(signature = (name, source, git_commit, git_dirty, author, environment, params))]
    fn start_job(
        &self,
        py: Python<'_>,
        name: String,
        source: Option<String>,
        git_commit: Option<String>,
        git_dirty: Option<bool>,
        author: Option<String>,
        environment: &str,
        params: &str,
    ) -> PyResult<String> {
        let (environment, params) = (parsed(environment)?, parsed(params)?);
        let job = NewJob { name, source, git_commit, git_dirty, author, environment, params };
        let catalog = Arc::clone(self.0.catalog());
        let job = wait(py, async move { Ok(catalog.start_job(job).await?) }, None)?;
        Ok(job.id.as_str().to_owned())
    }

    /// Adds to a job's `params` and `metrics`, as JSON.
    fn note_job(&self, py: Python<'_>, id: String, notes: &str) -> PyResult<()> {
        let notes: JobNotes = serde_json::from_str(notes)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let catalog = Arc::clone(self.0.catalog());
        wait(py, async move { Ok(catalog.note_job(&JobId::from(id), notes).await?) }, None)
    }

    #[pyo3(signature = (id, status, error))]
    fn finish_job(
        &self,
        py: Python<'_>,
        id: String,
        status: &str,
        error: Option<String>,
    ) -> PyResult<()> {
        let status = match status {
            "complete" => JobStatus::Complete,
            "failed" => JobStatus::Failed,
            "canceled" => JobStatus::Canceled,
            other => return Err(PyValueError::new_err(format!("unknown status `{other}`"))),
        };
        let catalog = Arc::clone(self.0.catalog());
        let finish = async move { Ok(catalog.finish_job(&JobId::from(id), status, error).await?) };
        wait(py, finish, None)
    }
}

/// How to start a worker process; `None` where this process cannot start an interpreter.
fn worker_command(py: Python<'_>) -> PyResult<Option<WorkerCommand>> {
    let command = py.import("lakebed._worker")?.call_method0("command")?;
    let command: Option<(PathBuf, Vec<OsString>)> = command.extract()?;
    let with = |(program, arguments)| WorkerCommand { program, arguments, environment: Vec::new() };
    Ok(command.map(with))
}

fn parsed(text: &str) -> PyResult<Value> {
    serde_json::from_str(text).map_err(|error| PyValueError::new_err(error.to_string()))
}
