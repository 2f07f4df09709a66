//! `Session`: one root, its catalog, and the ways to start a chain.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use catalog::{
    CatalogExt, DatasetRef, DatasetVersion, JobId, JobStatus, NamePart, NewJob, QualifiedName,
    VersionFilter, VersionSpec,
};
use engine::{Config, FileKind, Garbage, GcOptions, Listing, Pause, Root};
use futures::FutureExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use serde_json::Value;
use udf_runtime::WorkerCommand;

use crate::chain::Chain;
use crate::codec::Codec;
use crate::error::raise;
use crate::look::look;
use crate::runtime::wait;
use crate::storage::{Storage, client_config};
use crate::{arrow, error};

/// A session; immutable, safe to share between threads.
#[pyclass(frozen, module = "lakebed._native")]
pub(crate) struct Session(Arc<engine::Session>);

/// A dataset name as a call gives it: parts in the name win over arguments, those over the defaults.
pub(crate) fn resolve_name(
    py: Python<'_>,
    name: &str,
    namespace: Option<&str>,
    project: Option<&str>,
) -> PyResult<(QualifiedName, VersionSpec)> {
    let parse = || -> catalog::Result<_> {
        let reference: DatasetRef = name.parse()?;
        let part = |given: Option<&str>| given.map_or_else(|| Ok(NamePart::local()), str::parse);
        let name = reference.resolve(&part(namespace)?, &part(project)?);
        Ok((name, reference.version))
    };
    parse().map_err(|failed| raise(py, failed.into()))
}

fn parse_spec(py: Python<'_>, text: &str) -> PyResult<VersionSpec> {
    text.parse().map_err(|failed: catalog::Error| raise(py, failed.into()))
}

impl Session {
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
    #[staticmethod]
    fn open(
        py: Python<'_>,
        root: Option<String>,
        in_memory: bool,
        options: BTreeMap<String, String>,
    ) -> PyResult<Self> {
        let config = match (root, in_memory) {
            (_, true) => Config::in_memory(),
            (Some(root), false) => Root::parse(&root).map(Config::with_root),
            (None, false) => Config::from_environment(),
        };
        let mut config = config.map_err(|failed| raise(py, failed))?;
        config.client_config = client_config(py, options)?;
        config.worker = worker_command(py)?;
        config.pause = Pause::new(|| look().boxed());
        Ok(Self(wait(py, engine::Session::open(config), None)?))
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
    fn read_parquet(
        &self,
        py: Python<'_>,
        paths: Vec<String>,
        options: BTreeMap<String, String>,
    ) -> PyResult<(Chain, Option<String>)> {
        let listing = Listing::try_new(&paths, true, "file", FileKind::Binary);
        let listing = listing.map_err(|failed| raise(py, failed))?;
        self.configure_buckets(py, &listing, options)?;
        let session = Arc::clone(&self.0);
        let read = wait(py, async move { session.read_parquet(listing).await }, None)?;
        Ok((Chain::new(read.chain), read.signals))
    }

    fn read_values(
        &self,
        py: Python<'_>,
        columns: Vec<(String, Bound<'_, PyAny>, Vec<Bound<'_, PyAny>>)>,
    ) -> PyResult<Chain> {
        let mut codecs = Vec::with_capacity(columns.len());
        for (name, spec, values) in columns {
            codecs.push((name, Codec::parse(&spec)?, values));
        }
        let fields = codecs.iter().map(|(name, codec, _)| codec.field(name));
        let schema = Arc::new(::arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()));
        let mut batches = Vec::new();
        for rows in pieces(codecs.iter().map(|(_, _, values)| values.as_slice())) {
            let mut arrays = Vec::with_capacity(codecs.len());
            for (name, codec, values) in &codecs {
                arrays.push(codec.write(&values[rows.clone()]).map_err(|misfit| {
                    let row = rows.start + misfit.row;
                    let message = format!("`{name}`, row {row}: {}", misfit.reason);
                    error::coded(py, "engine.invalid_argument", &message)
                })?);
            }
            let count = Some(rows.len());
            let options = ::arrow::record_batch::RecordBatchOptions::new().with_row_count(count);
            let schema = Arc::clone(&schema);
            let batch =
                ::arrow::record_batch::RecordBatch::try_new_with_options(schema, arrays, &options);
            batches.push(batch.map_err(|failed| PyValueError::new_err(failed.to_string()))?);
        }
        let chain = self.0.read_batches(&schema, &batches);
        Ok(Chain::new(chain.map_err(|failed| raise(py, failed))?))
    }

