//! [`CatalogStore`]: the contract of every catalog; [`CatalogExt`]: what can be said in its terms.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;

use crate::dataset::{Dataset, DatasetVersion};
use crate::error::{Error, Result};
use crate::folder::{Folder, FolderName};
use crate::job::{Job, JobId, JobNotes, JobStatus, NewJob};
use crate::name::QualifiedName;
use crate::near::near_datasets;
use crate::request::{Claim, ClaimRequest, CompletedVersion, DatasetEdit, VersionFilter, Wanted};
use crate::version::{Version, VersionSpec};
use crate::view::View;

/// A store of names, versions, lineage and jobs.
///
/// Every method is one transaction: it happens as a whole or not at all, also when its future is
/// dropped, and what it returned as done survives a crash of a durable store. Any number of tasks
/// and processes may share a store. `conformance` (feature `test-util`) checks all that is promised
/// here.
#[async_trait]
pub trait CatalogStore: Send + Sync + fmt::Debug {
    /// Reserves a version number and creates the namespace, project and dataset if needed.
    ///
    /// A location belongs to one dataset for good: a claim for the location of a dataset that was
    /// renamed meanwhile is a claim for that dataset, under its new name.
    ///
    /// Two claims never get the same number. A bump counts from the highest number ever used,
    /// whatever became of it; an exact number must be higher than that one, else
    /// [`Error::VersionTaken`].
    async fn claim_version(&self, request: ClaimRequest) -> Result<Claim>;

    /// Makes a claimed version readable; call it after its data is durable.
    ///
    /// Fails with [`Error::WrongStatus`] unless the version is pending. Dependencies are recorded
    /// as given, because what was read may have been removed or renamed since.
    async fn complete_version(
        &self,
        claim: &Claim,
        completed: CompletedVersion,
    ) -> Result<DatasetVersion>;

    /// Gives a claimed version up; its number stays used. Doing so twice changes nothing.
    async fn abandon_version(&self, claim: &Claim, error: &str) -> Result<()>;

    /// All datasets with a complete version, by name.
    async fn datasets(&self) -> Result<Vec<Dataset>>;

    /// The versions that the filter admits, by name and then by number.
    async fn versions(&self, filter: VersionFilter) -> Result<Vec<DatasetVersion>>;

    /// Removes a complete or failed version from sight; the record and its number stay.
    ///
    /// Fails with [`Error::WrongStatus`] while it is pending, and as not found if it is removed or
    /// never was.
    async fn remove_version(&self, name: &QualifiedName, version: Version) -> Result<()>;

    /// Gives a dataset another name, within its project or elsewhere; the lineage of others
    /// follows.
    ///
    /// Locations stay: the data does not move. Fails with [`Error::NameTaken`] if the name was ever
    /// used.
    async fn rename(&self, from: &QualifiedName, to: &QualifiedName) -> Result<()>;

    /// Changes a dataset's description and labels.
    async fn edit_dataset(&self, name: &QualifiedName, edit: DatasetEdit) -> Result<Dataset>;

    /// Makes a namespace or a project known; one that was made before stays as it is.
    async fn make_folder(&self, name: &FolderName, description: Option<String>) -> Result<Folder>;

    /// The namespaces and projects that were made, by name.
    async fn made_folders(&self) -> Result<Vec<Folder>>;

    /// Forgets that a namespace or a project was made, not what is in it; false if it was not.
    async fn forget_folder(&self, name: &FolderName) -> Result<bool>;

    /// Keeps a view; one that is called so already stays as it is, and is what this returns.
    async fn make_view(&self, view: View) -> Result<View>;

    /// Keeps a view in the place of one that is called so, if there is one.
    async fn replace_view(&self, view: View) -> Result<()>;

    /// The view of this name.
    async fn view(&self, name: &QualifiedName) -> Result<Option<View>>;

    /// All views, by name.
    async fn views(&self) -> Result<Vec<View>>;

    /// Removes a view; false if there is none.
    async fn drop_view(&self, name: &QualifiedName) -> Result<bool>;

    /// Records that a job runs.
    async fn start_job(&self, job: NewJob) -> Result<Job>;

    /// Adds to a job's parameters and metrics; a later value replaces an earlier one of that name.
    async fn note_job(&self, id: &JobId, notes: JobNotes) -> Result<()>;

