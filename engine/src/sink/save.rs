//! [`Chain::save`]: a stream becomes fragments, a Lance commit, a tag and a catalog record, in that order.
//!
//! What fails on the way leaves files that no version needs; collectors of garbage remove them. They are not removed here:
//! whether a commit arrived that said that it failed, is not known.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Fields, Schema, SchemaRef};
use catalog::{
    CatalogExt, ClaimRequest, CompletedVersion, DatasetEdit, DatasetVersion, JobId, Newest,
    QualifiedName, Wanted,
};
use datafusion::physical_plan::ExecutionPlanProperties;
use futures::future::{BoxFuture, try_join_all};
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, try_join};
use lance::Dataset;
use lance_table::format::Fragment;
use serde_json::Value;
use udf_runtime::task;

use super::commit::Commit;
use super::fragments::{Columns, Rows, Target, Written, check_types};
use super::preview;
use super::vectors::VectorLengths;
use crate::kind::kind_name;
use crate::layout::{self, locate};
use crate::progress::Progress;
use crate::storage::Entered;
use crate::{Chain, Error, Ready, Result, Session, config};

/// What to save a chain as.
#[derive(Clone, Debug)]
pub struct SaveRequest {
    /// The dataset.
    pub name: QualifiedName,
    /// Which number the version should get.
    pub wanted: Wanted,
    /// What the version holds beside the chain's rows.
    pub mode: SaveMode,
    /// Lists of floats stay lists. Else those whose first rows have one length are stored as vectors of that length, and
    /// a row of another is an error.
    pub lists: bool,
    /// The job that saves; it must have been started.
    pub job: JobId,
    /// Replaces the dataset's description.
    pub description: Option<String>,
    /// Replaces the dataset's labels.
    pub attrs: Option<Vec<String>>,
}

/// What a version holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaveMode {
    /// The chain's rows.
    #[default]
    Replace,
    /// Those of the newest version, which are not written again, and after them the chain's.
    Append,
}

/// A version that is durable and visible.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The catalog's record.
    pub record: DatasetVersion,
    /// The version's rows.
    pub chain: Chain,
    /// Whether the version was made now; else it was there, made of the same.
    pub is_new: bool,
}

impl Chain {
    /// Runs the chain and saves its rows, in order, as a new version of a dataset.
    ///
    /// Until the last step nothing is visible. `sys` is not saved.
    ///
    /// # Errors
    /// What the query fails with; a version number that is taken, before anything runs; [`Error::Storage`].
    pub fn save<'a>(
        &'a self,
        request: SaveRequest,
        progress: &'a Arc<Progress>,
    ) -> BoxFuture<'a, Result<Saved>> {
        self.save_rows(request, progress).boxed()
    }

    async fn save_rows(&self, request: SaveRequest, progress: &Arc<Progress>) -> Result<Saved> {
        let session = Arc::clone(self.session());
        let chain = self.with_sys(false)?;
        if chain.schema().fields().is_empty() {
            return Err(Error::InvalidArgument {
                argument: "chain",
                given: String::new(),
                accepted: "it has no columns to save".to_owned(),
            });
        }
        check_names(chain.schema().fields())?;
        check_types(&chain.schema())?;
        let chain = chain.pinned(Some(&request.job)).await?;
        let fingerprint = chain.fingerprint().await?;
        if let Some(saved) = same_rows(&chain, &request, fingerprint.as_deref(), progress).await? {
            return Ok(saved);
        }
        let saving = Saving {
            session: &session,
            request: &request,
            schema: chain.schema(),
            dependencies: chain.dependencies()?,
        };
        let prepared = chain.prepare(chain.visible_plan()?, progress);
        let (place, ready) = try_join!(saving.open(), prepared)?;
        let added = saving.write(&place, ready.partitions()?, progress).await?;
        session.storage().pause().await;
        // Rows of code that failed beside rows of repaired code are not what either would make.
        let fingerprint = fingerprint.filter(|_| !progress.is_mixed());
        let (record, dataset) = saving.publish(&place, fingerprint, added).await?;
        let chain = session.rows_of(&record, dataset)?;
        Ok(Saved { record, chain, is_new: true })
    }
}

