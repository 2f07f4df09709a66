//! [`Chain::save`]: a stream becomes fragments, a Lance commit, a tag and a catalog record, in that order.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Fields, Schema};
use catalog::{
    CatalogExt, Claim, ClaimRequest, CompletedVersion, DatasetEdit, DatasetVersion, JobId,
    QualifiedName, Wanted,
};
use datafusion::physical_plan::ExecutionPlanProperties;
use futures::future::{BoxFuture, try_join_all};
use futures::{FutureExt, TryFutureExt, try_join};
use lance::Dataset;
use lance::dataset::builder::DatasetBuilder;
use lance::dataset::transaction::{Operation, TransactionBuilder};
use lance::dataset::{CommitBuilder, WriteDestination};
use lance_core::Error as LanceError;
use lance_table::format::Fragment;
use udf_runtime::task;

use super::fragments::{Segment, Target, Written, check_types, lance_schema};
use super::preview;
use super::vectors::VectorLengths;
use crate::adapter::error::LanceResultExt;
use crate::layout::{self, locate};
use crate::progress::Progress;
use crate::storage::{Entered, Location, Storage};
use crate::{Chain, Error, Ready, Result, config};

/// How often a commit is tried again when another process was faster.
const COMMIT_ATTEMPTS: usize = 50;

