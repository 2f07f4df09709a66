//! [`KeepFound`]: what is found in a storage is a version of a dataset, `system.listings…`, unless it is what the newest
//! version holds. So a listing has a name that lineage knows, an old side to compare with, and no run holds a large one
//! in memory. Folders are looked at in each run, [buckets](objects) once in a while. Of many files only those are written
//! that are new or changed: they stand behind those that [were there before](before).

mod before;
mod objects;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::record_batch::RecordBatchOptions;
use async_trait::async_trait;
use blake3::Hasher;
use catalog::{
    Bump, DatasetEdit, DatasetVersion, JobId, JobStatus, NamePart, NewJob, QualifiedName, Wanted,
};
use chrono::{DateTime, Utc};
use futures::{FutureExt, StreamExt, TryStreamExt, join, stream};

use super::begun::begun;
use super::fragments::Rows;
use super::row_addresses::RowAddresses;
use super::save::{SaveMode, SaveRequest};
use super::saving::{Saving, is_overtaken, newest};
use crate::identity::Content;
use crate::source::{
    DatasetTable, Dependency, FilesFound, Found, KeepFound, LookForFiles, Purpose, Source,
    ValuesTable,
};
use crate::{Chain, Error, Ready, Result, Session, layout};
use before::Before;

pub(crate) use objects::confirmed;

/// So many files are held in memory; more are read back.
const FEW: usize = 1 << 16;

/// How often a listing begins again because another process was faster.
const ATTEMPTS: usize = 10;

/// So much of the places is shown.
const SHOWN: usize = 1000;

/// What the column is called where it is stored: every chain has a name of its own for it.
const COLUMN: &str = "file";

#[async_trait]
impl KeepFound for Arc<Session> {
    async fn keep(
        &self,
        found: Found,
        purpose: Purpose<'_>,
        began: DateTime<Utc>,
    ) -> Result<Arc<dyn Source>> {
        match (found, purpose) {
            (Found::Objects(found), _) => objects::keep(self, *found, purpose, began).boxed().await,
            (Found::Files(found), Purpose::Identity(job)) => keep(self, found, job).boxed().await,
            (Found::Files(found), Purpose::Rows) => keep(self, found, None).boxed().await,
        }
    }
}

/// What a dataset that is made of the chain's rows depends on: versions of datasets, and of listings of the files that
/// are read.
pub(super) async fn dependencies(chain: &Chain, job: &JobId) -> Result<Vec<catalog::Dependency>> {
    let (session, began) = (chain.session(), Utc::now());
    let mut all = chain.dependencies()?;
    for found in chain.reads()?.iter().flat_map(Source::found) {
        let kept = session.keep(found, Purpose::Identity(Some(job)), began).await?;
        for Dependency::Version(version) in kept.dependencies() {
            if !all.contains(&version) {
                all.push(version);
            }
        }
    }
    Ok(all)
}

async fn keep(
    session: &Arc<Session>,
    found: FilesFound,
    job: Option<&JobId>,
) -> Result<Arc<dyn Source>> {
    let FilesFound { places, column, look } = found;
    let kept = Kept { session, name: name_of(&places)?, places, job, labels: None };
    let (record, few) = kept.newest(&column, &look).await?;
    let Some(few) = few else {
        return Ok(Arc::new(opened(session, &record, column).await?));
    };
    let dependency = Dependency::Version(catalog::Dependency {
        name: record.dataset.clone(),
        version: record.version,
    });
    let table = ValuesTable::try_new(Arc::new(Schema::new(vec![column])), few)?;
    Ok(Arc::new(table.known_as(dependency, record.fingerprint)))
}

/// A version of a listing, which stays while the session does: it is read while a run goes on, however long that is.
async fn opened(
    session: &Arc<Session>,
    record: &DatasetVersion,
    column: FieldRef,
) -> Result<DatasetTable> {
    session.hold(&layout::location(&record.location)?).await?;
    let dataset = Arc::new(session.open_version(record).await?);
    Ok(DatasetTable::of_listing(record, dataset, column))
}

/// Rows of which the first are here.
struct Peeked {
    first: Vec<RecordBatch>,
    height: usize,
    rest: Rows,
}