/// The newest version of the dataset, if it was made of the same: then its rows are those that would be saved. An older
/// one will not do, because who reads the dataset gets the newest.
async fn same_rows(
    chain: &Chain,
    request: &SaveRequest,
    fingerprint: Option<&str>,
    progress: &Progress,
) -> Result<Option<Saved>> {
    let (session, name) = (chain.session(), &request.name);
    if fingerprint.is_none() || request.mode == SaveMode::Append || config::ignores_checkpoints() {
        return Ok(None);
    }
    let Some(record) = newest(session, name).await? else {
        return Ok(None);
    };
    let fits = match request.wanted {
        Wanted::Exact(version) => version == record.version,
        Wanted::Bump(_) => true,
    };
    let is_same = record.fingerprint.as_deref() == fingerprint
        && VectorLengths::of_stored(&record.schema).apply_to(&chain.schema()).fields()
            == record.schema.fields();
    if !fits || !is_same {
        return Ok(None);
    }
    let edit =
        DatasetEdit { description: request.description.clone(), attrs: request.attrs.clone() };
    if edit != DatasetEdit::default() {
        session.catalog().edit_dataset(name, edit).await?;
    }
    let spec = catalog::VersionSpec::Exact(record.version);
    let record = session.catalog().resolve(name, &spec).await?;
    let chain = session.read_dataset(name, &spec).await?;
    let (title, rows) = (name.short(), record.rows);
    progress.tell(format!("Dataset '{title}@{}': unchanged, {rows} rows", record.version));
    Ok(Some(Saved { record, chain, is_new: false }))
}

/// Names that could be written but not read back are refused before anything runs.
fn check_names(fields: &Fields) -> Result<()> {
    for field in fields {
        let name = field.name();
        if name.is_empty() || name.contains(['.', '`']) || name.starts_with("_row") {
            return Err(Error::InvalidArgument {
                argument: "column name",
                given: name.clone(),
                accepted:
                    "to be saved it must not be empty, hold `.` or a backtick, or start with `_row`"
                        .to_owned(),
            });
        }
        check_names_below(field.data_type())?;
    }
    Ok(())
}

fn check_names_below(kind: &DataType) -> Result<()> {
    match kind {
        DataType::Struct(fields) => check_names(fields),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => check_names_below(item.data_type()),
        _ => Ok(()),
    }
}

/// A version on its way.
pub(super) struct Saving<'a> {
    pub(super) session: &'a Arc<Session>,
    pub(super) request: &'a SaveRequest,
    /// The columns of its rows.
    pub(super) schema: SchemaRef,
    pub(super) dependencies: Vec<catalog::Dependency>,
}

/// Where rows go, and what keeps collectors of garbage out of there while it lives.
pub(super) struct Place {
    pub(super) target: Arc<Target>,
    _entered: Entered,
}