/// What to save a chain as.
#[derive(Clone, Debug)]
pub struct SaveRequest {
    /// The dataset.
    pub name: QualifiedName,
    /// Which number the version should get.
    pub wanted: Wanted,
    /// The job that saves; it must have been started.
    pub job: JobId,
    /// Replaces the dataset's description.
    pub description: Option<String>,
    /// Replaces the dataset's labels.
    pub attrs: Option<Vec<String>>,
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
    /// Until the last step nothing is visible; when it fails, what it wrote is removed. `sys` is not saved.
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
        let chain = chain.pinned().await?;
        let fingerprint = chain.fingerprint().await?;
        if let Some(saved) = same_rows(&chain, &request, fingerprint.as_deref(), progress).await? {
            return Ok(saved);
        }
        let prepared = chain.prepare(chain.visible_plan()?, progress);
        let ((target, _entered), ready) = try_join!(open_target(&chain, &request), prepared)?;
        let written = write_all(&ready, &target, progress).await?;
        let files = Files::of(&target, &written);
        session.storage().pause().await;
        // Rows of code that failed beside rows of repaired code are not what either would make.
        let fingerprint = fingerprint.filter(|_| !progress.is_mixed());
        let outcome = publish(&chain, &request, &target, fingerprint, written).await;
        if outcome.is_err() {
            files.remove(session.storage()).await;
        }
        let (record, dataset) = outcome?;
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
    if fingerprint.is_none() || config::ignores_checkpoints() {
        return Ok(None);
    }
    let record = match session.catalog().resolve(name, &catalog::VersionSpec::Latest).await {
        Ok(record) => record,
        Err(catalog::Error::DatasetNotFound { .. } | catalog::Error::VersionNotFound { .. }) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
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

/// Where the rows go, and what keeps collectors of garbage out of there: while it lives, or out of what belongs to a
/// session, while the session does.
async fn open_target(chain: &Chain, request: &SaveRequest) -> Result<(Arc<Target>, Entered)> {
    let (session, name) = (chain.session(), &request.name);
    let is_free = session.catalog().check_wanted(name, request.wanted).err_into();
    let (_, location) = try_join!(is_free, locate(&**session.catalog(), name))?;
    let folder = layout::location(&location)?;
    if name.is_of_session() {
        session.hold(&layout::parent(&folder)).await?;
    }
    let entered = session.storage().share(&folder).await?;
    let target = Target {
        uri: session.storage().lance_uri(&folder),
        location,
        folder,
        title: name.short().to_string(),
        schema: chain.schema(),
        session: Arc::clone(session.lance()),
    };
    Ok((Arc::new(target), entered))
}

/// Writes all partitions at once, each into its own files.
async fn write_all(
    ready: &Ready,
    target: &Arc<Target>,
    progress: &Arc<Progress>,
) -> Result<Vec<Written>> {
    let saving = progress.start(&format!("save {}", target.title), None);
    let mut writers = Vec::new();
    for partition in 0..ready.plan.output_partitioning().partition_count() {
        let rows = ready.plan.execute(partition, Arc::clone(&ready.context))?;
        let (target, saving) = (Arc::clone(target), Arc::clone(&saving));
        let writer = task::spawn(target.write(rows, saving));
        writers
            .push(async move { writer.await.map_err(|error| Error::internal(error.to_string()))? });
    }
    try_join_all(writers).await
}

/// From files that nobody knows to a version that everybody sees.
async fn publish(
    chain: &Chain,
    request: &SaveRequest,
    target: &Arc<Target>,
    fingerprint: Option<String>,
    written: Vec<Written>,
) -> Result<(DatasetVersion, Dataset)> {
    let catalog = chain.session().catalog();
    let first_rows: Vec<RecordBatch> =
        written.iter().flat_map(|part| part.preview.iter().cloned()).collect();
    let preview = preview::to_json(&first(&first_rows, preview::PREVIEW_ROWS))?;
    let segments = written.into_iter().flat_map(|part| part.segments).collect();
    let whole = one_schema(target, segments).await?;
    let schema = whole.lengths.apply_to(&target.schema);
    let claim = ClaimRequest {
        name: request.name.clone(),
        location: target.location.clone(),
        wanted: request.wanted,
        job: request.job.clone(),
        description: request.description.clone(),
        attrs: request.attrs.clone(),
    };
    let claim = catalog.claim_version(claim).await?;
    let (rows, bytes) = size_of(&whole.fragments);
    let committed = async {
        let dataset = commit(target, &claim, &schema, whole.fragments).await?;
        let number = dataset.version().version;
        dataset
            .tags()
            .create(&claim.version.to_string(), number)
            .await
            .lance("tag", &target.title)?;
        let completed = CompletedVersion {
            schema,
            storage_version: number,
            fingerprint,
            rows,
            bytes,
            preview,
            dependencies: chain.dependencies()?,
        };
        Ok((catalog.complete_version(&claim, completed).await?, dataset))
    };
    let outcome: Result<_> = committed.await;
    if let Err(error) = &outcome {
        // The first error is the one to report; a claim that cannot be given up stays pending, and invisible.
        drop(catalog.abandon_version(&claim, &error.to_string()).await);
    }
    outcome
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

/// One segment of all: those in which a column is a vector that is none elsewhere are written again.
async fn one_schema(target: &Arc<Target>, segments: Vec<Segment>) -> Result<Segment> {
    let Some(lengths) =
        segments.iter().map(|segment| segment.lengths.clone()).reduce(|all, one| all.agree(&one))
    else {
        return Ok(Segment { lengths: VectorLengths::default(), fragments: vec![] });
    };
    let mut fragments = Vec::new();
    for segment in segments {
        let segment = if segment.lengths == lengths {
            segment
        } else {
            Arc::clone(target).rewrite(segment, lengths.clone()).await?
        };
        fragments.extend(segment.fragments);
    }
    Ok(Segment { lengths, fragments })
}

fn size_of(fragments: &[Fragment]) -> (u64, u64) {
    let rows = fragments.iter().filter_map(|fragment| fragment.physical_rows).sum::<usize>();
    let files = fragments.iter().flat_map(|fragment| &fragment.files);
    let bytes = files.filter_map(|file| file.file_size_bytes.get()).map(u64::from).sum();
    (rows as u64, bytes)
}

/// Commits the fragments as the dataset's next state, however many others commit meanwhile: a full rewrite depends on
/// no earlier state, and every version keeps its own state by its tag.
async fn commit(
    target: &Target,
    claim: &Claim,
    schema: &Schema,
    fragments: Vec<Fragment>,
) -> Result<Dataset> {
    let properties = HashMap::from([
        ("lakebed.job".to_owned(), claim.job.as_str().to_owned()),
        ("lakebed.dataset".to_owned(), claim.name.to_string()),
        ("lakebed.version".to_owned(), claim.version.to_string()),
    ]);
    let properties = Some(Arc::new(properties));
    let mut attempt = 0;
    loop {
        attempt += 1;
        let operation = Operation::Overwrite {
            fragments: fragments.clone(),
            schema: lance_schema(schema, &target.title)?,
            config_upsert_values: None,
            initial_bases: None,
        };
        let existing = DatasetBuilder::from_uri(&target.uri)
            .with_session(Arc::clone(&target.session))
            .load()
            .await;
        let (destination, base) = match existing {
            Ok(dataset) => {
                let base = dataset.version().version;
                (WriteDestination::Dataset(Arc::new(dataset)), base)
            }
            Err(LanceError::DatasetNotFound { .. } | LanceError::NotFound { .. }) => {
                (WriteDestination::Uri(&target.uri), 0)
            }
            Err(error) => return Err(error).lance("open", &target.title),
        };
        let transaction = TransactionBuilder::new(base, operation)
            .transaction_properties(properties.clone())
            .build();
        let committed = CommitBuilder::new(destination)
            .with_session(Arc::clone(&target.session))
            .execute(transaction)
            .await;
        match committed {
            Err(error) if is_conflict(&error) && attempt < COMMIT_ATTEMPTS => {}
            committed => return committed.lance("commit", &target.title),
        }
    }
}

fn is_conflict(error: &LanceError) -> bool {
    matches!(
        error,
        LanceError::CommitConflict { .. }
            | LanceError::RetryableCommitConflict { .. }
            | LanceError::IncompatibleTransaction { .. }
            | LanceError::TooMuchWriteContention { .. }
            | LanceError::DatasetAlreadyExists { .. }
    )
}

/// The files of fragments that may never belong to a version.
struct Files(Vec<Location>);

impl Files {
    fn of(target: &Target, written: &[Written]) -> Self {
        let segments = written.iter().flat_map(|part| &part.segments);
        let files = segments.flat_map(|segment| &segment.fragments).flat_map(|part| &part.files);
        let data = target.folder.clone().join("data");
        Self(files.map(|file| data.clone().join(file.path.as_str())).collect())
    }

    /// Best effort: what stays behind is unreferenced and only takes room.
    async fn remove(self, storage: &Storage) {
        for file in self.0 {
            drop(storage.delete(&file).await);
        }
    }
}