    /// Records how a job ended. The first end counts; later ones change nothing.
    async fn finish_job(&self, id: &JobId, status: JobStatus, error: Option<String>) -> Result<()>;

    /// The job with this id.
    async fn job(&self, id: &JobId) -> Result<Job>;

    /// Releases files and connections. Later calls fail; dropping the store without it loses
    /// nothing.
    async fn close(&self);
}

/// Conveniences over [`CatalogStore`].
#[async_trait]
pub trait CatalogExt: CatalogStore {
    /// The highest complete version that the specification admits, with its preview.
    ///
    /// An error names the datasets that look alike, or the versions that are there.
    async fn resolve(&self, name: &QualifiedName, spec: &VersionSpec) -> Result<DatasetVersion> {
        let newest = newest_of(name);
        let filter = match spec {
            VersionSpec::Latest => newest,
            VersionSpec::Exact(version) => VersionFilter { version: Some(*version), ..newest },
            VersionSpec::Specifiers(_) => {
                let versions = self.versions(VersionFilter::of(name)).await?;
                let found = versions.iter().rev().find(|record| spec.matches(&record.version));
                let Some(found) = found else {
                    return Err(missing(self, name, Some(spec.clone())).await);
                };
                VersionFilter { version: Some(found.version), ..newest }
            }
        };
        match self.versions(filter).await?.pop() {
            Some(record) => Ok(record),
            None => Err(missing(self, name, Some(spec.clone())).await),
        }
    }

    /// The highest complete version, with its preview, or none; it does not look for near names, as
    /// an error does.
    async fn newest(&self, name: &QualifiedName) -> Result<Option<DatasetVersion>> {
        Ok(self.versions(newest_of(name)).await?.pop())
    }

    /// The highest complete version, with its preview.
    async fn latest(&self, name: &QualifiedName) -> Result<DatasetVersion> {
        self.resolve(name, &VersionSpec::Latest).await
    }

    /// All namespaces and projects: those that were made, and those of visible datasets.
    async fn folders(&self) -> Result<Vec<Folder>> {
        let made = self.made_folders().await?.into_iter();
        let mut all: BTreeMap<FolderName, Folder> =
            made.map(|folder| (folder.name.clone(), folder)).collect();
        for found in self.datasets().await?.iter().flat_map(Folder::both_of) {
            let folder = all.entry(found.name.clone()).or_insert_with(|| found.clone());
            folder.created_at = folder.created_at.min(found.created_at);
        }
        Ok(all.into_values().collect())
    }

    /// The number that a claim would get now.
    ///
    /// An early check, so that a number that is taken is refused before hours of work. It reserves
    /// nothing.
    async fn check_wanted(&self, name: &QualifiedName, wanted: Wanted) -> Result<Version> {
        let highest = VersionFilter { newest_only: true, ..VersionFilter::all_of(name) };
        let used = self.versions(highest).await?;
        wanted.choose(name, used.last().map(|record| record.version))
    }
}

impl<S: CatalogStore + ?Sized> CatalogExt for S {}

fn newest_of(name: &QualifiedName) -> VersionFilter {
    VersionFilter { newest_only: true, with_preview: true, ..VersionFilter::of(name) }
}

/// The error that says best why something was not found: the dataset, or only that version of it.
pub(crate) async fn missing<S>(
    store: &S,
    name: &QualifiedName,
    wanted: Option<VersionSpec>,
) -> Error
where
    S: CatalogStore + ?Sized,
{
    match find_missing(store, name, wanted).await {
        Ok(error) | Err(error) => error,
    }
}

async fn find_missing<S>(
    store: &S,
    name: &QualifiedName,
    wanted: Option<VersionSpec>,
) -> Result<Error>
where
    S: CatalogStore + ?Sized,
{
    let versions = store.versions(VersionFilter::of(name)).await?;
    if let Some(wanted) = wanted.filter(|_| !versions.is_empty()) {
        let available = versions.iter().map(|record| record.version).collect();
        return Ok(Error::VersionNotFound { name: name.clone(), wanted, available });
    }
    let existing: Vec<QualifiedName> =
        store.datasets().await?.into_iter().map(|dataset| dataset.name).collect();
    Ok(Error::DatasetNotFound { name: name.clone(), near: near_datasets(name, &existing) })
}