impl Saving<'_> {
    /// What belongs to a session stays there while the session does.
    pub(super) async fn open(&self) -> Result<Place> {
        let (session, name) = (self.session, &self.request.name);
        let is_free = session.catalog().check_wanted(name, self.request.wanted).err_into();
        let (_, location) = try_join!(is_free, locate(&**session.catalog(), name))?;
        let base = self.base().await?;
        let folder = layout::location(&location)?;
        if name.is_of_session() {
            session.hold(&layout::parent(&folder)).await?;
        }
        let _entered = session.storage().share(&folder).await?;
        let target = Target {
            folder,
            title: name.short().to_string(),
            base,
            session: Arc::clone(session.lance()),
            storage: Arc::clone(session.storage()),
        };
        Ok(Place { target: Arc::new(target), _entered })
    }

    /// The version that is added to: the dataset's newest, whose columns the rows must have. `None` where there is none
    /// yet, or nothing is added.
    async fn base(&self) -> Result<Option<DatasetVersion>> {
        if self.request.mode == SaveMode::Replace {
            return Ok(None);
        }
        let Some(record) = newest(self.session, &self.request.name).await? else {
            return Ok(None);
        };
        let expected = VectorLengths::of_stored(&record.schema).apply_to(&self.schema);
        if expected.fields() != record.schema.fields() {
            return Err(Error::InvalidArgument {
                argument: "columns",
                given: columns(&self.schema),
                accepted: format!(
                    "to be added to `{}@{}` they must be its columns: {}",
                    record.dataset.short(),
                    record.version,
                    columns(&record.schema)
                ),
            });
        }
        Ok(Some(record))
    }

    /// Writes all partitions at once, each into its own files.
    pub(super) async fn write(
        &self,
        place: &Place,
        mut partitions: Vec<Rows>,
        progress: &Arc<Progress>,
    ) -> Result<Added> {
        let target = &place.target;
        let saving = progress.start(&format!("save {}", target.title), None);
        let lengths = match &target.base {
            Some(base) => VectorLengths::of_stored(&base.schema).of_lists_in(&self.schema),
            None if self.request.lists => VectorLengths::none(),
            None => VectorLengths::of_first_rows(&self.schema, &mut partitions).await?,
        };
        let columns = Columns::new(lengths, &self.schema);
        let mut writers = Vec::new();
        for rows in partitions {
            let (target, saving) = (Arc::clone(target), Arc::clone(&saving));
            let writer = task::spawn(target.write(columns.clone(), rows, saving));
            writers.push(async move {
                writer.await.map_err(|error| Error::internal(error.to_string()))?
            });
        }
        Added::new(target, columns, try_join_all(writers).await?)
    }

    /// From files that nobody knows to a version that everybody sees.
    pub(super) async fn publish(
        &self,
        place: &Place,
        fingerprint: Option<String>,
        added: Added,
    ) -> Result<(DatasetVersion, Dataset)> {
        let (catalog, request) = (self.session.catalog(), self.request);
        loop {
            let base = self.base().await?;
            let claim = ClaimRequest {
                name: request.name.clone(),
                location: place.target.folder.to_string(),
                wanted: request.wanted,
                job: request.job.clone(),
                description: request.description.clone(),
                attrs: request.attrs.clone(),
            };
            let claim = catalog.claim_version(claim).await?;
            let commit = Commit {
                base: base.as_ref().map(|base| base.storage_version),
                added: added.fragments.clone(),
                schema: Arc::clone(&added.schema),
            };
            let committed = async {
                let Some(dataset) = commit.apply(&place.target, &claim).boxed().await? else {
                    return Ok(None);
                };
                let completed = CompletedVersion {
                    // What is added must not hide what became complete meanwhile; a rewrite hides nothing of its own.
                    newest: match request.mode {
                        SaveMode::Replace => Newest::Any,
                        SaveMode::Append => Newest::Is(base.as_ref().map(|base| base.version)),
                    },
                    dependencies: self.dependencies.clone(),
                    ..added.onto(base.as_ref(), &dataset, fingerprint.clone())
                };
                Ok(Some((catalog.complete_version(&claim, completed).await?, dataset)))
            };
            let outcome: Result<Option<_>> = committed.await;
            let error = match outcome {
                Ok(Some(saved)) => return Ok(saved),
                // A version has the number that the catalog does not know: an older catalog was put in its place.
                Ok(None) => {
                    let (name, version) = (claim.name.clone(), claim.version);
                    Error::Catalog(catalog::Error::VersionTaken { name, version, latest: version })
                }
                Err(error) => error,
            };
            // The first error is the one to report; a claim that cannot be given up stays pending, and invisible.
            drop(catalog.abandon_version(&claim, &error.to_string()).await);
            let moved = matches!(
                &error,
                Error::Catalog(
                    catalog::Error::NewestMoved { .. } | catalog::Error::VersionTaken { .. }
                )
            );
            if !moved || !matches!(request.wanted, Wanted::Bump(_)) {
                return Err(error);
            }
        }
    }
}