    fn read_arrow(&self, source: &Bound<'_, PyAny>) -> PyResult<Chain> {
        let (schema, batches) = arrow::import(source)?;
        let chain = self.0.read_batches(&schema, &batches);
        Ok(Chain::new(chain.map_err(|failed| raise(source.py(), failed))?))
    }

    fn sql(&self, py: Python<'_>, text: String) -> PyResult<Chain> {
        let session = Arc::clone(&self.0);
        let query = async move { Ok(sql::query(&session, &text).await) };
        match wait(py, query, None)? {
            Ok(chain) => Ok(Chain::new(chain)),
            Err(sql::Error::Engine(failed)) => Err(raise(py, failed)),
            Err(failed) => Err(error::coded(py, failed.code(), &failed.to_string())),
        }
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
        let row = PyDict::new(py);
        row.set_item("id", job.id.as_str())?;
        row.set_item("name", job.name)?;
        row.set_item("status", job.status.as_str())?;
        row.set_item("created_at", timestamp(py, Some(job.created_at.timestamp_micros()))?)?;
        let finished = job.finished_at.map(|at| at.timestamp_micros());
        row.set_item("finished_at", timestamp(py, finished)?)?;
        row.set_item("source", job.source)?;
        row.set_item("git_commit", job.git_commit)?;
        row.set_item("git_dirty", job.git_dirty)?;
        row.set_item("author", job.author)?;
        row.set_item("environment", job.environment.to_string())?;
        row.set_item("params", job.params.to_string())?;
        row.set_item("error", job.error)?;
        Ok(row)
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
        let names = || -> catalog::Result<(QualifiedName, QualifiedName)> {
            let (from, to): (QualifiedName, QualifiedName) = (src.parse()?, dest.parse()?);
            from.check_own()?;
            to.check_own()?;
            Ok((from, to))
        };
        let (from, to) = names().map_err(|failed| raise(py, failed.into()))?;
        let catalog = Arc::clone(self.0.catalog());
        wait(py, async move { Ok(catalog.rename(&from, &to).await?) }, None)
    }

    /// Removes what `Chain.persist` kept under this name.
    fn forget(&self, py: Python<'_>, session: &str, name: &str) -> PyResult<()> {
        let name = session_name(py, session, name)?;
        let session = Arc::clone(&self.0);
        wait(py, async move { session.forget(&name).await }, None)
    }

