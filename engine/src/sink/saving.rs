//! [`Saving`]: a version on its way: files, a commit of Lance, a tag and a record in the catalog, in that order.
//!
//! What fails on the way leaves files that no version needs; collectors of garbage remove them. They are not removed here:
//! whether a commit arrived that said that it failed, is not known.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use catalog::{
    CatalogExt, Claim, ClaimRequest, CompletedVersion, DatasetVersion, Delta, Newest,
    QualifiedName, Wanted,
};
use futures::{FutureExt, TryFutureExt, try_join};
use lance::Dataset;
use lance_table::format::Fragment;
use serde_json::Value;

use super::by_reference::{ByReference, SharedState};
use super::commit::Commit;
use super::compact::{Choice, Compacted, last_scattered, last_small};
use super::destination::Destination;
use super::fragments::Columns;
use super::of_results::OfResults;
use super::preview::{self, PREVIEW_ROWS};
use super::save::{SaveMode, SaveRequest, Saved};
use super::vectors::VectorLengths;
use super::write::write_all;
use super::written::Written;
use crate::adapter::error::LanceResultExt;
use crate::kind::kind_name;
use crate::layout::{self, locate};
use crate::progress::Progress;
use crate::storage::Entered;
use crate::{Chain, Error, Ready, Result, Session};

/// A version on its way.
pub(super) struct Saving<'a> {
    pub(super) session: &'a Arc<Session>,
    pub(super) request: &'a SaveRequest,
    /// The columns of its rows.
    pub(super) schema: SchemaRef,
    pub(super) dependencies: Vec<catalog::Dependency>,
}

/// Files that belong to no version yet, and where they are.
pub(super) struct Unpublished {
    pub(super) place: Place,
    pub(super) added: Added,
}

/// Where rows go, and what keeps collectors of garbage out of there while it lives.
pub(super) struct Place {
    pub(super) destination: Arc<Destination>,
    /// The version whose columns the rows must have.
    base: Option<DatasetVersion>,
    _entered: Entered,
}

/// What a save wrote: fragments that belong to no version yet.
pub(super) struct Added {
    fragments: Vec<Fragment>,
    schema: SchemaRef,
    rows: u64,
    preview: Vec<Value>,
    fingerprint: Option<String>,
    pub(super) delta: Option<Delta>,
    /// What makes a state of the fragments where they list files of others.
    state: Option<SharedState>,
}