impl Peeked {
    /// Reads as many as may be held in memory, and a batch more where there are more.
    async fn read(mut rest: Rows) -> Result<Self> {
        let (mut first, mut height) = (Vec::new(), 0);
        while height <= FEW
            && let Some(batch) = rest.try_next().await?
        {
            height += batch.num_rows();
            first.push(batch);
        }
        Ok(Self { first, height, rest })
    }

    fn is_all(&self) -> bool {
        self.height <= FEW
    }

    fn all(self) -> Rows {
        stream::iter(self.first.into_iter().map(Ok)).chain(self.rest).boxed()
    }
}

/// The listing of some places has one name for good.
fn name_of(places: &str) -> Result<QualifiedName> {
    let digest = blake3::hash(places.as_bytes()).to_hex();
    Ok(QualifiedName::of_listing(digest[..16].parse::<NamePart>()?))
}

struct Kept<'a> {
    session: &'a Arc<Session>,
    name: QualifiedName,
    places: String,
    job: Option<&'a JobId>,
    /// What is noted, whether there is a new version or not.
    labels: Option<Vec<String>>,
}

impl Kept<'_> {
    /// The version that holds what is there now, and its rows where they are few. Who is overtaken by another process
    /// looks again.
    async fn newest(
        &self,
        column: &FieldRef,
        look: &LookForFiles,
    ) -> Result<(DatasetVersion, Option<Vec<RecordBatch>>)> {
        let mut attempts = 0..ATTEMPTS;
        loop {
            let (rows, before) = self.begin(column, look()).await?;
            let few = rows.is_all().then(|| rows.first.clone());
            let _turn = self.session.turns().take(self.name.name.as_str()).await;
            match self.version(column, rows, before).await {
                Err(error) if is_overtaken(&error) && attempts.next().is_some() => {}
                record => return Ok((record?, few)),
            }
        }
    }

    /// The first of what is found, and meanwhile what was there before, where that was much.
    async fn begin(&self, column: &FieldRef, rows: Rows) -> Result<(Peeked, Option<Before>)> {
        let known = newest(self.session, &self.name).await?;
        let known = known.filter(|known| known.rows > FEW as u64);
        let before = async { Before::of(self.session, known.as_ref()?, column).await };
        let (rows, before) = join!(Peeked::read(rows), before);
        Ok((rows?, before))
    }

    /// The version that holds the rows.
    async fn version(
        &self,
        column: &FieldRef,
        rows: Peeked,
        before: Option<Before>,
    ) -> Result<DatasetVersion> {
        let known = newest(self.session, &self.name).await?;
        if let Some((known, before)) = known.as_ref().zip(before)
            && !rows.is_all()
            && before.is_of(known)
        {
            return self.following(known, before, rows).await;
        }
        let is = |digest: &str| {
            known.clone().filter(|known| known.fingerprint.as_deref() == Some(digest))
        };
        let of_few = rows.is_all().then(|| Content::of(&rows.first));
        if let Some(known) = of_few.as_deref().and_then(is) {
            return self.unchanged(known).await;
        }
        let content = Arc::new(Mutex::new(Content::default()));
        let counted = of_few.is_none().then(|| Arc::clone(&content));
        let (schema, rows) = stored(column, rows.all(), counted);
        let request = self.request(SaveMode::Replace).await?;
        let (session, saving) = (self.session, self.saving(&request, &schema));
        let place = saving.open().await?;
        let context = session.state().task_ctx();
        let added =
            saving.write(&place, Ready { plan: begun(&schema, vec![rows])?, context }).await?;
        let digest = of_few
            .unwrap_or_else(|| content.lock().unwrap_or_else(PoisonError::into_inner).digest());
        if let Some(known) = is(&digest) {
            let data = place.destination.folder.clone().join("data");
            for file in added.files() {
                // No commit lists them. What stays is collected.
                drop(session.storage().delete(&data.clone().join(file)).await);
            }
            return self.unchanged(known).await;
        }
        session.storage().pause().await;
        Ok(saving.publish(&place, &added.made_of(Some(digest))).await?.0)
    }

    /// A version that follows another one: it has rows that this one has not, and some of this one's no more.
    async fn following(
        &self,
        known: &DatasetVersion,
        before: Before,
        rows: Peeked,
    ) -> Result<DatasetVersion> {
        let before = Arc::new(Mutex::new(before));
        let (taking, schema) = (Arc::clone(&before), Arc::clone(&known.schema));
        let new = rows.all().and_then(move |batch| {
            let mut before = taking.lock().unwrap_or_else(PoisonError::into_inner);
            std::future::ready(before.without_known(&batch, &schema))
        });
        let mut new = new.try_filter(|batch| std::future::ready(batch.num_rows() > 0)).boxed();
        let first = new.try_next().await?;
        let left = || before.lock().unwrap_or_else(PoisonError::into_inner).left();
        if first.is_none() && left().is_empty() {
            return self.unchanged(known.clone()).await;
        }
        let content = Arc::new(Mutex::new(Content::default()));
        let rows = stream::iter(first.map(Ok)).chain(new).boxed();
        let (schema, rows) = stored(&known.schema.fields()[0], rows, Some(Arc::clone(&content)));
        let update = |removed| SaveMode::Update { base: known.version, removed };
        let request = self.request(update(RowAddresses::default())).await?;
        let place = self.saving(&request, &schema).open().await?;
        let context = self.session.state().task_ctx();
        let ready = Ready { plan: begun(&schema, vec![rows])?, context };
        let added = self.saving(&request, &schema).write(&place, ready).await?;
        let mut digest = Hasher::new();
        digest.update(known.uuid.as_bytes());
        let content = content.lock().unwrap_or_else(PoisonError::into_inner).digest();
        digest.update(content.as_bytes());
        let left = left();
        for place in &left {
            digest.update(&place.to_le_bytes());
        }
        let request = SaveRequest { mode: update(left.into_iter().collect()), ..request };
        self.session.storage().pause().await;
        let added = added.made_of(Some(digest.finalize().to_hex().to_string()));
        Ok(self.saving(&request, &schema).publish(&place, &added).await?.0)
    }

    fn saving<'s>(&'s self, request: &'s SaveRequest, schema: &SchemaRef) -> Saving<'s> {
        let (session, schema) = (self.session, Arc::clone(schema));
        Saving { session, request, schema, dependencies: Vec::new() }
    }

    async fn unchanged(&self, known: DatasetVersion) -> Result<DatasetVersion> {
        if let Some(attrs) = self.labels.clone() {
            let edit = DatasetEdit { attrs: Some(attrs), description: None };
            self.session.catalog().edit_dataset(&self.name, edit).await?;
        }
        Ok(known)
    }

    async fn request(&self, mode: SaveMode) -> Result<SaveRequest> {
        let job = match self.job {
            Some(job) => job.clone(),
            None => self.job_of_its_own().await?,
        };
        Ok(SaveRequest {
            name: self.name.clone(),
            wanted: Wanted::Bump(Bump::Patch),
            mode,
            lists: true,
            job,
            description: Some(shown(&self.places)),
            attrs: self.labels.clone(),
        })
    }

    /// A run that saves nothing has no job, and who looked is recorded all the same.
    async fn job_of_its_own(&self) -> Result<JobId> {
        let job = NewJob { name: format!("list {}", shown(&self.places)), ..NewJob::default() };
        let job = self.session.catalog().start_job(job).await?.id;
        self.session.catalog().finish_job(&job, JobStatus::Complete, None).await?;
        Ok(job)
    }
}

/// The places, or the beginning of very many.
fn shown(places: &str) -> String {
    let end = places.floor_char_boundary(SHOWN);
    if end < places.len() { format!("{}…", &places[..end]) } else { places.to_owned() }
}

/// The rows as they are stored, whatever their column is called; what passes is digested where that is asked for.
fn stored(
    column: &FieldRef,
    rows: Rows,
    digested: Option<Arc<Mutex<Content>>>,
) -> (SchemaRef, Rows) {
    let field = column.as_ref().clone().with_name(COLUMN);
    let schema = Arc::new(Schema::new(vec![field]));
    let renamed = Arc::clone(&schema);
    let rows = rows.map(move |batch| {
        let batch = batch?;
        if let Some(content) = &digested {
            content.lock().unwrap_or_else(PoisonError::into_inner).add(&batch);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let columns = batch.columns().to_vec();
        let batch = RecordBatch::try_new_with_options(Arc::clone(&renamed), columns, &options);
        batch.map_err(|error| Error::internal(error.to_string()))
    });
    (schema, rows.boxed())
}
