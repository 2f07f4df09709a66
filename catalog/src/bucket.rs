//! [`BucketCatalog`]: the store that needs nothing but a bucket, shared by any number of machines.
//!
//! This file holds the trait; what each method does is in `bucket/`.
//!
//! # Objects
//!
//! Below `<prefix>/catalog/`, everything as JSON unless it says otherwise:
//!
//! | object | holds | changed by |
//! | --- | --- | --- |
//! | `catalog.json` | the format, and every rename there ever was, in order | compare-and-swap |
//! | `datasets/<namespace>/<project>/<name>.json` | a dataset with its versions | compare-and-swap |
//! | `locations/<digest>.json` | which dataset has its data there | put-if-absent |
//! | `folders/<namespace>.json`, `folders/<namespace>/<project>.json` | one that was made | put-if-absent |
//! | `views/<namespace>/<project>/<name>.json` | a query under a name | compare-and-swap |
//! | `jobs/<id>.json` | a job | compare-and-swap |
//! | `schemas/<digest>` | a schema, as an IPC message | never |
//! | `previews/<id>.json` | the first rows of a version | never |
//!
//! An object of a dataset keeps its path for good: it is called as the dataset was when it was new.
//! What it is called now follows from the list of renames, and so does the lineage of others: one
//! compare-and-swap of `catalog.json` renames for everybody at once. A dataset that takes a name
//! which another gave away is at `<name>.1.json`, then `<name>.2.json`.
//!
//! A rename first reserves, by put-if-absent, the object where a new dataset of the wanted name
//! would be, so that either it or the first claim for that name goes ahead. A reservation whose
//! rename died is passed over: the list of renames says that the name starts at the next object.
//!
//! # Requests
//!
//! | method | requests | one after the other |
//! | --- | --- | --- |
//! | claim of a further version | 3 GET, 1 PUT | 2 |
//! | claim of a dataset's first version | 3 GET, 2 PUT | 3 |
//! | complete | 2 GET, 2 PUT, and 1 PUT for a schema that this process did not see before | 3 |
//! | abandon, remove, edit | 2 GET, 1 PUT | 2 |
//! | rename | 2 GET, 2 PUT | 3 |
//! | versions of a name, resolve | 2 GET, 1 GET per preview, 1 GET per schema not seen before | 2 |
//! | versions at a location | 3 GET, and as above | 3 |
//! | datasets, versions of all | 1 LIST per 1,000 datasets, 1 GET, 1 GET per dataset | 2 |
//! | a view | 1 GET | 1 |
//! | start, note and finish a job | 1 GET, 1 PUT | 2 |
//!
//! A dataset that was renamed, or has the name of one that was, costs one GET more. A writer whom
//! another one overtakes reads and writes again. A version takes about 600 bytes in its dataset's
//! object.
//!
//! # What it promises
//!
//! All that [`CatalogStore`] does. A listing over several datasets shows each as it was at some
//! moment of the call, not all as they were at the same one; a rename looks when it begins whether
//! its dataset is visible; and a claim that a rename overtakes may tell the name before it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::ObjectStore;
use object_store::path::Path;

use crate::dataset::{Dataset, DatasetVersion};
use crate::error::Result;
use crate::folder::{Folder, FolderName};
use crate::job::{Job, JobId, JobNotes, JobStatus, NewJob};
use crate::name::QualifiedName;
use crate::request::{Claim, ClaimRequest, CompletedVersion, DatasetEdit, VersionFilter};
use crate::store::{CatalogStore, missing};
use crate::version::Version;
use crate::view::View;

use documents::Documents;
use failure::Failure;
use schemas::Schemas;

mod claim;
mod datasets;
mod documents;
mod edit;
mod failure;
mod folder;
mod head;
mod job;
mod locations;
mod read;
mod record;
mod schemas;
mod view;

/// A catalog in a bucket.
///
/// The bucket must honour conditional writes; one that does not is refused before anything is
/// written to it.
pub struct BucketCatalog {
    documents: Documents,
    schemas: Schemas,
}

impl BucketCatalog {
    /// The catalog below a prefix of a bucket; it comes into being with the first job. Users know
    /// the place by the name `called`, as `s3://bucket/lake`.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &Path, called: impl Into<String>) -> Self {
        Self {
            documents: Documents::new(store, prefix.clone().join("catalog"), called.into()),
            schemas: Schemas::default(),
        }
    }

    /// Turns a failure into the public error, with the place and with names that look alike.
    async fn report<T: Send>(&self, doing: &str, outcome: Result<T, Failure>) -> Result<T> {
        match outcome {
            Ok(value) => Ok(value),
            Err(Failure::Missing { name, wanted }) => Err(missing(self, &name, wanted).await),
            Err(failure) => Err(failure.explain(doing, &self.documents)),
        }
    }
}

