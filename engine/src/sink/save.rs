//! [`Chain::save`]: what may be saved, whether it is there already, and the run that saves it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Fields};
use catalog::{
    CatalogExt, DatasetEdit, DatasetVersion, JobId, QualifiedName, Version, VersionSpec, Wanted,
};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::found;
use super::fragments::check_types;
use super::row_addresses::RowAddresses;
use super::saving::{Saving, newest};
use super::update;
use super::vectors::VectorLengths;
use crate::delta::Made;
use crate::progress::Progress;
use crate::{Chain, Error, Result, Retry, Session, config};

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
#[derive(Clone, Debug, Default, PartialEq)]
pub enum SaveMode {
    /// The chain's rows.
    #[default]
    Replace,
    /// The chain's rows, of a dataset that has no version until this one is there.
    Create,
    /// Those of the newest version, which are not written again, and after them the chain's.
    Append,
    /// Those of a version but some, none of which are written again, and after them the chain's.
    Update {
        /// The version, which must be the newest until this one is.
        base: Version,
        /// Which of its rows are left out.
        removed: RowAddresses,
    },
}

impl SaveMode {
    /// Which rows of the version before are left out.
    pub(super) fn removed(&self) -> RowAddresses {
        match self {
            Self::Replace | Self::Create | Self::Append => RowAddresses::default(),
            Self::Update { removed, .. } => removed.clone(),
        }
    }

    /// Whether the chain's rows are all of the version.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Replace | Self::Create)
    }
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
    /// What was computed for it, where that is not the whole chain.
    pub computed: Option<Chain>,
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
        if !chain.deltas().is_empty() && request.mode == SaveMode::Replace {
            return update::save(&chain, request, fingerprint, progress).boxed().await;
        }
        let saving = Saving {
            session: &session,
            request: &request,
            schema: chain.schema(),
            dependencies: found::dependencies(&chain, &request.job).await?,
        };
        // Whoever saves it again may ask for an update.
        let made = match request.mode.is_whole() && !saving.dependencies.is_empty() {
            true => Some(Made::of(&chain).await?),
            false => None,
        };
        let mut rows = saving.written(&chain, progress).await?;
        rows.added.delta = made.map(|made| made.to_record());
        // Rows of code that failed beside rows of repaired code are not what either would make.
        let is_all = request.mode.is_whole();
        let fingerprint = fingerprint.filter(|_| is_all && !progress.is_mixed());
        saving.published(rows.made_of(fingerprint)).await
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
    if fingerprint.is_none() || request.mode != SaveMode::Replace || config::ignores_checkpoints() {
        return Ok(None);
    }
    // Rows that failed may succeed now.
    if chain.deltas().iter().any(|(_, options)| options.retry != Retry::Nothing) {
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
    unchanged(session, request, &record, progress).await.map(Some)
}

/// A version that is what would be saved; what the request says of the dataset counts all the same.
pub(super) async fn unchanged(
    session: &Arc<Session>,
    request: &SaveRequest,
    record: &DatasetVersion,
    progress: &Progress,
) -> Result<Saved> {
    let name = &request.name;
    let edit =
        DatasetEdit { description: request.description.clone(), attrs: request.attrs.clone() };
    if edit != DatasetEdit::default() {
        session.catalog().edit_dataset(name, edit).await?;
    }
    let spec = VersionSpec::Exact(record.version);
    let record = session.catalog().resolve(name, &spec).await?;
    let chain = session.read_dataset(name, &spec).await?;
    let (title, rows) = (name.short(), record.rows);
    progress.tell(format!("Dataset '{title}@{}': unchanged, {rows} rows", record.version));
    Ok(Saved { record, chain, is_new: false, computed: None })
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