impl Ready {
    /// The rows of its partitions.
    fn partitions(&self) -> Result<Vec<Rows>> {
        let partitions = 0..self.plan.output_partitioning().partition_count();
        let execute = |partition| {
            let rows = self.plan.execute(partition, Arc::clone(&self.context))?;
            Ok(rows.map_err(Error::from).boxed())
        };
        partitions.map(execute).collect()
    }
}

/// The dataset's newest version, if it has one.
pub(super) async fn newest(
    session: &Session,
    name: &QualifiedName,
) -> Result<Option<DatasetVersion>> {
    match session.catalog().resolve(name, &catalog::VersionSpec::Latest).await {
        Ok(record) => Ok(Some(record)),
        Err(catalog::Error::DatasetNotFound { .. } | catalog::Error::VersionNotFound { .. }) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn columns(schema: &Schema) -> String {
    let column = |field: &FieldRef| format!("{} ({})", field.name(), kind_name(field.data_type()));
    schema.fields().iter().map(column).collect::<Vec<_>>().join(", ")
}

/// What a save wrote: fragments that belong to no version yet.
pub(super) struct Added {
    fragments: Vec<Fragment>,
    schema: SchemaRef,
    rows: u64,
    bytes: u64,
    preview: Vec<Value>,
}

impl Added {
    fn new(target: &Target, columns: Columns, written: Vec<Written>) -> Result<Self> {
        let first_rows: Vec<RecordBatch> =
            written.iter().flat_map(|part| part.preview.iter().cloned()).collect();
        let preview = preview::to_json(&first(&first_rows, preview::PREVIEW_ROWS))?;
        let fragments: Vec<Fragment> =
            written.into_iter().flat_map(|part| part.fragments).collect();
        let schema = target.base.as_ref().map_or(columns.schema, |base| Arc::clone(&base.schema));
        let (rows, bytes) = size_of(&fragments);
        Ok(Self { fragments, schema, rows, bytes, preview })
    }

    /// The files that nobody knows.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        let files = self.fragments.iter().flat_map(|fragment| &fragment.files);
        files.map(|file| file.path.as_str())
    }

    /// The version that adds this to another, or is only this.
    fn onto(
        &self,
        base: Option<&DatasetVersion>,
        dataset: &Dataset,
        fingerprint: Option<String>,
    ) -> CompletedVersion {
        let mut preview =
            base.and_then(|base| base.preview.as_array().cloned()).unwrap_or_default();
        preview.extend(self.preview.iter().cloned());
        preview.truncate(preview::PREVIEW_ROWS);
        CompletedVersion {
            schema: Arc::clone(&self.schema),
            storage_version: dataset.version().version,
            newest: Newest::Any,
            fingerprint: fingerprint.filter(|_| base.is_none()),
            rows: self.rows + base.map_or(0, |base| base.rows),
            bytes: self.bytes + base.map_or(0, |base| base.bytes),
            preview: Value::Array(preview),
            dependencies: Vec::new(),
        }
    }
}

fn first(batches: &[RecordBatch], rows: usize) -> Vec<RecordBatch> {
    let mut left = rows;
    let cut = |batch: &RecordBatch| {
        let taken = batch.num_rows().min(left);
        left -= taken;
        batch.slice(0, taken)
    };
    batches.iter().map(cut).filter(|batch| batch.num_rows() > 0).collect()
}

fn size_of(fragments: &[Fragment]) -> (u64, u64) {
    let rows = fragments.iter().filter_map(|fragment| fragment.physical_rows).sum::<usize>();
    let files = fragments.iter().flat_map(|fragment| &fragment.files);
    let bytes = files.filter_map(|file| file.file_size_bytes.get()).map(u64::from).sum();
    (rows as u64, bytes)
}