impl Saving<'_> {
    /// Computes the rows of a chain and writes them to files that nobody knows yet.
    pub(super) async fn written(
        &self,
        chain: &Chain,
        progress: &Arc<Progress>,
    ) -> Result<Unpublished> {
        let (place, added) = match ByReference::of(chain, self.request).await? {
            Some(shared) => {
                let (place, ready) = try_join!(self.open(), shared.prepare(progress))?;
                let added = shared.write(&place, ready, progress).boxed().await?;
                (place, added)
            }
            None => {
                let prepared = chain.prepare(chain.visible_plan()?, progress);
                let (place, ready) = try_join!(self.open(), prepared)?;
                let added = self.write(&place, ready).await?;
                (place, added)
            }
        };
        self.session.storage().pause().await;
        Ok(Unpublished { place, added })
    }

    /// Makes a version of them that everybody sees.
    pub(super) async fn published(&self, rows: Unpublished) -> Result<Saved> {
        let (record, dataset) = self.publish(&rows.place, &rows.added).await?;
        let chain = self.session.rows_of(&record, dataset)?;
        Ok(Saved { record, chain, is_new: true, computed: None })
    }

    /// What belongs to a session stays there while the session does.
    pub(super) async fn open(&self) -> Result<Place> {
        let (session, name) = (self.session, &self.request.name);
        let is_free = session.catalog().check_wanted(name, self.request.wanted).err_into();
        let hides_no_view = async {
            match name.check_own() {
                Ok(()) => session.check_no_view(name).await,
                // Ours are never called as views are.
                Err(_) => Ok(()),
            }
        };
        let located = locate(&**session.catalog(), name);
        let (_, (), location) = try_join!(is_free, hides_no_view, located)?;
        let base = self.base().await?;
        let folder = layout::location(&location)?;
        if name.is_of_session() {
            session.hold(&layout::parent(&folder)).await?;
        }
        let _entered = session.storage().share(&folder).await?;
        let destination = Arc::new(Destination {
            folder,
            title: name.short().to_string(),
            session: Arc::clone(session.lance()),
            storage: Arc::clone(session.storage()),
            memory: session.memory(),
        });
        Ok(Place { destination, base, _entered })
    }

    /// The version that the rows follow: the dataset's newest, whose columns they must have. `None` where there is none
    /// yet, or they follow none.
    async fn base(&self) -> Result<Option<DatasetVersion>> {
        if self.request.mode == SaveMode::Replace {
            return Ok(None);
        }
        let record = newest(self.session, &self.request.name).await?;
        let expected = match self.request.mode {
            SaveMode::Update { base, .. } => Some(Some(base)),
            SaveMode::Create => Some(None),
            _ => None,
        };
        let newest = record.as_ref().map(|record| record.version);
        if let Some(expected) = expected.filter(|expected| *expected != newest) {
            let name = self.request.name.clone();
            return Err(catalog::Error::NewestMoved { name, expected, newest }.into());
        }
        let Some(record) = record else {
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

    /// Writes the rows, whose columns are known before the first of them is written.
    pub(super) async fn write(&self, place: &Place, ready: Ready) -> Result<Added> {
        let (ready, of_results) = OfResults::of(ready)?;
        let (lengths, ready) = match &place.base {
            Some(base) => (VectorLengths::of_stored(&base.schema).of_lists_in(&self.schema), ready),
            None if self.request.lists => (VectorLengths::none(), ready),
            None => VectorLengths::of_first_rows(&self.schema, ready).await?,
        };
        let columns = Columns::new(lengths, &self.schema);
        let schema = place.base.as_ref().map_or(&columns.schema, |base| &base.schema);
        let schema = Arc::clone(schema);
        Ok(Added::new(schema, write_all(ready, columns, &place.destination, of_results).await?))
    }

    /// From files that nobody knows to a version that everybody sees.
    pub(super) async fn publish(
        &self,
        place: &Place,
        added: &Added,
    ) -> Result<(DatasetVersion, Dataset)> {
        let base = self.base().await?;
        let compacted = match &base {
            // What fails here is told where it matters: by who reads or writes the same next.
            Some(base) => self.compacted(place, base, last_small).await.ok().flatten(),
            None => None,
        };
        self.publish_after(place, base, compacted, added).await
    }

    /// The newest version once more, in fewer files; `None` where they are few.
    pub(super) async fn publish_compacted(&self, place: &Place) -> Result<Option<DatasetVersion>> {
        let Some(base) = self.base().await? else {
            return Ok(None);
        };
        let Some(compacted) = self.compacted(place, &base, last_scattered).await? else {
            return Ok(None);
        };
        let nothing = Added::new(Arc::clone(&base.schema), vec![]);
        let (record, _) = self.publish_after(place, Some(base), Some(compacted), &nothing).await?;
        Ok(Some(record))
    }

    async fn compacted(
        &self,
        place: &Place,
        base: &DatasetVersion,
        choice: Choice,
    ) -> Result<Option<Compacted>> {
        let removed = self.request.mode.removed();
        Compacted::of(self.session, &place.destination, base, &removed, choice).boxed().await
    }

    async fn publish_after(
        &self,
        place: &Place,
        mut base: Option<DatasetVersion>,
        compacted: Option<Compacted>,
        added: &Added,
    ) -> Result<(DatasetVersion, Dataset)> {
        loop {
            let claim = self.claim(place).await?;
            let end =
                compacted.as_ref().filter(|end| base.as_ref().is_some_and(|it| end.is_of(it)));
            let before = (base.as_ref(), end);
            let error = match self.complete(place, &claim, before, added).boxed().await {
                Ok(saved) => return Ok(saved),
                Err(error) => error,
            };
            // The first error is the one to report; a claim that cannot be given up stays pending, and invisible.
            drop(self.session.catalog().abandon_version(&claim, &error.to_string()).await);
            if !is_overtaken(&error) || !matches!(self.request.wanted, Wanted::Bump(_)) {
                return Err(error);
            }
            base = self.base().await?;
        }
    }

    async fn claim(&self, place: &Place) -> Result<Claim> {
        let request = ClaimRequest {
            name: self.request.name.clone(),
            location: place.destination.folder.to_string(),
            wanted: self.request.wanted,
            job: self.request.job.clone(),
            description: self.request.description.clone(),
            attrs: self.request.attrs.clone(),
        };
        Ok(self.session.catalog().claim_version(request).await?)
    }

    /// Commits and tags the state, then tells the catalog.
    async fn complete(
        &self,
        place: &Place,
        claim: &Claim,
        (base, end): (Option<&DatasetVersion>, Option<&Compacted>),
        added: &Added,
    ) -> Result<(DatasetVersion, Dataset)> {
        let anew = end.iter().flat_map(|end| &end.fragments);
        let commit = Commit {
            base: base.map(|base| base.storage_version),
            removed: self.request.mode.removed(),
            replaced: end.map(|end| end.replaced.clone()).unwrap_or_default(),
            added: anew.chain(&added.fragments).cloned().collect(),
            schema: Arc::clone(&added.schema),
        };
        let applied = match &added.state {
            Some(state) => state.apply(&added.fragments, &place.destination, claim).await?,
            None => commit.apply(&place.destination, claim).await?,
        };
        let Some(dataset) = applied else {
            // A version has the number that the catalog does not know: an older catalog was put in its place.
            let (name, version) = (claim.name.clone(), claim.version);
            return Err(catalog::Error::VersionTaken { name, version, latest: version }.into());
        };
        let dataset = self.session.storage().at_home(dataset).await;
        let dataset = dataset.lance("open", &place.destination.title)?;
        let is_compaction = added.rows == 0 && commit.removed.is_empty();
        let completed = CompletedVersion {
            schema: Arc::clone(&added.schema),
            storage_version: dataset.version().version,
            // What follows a version must not hide what became complete meanwhile; a rewrite hides nothing of its own.
            newest: match self.request.mode {
                SaveMode::Replace => Newest::Any,
                SaveMode::Create | SaveMode::Append | SaveMode::Update { .. } => {
                    Newest::Is(base.map(|base| base.version))
                }
            },
            fingerprint: match base {
                Some(base) if is_compaction => base.fingerprint.clone(),
                _ => added.fingerprint.clone(),
            },
            // What is only put together is what it was.
            delta: match base {
                Some(base) if is_compaction => {
                    base.delta.clone().map(|delta| Delta { changes: None, ..delta })
                }
                _ => added.delta.clone(),
            },
            rows: base.map_or(0, |base| base.rows) + added.rows - commit.removed.len(),
            bytes: bytes_of(&dataset),
            preview: Value::Array(self.preview(base, added, &dataset).await?),
            dependencies: self.dependencies.clone(),
        };
        Ok((self.session.catalog().complete_version(claim, completed).await?, dataset))
    }

    /// The first rows of a state that holds what was added.
    async fn preview(
        &self,
        base: Option<&DatasetVersion>,
        added: &Added,
        dataset: &Dataset,
    ) -> Result<Vec<Value>> {
        let mut first = match (base, &self.request.mode) {
            (None, _) if added.state.is_some() => {
                return preview::of_state(dataset, &added.schema).await;
            }
            (None, _) => Vec::new(),
            // Which rows come after those that were removed, only the files tell.
            (Some(base), SaveMode::Update { .. }) => {
                let rows = self.session.rows_of(base, dataset.clone())?.limit(PREVIEW_ROWS)?;
                let batches = rows.collect().await?;
                let shown = batches.iter().map(preview::to_json).collect::<Result<Vec<_>>>()?;
                return Ok(shown.into_iter().flatten().collect());
            }
            (Some(base), _) => base.preview.as_array().cloned().unwrap_or_default(),
        };
        first.extend(added.preview.iter().cloned());
        first.truncate(PREVIEW_ROWS);
        Ok(first)
    }
}

impl Unpublished {
    pub(super) fn made_of(self, fingerprint: Option<String>) -> Self {
        Self { added: self.added.made_of(fingerprint), ..self }
    }
}

impl Added {
    pub(super) fn new(schema: SchemaRef, written: Vec<Written>) -> Self {
        let mut added = Self {
            fragments: vec![],
            schema,
            rows: 0,
            preview: vec![],
            fingerprint: None,
            delta: None,
            state: None,
        };
        for part in written {
            added.fragments.extend(part.fragments);
            added.rows += part.rows;
            added.preview.extend(part.preview);
        }
        added
    }

    /// Fragments that list files of others; what is left of them is so many rows.
    pub(super) fn of_state(
        schema: SchemaRef,
        fragments: Vec<Fragment>,
        rows: u64,
        state: SharedState,
    ) -> Self {
        Self { fragments, rows, state: Some(state), ..Self::new(schema, vec![]) }
    }

    /// The same with a digest of what the rows were made of, where that tells what they are.
    pub(super) fn made_of(self, fingerprint: Option<String>) -> Self {
        Self { fingerprint, ..self }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The files that nobody knows.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        let files = self.fragments.iter().flat_map(|fragment| &fragment.files);
        files.map(|file| file.path.as_str())
    }
}

/// The dataset's newest version, if it has one.
pub(super) async fn newest(
    session: &Session,
    name: &QualifiedName,
) -> Result<Option<DatasetVersion>> {
    Ok(session.catalog().newest(name).await?)
}

/// Whether another save was faster: then the same rows may follow its version.
pub(super) fn is_overtaken(error: &Error) -> bool {
    matches!(
        error,
        Error::Catalog(catalog::Error::NewestMoved { .. } | catalog::Error::VersionTaken { .. })
    )
}

fn columns(schema: &Schema) -> String {
    let column = |field: &FieldRef| format!("{} ({})", field.name(), kind_name(field.data_type()));
    schema.fields().iter().map(column).collect::<Vec<_>>().join(", ")
}

/// How large the data files of a state are.
fn bytes_of(dataset: &Dataset) -> u64 {
    let files = dataset.fragments().iter().flat_map(|fragment| &fragment.files);
    files.filter_map(|file| file.file_size_bytes.get()).map(u64::from).sum()
}
