//! [`KeepFound`]: what is found in a storage is a version of a dataset, `system.listings…`, unless it is what the newest
//! version holds. So a listing has a name that lineage knows, an old side to compare with, and no run holds a large one
//! in memory.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::record_batch::RecordBatchOptions;
use async_trait::async_trait;
use catalog::{Bump, DatasetVersion, JobId, JobStatus, NamePart, NewJob, QualifiedName, Wanted};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use super::begun::begun;
use super::fragments::Rows;
use super::save::{SaveMode, SaveRequest};
use super::saving::{Saving, newest};
use crate::identity::Content;
use crate::source::{DatasetTable, Dependency, Found, KeepFound, Source, ValuesTable};
use crate::{Error, Ready, Result, Session, layout};

/// So many files are held in memory; more are read back.
const FEW: usize = 1 << 16;

/// So much of the places is shown.
const SHOWN: usize = 1000;

/// What the column is called where it is stored: every chain has a name of its own for it.
const COLUMN: &str = "file";

#[async_trait]
impl KeepFound for Arc<Session> {
    async fn keep(&self, found: Found, job: Option<&JobId>) -> Result<Arc<dyn Source>> {
        keep(self, found, job).boxed().await
    }
}

async fn keep(
    session: &Arc<Session>,
    found: Found,
    job: Option<&JobId>,
) -> Result<Arc<dyn Source>> {
    let Found { places, column, mut rows } = found;
    let (mut first, mut height) = (Vec::new(), 0);
    while height <= FEW
        && let Some(batch) = rows.try_next().await?
    {
        height += batch.num_rows();
        first.push(batch);
    }
    let few = height <= FEW;
    let listing = Kept { session, name: name_of(&places)?, places, job };
    let record = listing.version(&column, first.clone(), rows, few).await?;
    let dependency = Dependency::Version(catalog::Dependency {
        name: record.dataset.clone(),
        version: record.version,
    });
    if few {
        let schema = Arc::new(Schema::new(vec![column]));
        let table = ValuesTable::try_new(schema, first)?;
        return Ok(Arc::new(table.known_as(dependency, record.fingerprint)));
    }
    // It is read while the run goes on, however long that is.
    session.hold(&layout::location(&record.location)?).await?;
    let dataset = Arc::new(session.open_version(&record).await?);
    Ok(Arc::new(DatasetTable::of_listing(&record, dataset, column)))
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
}

impl Kept<'_> {
    /// The version that holds the rows.
    async fn version(
        &self,
        column: &FieldRef,
        first: Vec<RecordBatch>,
        rest: Rows,
        few: bool,
    ) -> Result<DatasetVersion> {
        let known = newest(self.session, &self.name).await?;
        let is = |digest: &str| {
            known.clone().filter(|known| known.fingerprint.as_deref() == Some(digest))
        };
        let of_few = few.then(|| Content::of(&first));
        if let Some(known) = of_few.as_deref().and_then(is) {
            return Ok(known);
        }
        let content = Arc::new(Mutex::new(Content::default()));
        let counted = (!few).then(|| Arc::clone(&content));
        let rows = stream::iter(first.into_iter().map(Ok)).chain(rest);
        let (schema, rows) = stored(column, rows.boxed(), counted);
        let request = self.request().await?;
        let (session, dependencies) = (self.session, Vec::new());
        let saving =
            Saving { session, request: &request, schema: Arc::clone(&schema), dependencies };
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
            return Ok(known);
        }
        session.storage().pause().await;
        Ok(saving.publish(&place, &added.made_of(Some(digest))).await?.0)
    }

    async fn request(&self) -> Result<SaveRequest> {
        let job = match self.job {
            Some(job) => job.clone(),
            None => self.job_of_its_own().await?,
        };
        Ok(SaveRequest {
            name: self.name.clone(),
            wanted: Wanted::Bump(Bump::Patch),
            mode: SaveMode::Replace,
            lists: true,
            job,
            description: Some(shown(&self.places)),
            attrs: None,
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