    /// What was removed and what was kept: name, reason, files, bytes.
    fn gc(
        &self,
        py: Python<'_>,
        ttl: f64,
        results_ttl: f64,
        dry_run: bool,
    ) -> PyResult<(Vec<Row>, Vec<Row>)> {
        let duration = |seconds| {
            Duration::try_from_secs_f64(seconds)
                .map_err(|error| PyValueError::new_err(error.to_string()))
        };
        let options =
            GcOptions { ttl: duration(ttl)?, results_ttl: duration(results_ttl)?, dry_run };
        let session = Arc::clone(&self.0);
        let collect = async move { session.gc(options).await };
        let report = wait(py, collect, None)?;
        let rows = |list: Vec<Garbage>| list.into_iter().map(garbage_row).collect();
        Ok((rows(report.removed), rows(report.kept)))
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
        let (environment, params) = (json(environment)?, json(params)?);
        let job = NewJob { name, source, git_commit, git_dirty, author, environment, params };
        let catalog = Arc::clone(self.0.catalog());
        let job = wait(py, async move { Ok(catalog.start_job(job).await?) }, None)?;
        Ok(job.id.as_str().to_owned())
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

/// One entry of a report of `gc`.
type Row = (String, &'static str, u64, u64);

fn garbage_row(found: Garbage) -> Row {
    (found.what, found.reason, found.files, found.bytes)
}

/// The full name of what a session keeps for itself.
pub(crate) fn session_name(py: Python<'_>, session: &str, name: &str) -> PyResult<QualifiedName> {
    let name = name.parse().and_then(|name| QualifiedName::of_session(session, name));
    name.map_err(|failed| raise(py, failed.into()))
}

/// How to start a worker process; `None` where this process cannot start an interpreter.
fn worker_command(py: Python<'_>) -> PyResult<Option<WorkerCommand>> {
    let command = py.import("lakebed._worker")?.call_method0("command")?;
    let command: Option<(PathBuf, Vec<OsString>)> = command.extract()?;
    let with = |(program, arguments)| WorkerCommand { program, arguments, environment: Vec::new() };
    Ok(command.map(with))
}

fn json(text: &str) -> PyResult<Value> {
    serde_json::from_str(text).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn timestamp(py: Python<'_>, micros: Option<i64>) -> PyResult<Bound<'_, PyAny>> {
    let column = ::arrow::array::TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC");
    let codec = Codec::optional(crate::codec::Kind::Datetime);
    let column: ::arrow::array::ArrayRef = Arc::new(column);
    codec.read(py, &column)?.pop().ok_or_else(|| PyValueError::new_err("no value"))
}

/// A version as Python sees it; `places` are those that listings are of.
fn version_row<'py>(
    py: Python<'py>,
    record: &DatasetVersion,
    places: &HashMap<QualifiedName, String>,
) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("namespace", record.dataset.namespace.as_str())?;
    row.set_item("project", record.dataset.project.as_str())?;
    row.set_item("name", record.dataset.name.as_str())?;
    row.set_item("version", record.version.to_string())?;
    row.set_item("uuid", &record.uuid)?;
    row.set_item("status", record.status.as_str())?;
    row.set_item("rows", record.rows)?;
    row.set_item("bytes", record.bytes)?;
    row.set_item("description", &record.description)?;
    row.set_item("attrs", &record.attrs)?;
    row.set_item("created_at", timestamp(py, Some(record.created_at.timestamp_micros()))?)?;
    let finished = record.finished_at.map(|at| at.timestamp_micros());
    row.set_item("finished_at", timestamp(py, finished)?)?;
    row.set_item("error", &record.error)?;
    row.set_item("job", record.job.as_str())?;
    let dependencies = record.dependencies.iter();
    let shown = |one: &catalog::Dependency| match places.get(&one.name) {
        Some(place) => format!("{place}@{}", one.version),
        None => format!("{}@{}", one.name, one.version),
    };
    let dependencies: Vec<String> = dependencies.map(shown).collect();
    row.set_item("dependencies", dependencies)?;
    Ok(row)
}

/// Characters and bytes of a piece: a column of a batch holds no 2 GiB, and a character takes up to four bytes.
const PIECE_BYTES: usize = 256 << 20;

/// The rows of columns of one height, cut where their texts and bytes would be too much for one batch.
fn pieces<'v, 'py: 'v>(
    columns: impl Iterator<Item = &'v [Bound<'py, PyAny>]> + Clone,
) -> Vec<Range<usize>> {
    let rows = columns.clone().next().map_or(0, <[_]>::len);
    let (mut pieces, mut start, mut bytes) = (Vec::new(), 0, 0);
    for row in 0..rows {
        let here: usize = columns.clone().map(|values| long(&values[row])).sum();
        if bytes + here > PIECE_BYTES && row > start {
            pieces.push(start..row);
            (start, bytes) = (row, 0);
        }
        bytes += here;
    }
    pieces.push(start..rows);
    pieces
}

/// How long a text or bytes are; nothing for all else.
fn long(value: &Bound<'_, PyAny>) -> usize {
    let is_long =
        value.is_exact_instance_of::<PyString>() || value.is_exact_instance_of::<PyBytes>();
    if is_long { value.len().unwrap_or_default() } else { 0 }
}