impl fmt::Debug for BucketCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BucketCatalog({})", self.documents)
    }
}

#[async_trait]
impl CatalogStore for BucketCatalog {
    async fn claim_version(&self, request: ClaimRequest) -> Result<Claim> {
        let outcome = claim::claim(&self.documents, &request).await;
        self.report("claim a version", outcome).await
    }

    async fn complete_version(
        &self,
        claim: &Claim,
        completed: CompletedVersion,
    ) -> Result<DatasetVersion> {
        let outcome = claim::complete(&self.documents, &self.schemas, claim, completed).await;
        self.report("complete a version", outcome).await
    }

    async fn abandon_version(&self, claim: &Claim, error: &str) -> Result<()> {
        let outcome = claim::abandon(&self.documents, claim, error).await;
        self.report("abandon a version", outcome).await
    }

    async fn datasets(&self) -> Result<Vec<Dataset>> {
        let outcome = read::datasets(&self.documents).await;
        self.report("list datasets", outcome).await
    }

    async fn versions(&self, filter: VersionFilter) -> Result<Vec<DatasetVersion>> {
        let outcome = read::versions(&self.documents, &self.schemas, &filter).await;
        self.report("list versions", outcome).await
    }

    async fn remove_version(&self, name: &QualifiedName, version: Version) -> Result<()> {
        let outcome = edit::remove(&self.documents, name, version).await;
        self.report("remove a version", outcome).await
    }

    async fn rename(&self, from: &QualifiedName, to: &QualifiedName) -> Result<()> {
        let outcome = edit::rename(&self.documents, from, to).await;
        self.report("rename a dataset", outcome).await
    }

    async fn edit_dataset(&self, name: &QualifiedName, edit: DatasetEdit) -> Result<Dataset> {
        let outcome = edit::edit(&self.documents, name, edit).await;
        self.report("edit a dataset", outcome).await
    }

    async fn make_folder(&self, name: &FolderName, description: Option<String>) -> Result<Folder> {
        let outcome = folder::make(&self.documents, name, description).await;
        self.report("make a folder", outcome).await
    }

    async fn made_folders(&self) -> Result<Vec<Folder>> {
        let outcome = folder::made(&self.documents).await;
        self.report("list folders", outcome).await
    }

    async fn forget_folder(&self, name: &FolderName) -> Result<bool> {
        let outcome = folder::forget(&self.documents, name).await;
        self.report("forget a folder", outcome).await
    }

    async fn make_view(&self, view: View) -> Result<View> {
        let outcome = view::make(&self.documents, &view).await;
        self.report("make a view", outcome).await
    }

    async fn replace_view(&self, view: View) -> Result<()> {
        let outcome = view::replace(&self.documents, &view).await;
        self.report("make a view", outcome).await
    }

    async fn view(&self, name: &QualifiedName) -> Result<Option<View>> {
        let outcome = view::find(&self.documents, name).await;
        self.report("read a view", outcome).await
    }

    async fn views(&self) -> Result<Vec<View>> {
        let outcome = view::all(&self.documents).await;
        self.report("list views", outcome).await
    }

    async fn drop_view(&self, name: &QualifiedName) -> Result<bool> {
        let outcome = view::drop(&self.documents, name).await;
        self.report("drop a view", outcome).await
    }

    async fn start_job(&self, job: NewJob) -> Result<Job> {
        let outcome = job::start(&self.documents, job).await;
        self.report("start a job", outcome).await
    }

    async fn note_job(&self, id: &JobId, notes: JobNotes) -> Result<()> {
        let outcome = job::note(&self.documents, id, notes).await;
        self.report("note what a job found", outcome).await
    }

    async fn finish_job(&self, id: &JobId, status: JobStatus, error: Option<String>) -> Result<()> {
        let outcome = job::finish(&self.documents, id, status, error).await;
        self.report("finish a job", outcome).await
    }

    async fn job(&self, id: &JobId) -> Result<Job> {
        let outcome = job::find(&self.documents, id).await;
        self.report("read a job", outcome).await
    }

    async fn close(&self) {}
}

#[cfg(test)]
mod tests;
