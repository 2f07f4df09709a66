//! [`MemoryCatalog`]: the reference implementation, which forgets everything when it is dropped.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::Schema;
use async_trait::async_trait;
use serde_json::Value;
use uuid::Uuid;

use crate::dataset::{Dataset, DatasetVersion, VersionStatus};
use crate::error::{Error, Result};
use crate::folder::{Folder, FolderName};
use crate::job::{Job, JobId, JobNotes, JobStatus, NewJob};
use crate::name::QualifiedName;
use crate::request::{Claim, ClaimRequest, CompletedVersion, DatasetEdit, VersionFilter};
use crate::store::{CatalogStore, missing};
use crate::time::now;
use crate::version::Version;
use crate::view::View;

/// A catalog in memory.
///
/// It is the plainest code that does what [`CatalogStore`] promises; where a store differs from it,
/// the store is wrong.
#[derive(Debug, Default)]
pub struct MemoryCatalog {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    datasets: BTreeMap<QualifiedName, Entry>,
    jobs: HashMap<JobId, Job>,
    folders: BTreeMap<FolderName, Folder>,
    views: BTreeMap<QualifiedName, View>,
}

#[derive(Debug)]
struct Entry {
    dataset: Dataset,
    versions: BTreeMap<Version, Slot>,
}

/// A version and what its completion will do to the dataset.
#[derive(Debug)]
struct Slot {
    record: DatasetVersion,
    edit: DatasetEdit,
}

impl MemoryCatalog {
    /// An empty catalog.
    pub fn new() -> Self {
        Self::default()
    }

    // WHY: no change leaves the state half done, so a panic elsewhere does not spoil it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CatalogStore for MemoryCatalog {
    async fn claim_version(&self, request: ClaimRequest) -> Result<Claim> {
        self.state().claim(request)
    }

    async fn complete_version(
        &self,
        claim: &Claim,
        completed: CompletedVersion,
    ) -> Result<DatasetVersion> {
        let done = self.state().complete(claim, completed);
        match done {
            Some(done) => done,
            None => Err(missing(self, &claim.name, Some(claim.version.into())).await),
        }
    }

    async fn abandon_version(&self, claim: &Claim, error: &str) -> Result<()> {
        let done = self.state().abandon(claim, error);
        match done {
            Some(done) => done,
            None => Err(missing(self, &claim.name, Some(claim.version.into())).await),
        }
    }

    async fn datasets(&self) -> Result<Vec<Dataset>> {
        let state = self.state();
        let visible = state.datasets.values().filter(|entry| entry.is_visible());
        Ok(visible.map(|entry| entry.dataset.clone()).collect())
    }

    async fn versions(&self, filter: VersionFilter) -> Result<Vec<DatasetVersion>> {
        Ok(self.state().versions(&filter))
    }

    async fn remove_version(&self, name: &QualifiedName, version: Version) -> Result<()> {
        let done = self.state().remove(name, version);
        match done {
            Some(done) => done,
            None => Err(missing(self, name, Some(version.into())).await),
        }
    }

    async fn rename(&self, from: &QualifiedName, to: &QualifiedName) -> Result<()> {
        let done = self.state().rename(from, to);
        match done {
            Some(done) => done,
            None => Err(missing(self, from, None).await),
        }
    }

    async fn edit_dataset(&self, name: &QualifiedName, edit: DatasetEdit) -> Result<Dataset> {
        let edited = self.state().visible(name).map(|entry| {
            entry.edit(edit);
            entry.dataset.clone()
        });
        match edited {
            Some(dataset) => Ok(dataset),
            None => Err(missing(self, name, None).await),
        }
    }

    async fn make_folder(&self, name: &FolderName, description: Option<String>) -> Result<Folder> {
        let new = Folder { name: name.clone(), description, created_at: now() };
        Ok(self.state().folders.entry(name.clone()).or_insert(new).clone())
    }

    async fn made_folders(&self) -> Result<Vec<Folder>> {
        Ok(self.state().folders.values().cloned().collect())
    }

    async fn forget_folder(&self, name: &FolderName) -> Result<bool> {
        Ok(self.state().folders.remove(name).is_some())
    }

    async fn make_view(&self, view: View) -> Result<View> {
        Ok(self.state().views.entry(view.name.clone()).or_insert(view).clone())
    }

    async fn replace_view(&self, view: View) -> Result<()> {
        self.state().views.insert(view.name.clone(), view);
        Ok(())
    }

    async fn view(&self, name: &QualifiedName) -> Result<Option<View>> {
        Ok(self.state().views.get(name).cloned())
    }

    async fn views(&self) -> Result<Vec<View>> {
        Ok(self.state().views.values().cloned().collect())
    }

    async fn drop_view(&self, name: &QualifiedName) -> Result<bool> {
        Ok(self.state().views.remove(name).is_some())
    }

    async fn start_job(&self, job: NewJob) -> Result<Job> {
        let job = Job::start(job, now());
        self.state().jobs.insert(job.id.clone(), job.clone());
        Ok(job)
    }

    async fn note_job(&self, id: &JobId, notes: JobNotes) -> Result<()> {
        let mut state = self.state();
        let Some(job) = state.jobs.get_mut(id) else {
            return Err(Error::JobNotFound { id: id.clone() });
        };
        *job = job.clone().noted(notes);
        Ok(())
    }

    async fn finish_job(&self, id: &JobId, status: JobStatus, error: Option<String>) -> Result<()> {
        let mut state = self.state();
        let Some(job) = state.jobs.get_mut(id) else {
            return Err(Error::JobNotFound { id: id.clone() });
        };
        if job.status == JobStatus::Running && status != JobStatus::Running {
            job.status = status;
            job.error = error;
            job.finished_at = Some(now());
        }
        Ok(())
    }

    async fn job(&self, id: &JobId) -> Result<Job> {
        let job = self.state().jobs.get(id).cloned();
        job.ok_or_else(|| Error::JobNotFound { id: id.clone() })
    }

    async fn close(&self) {}
}

/// Where an outer `None` is returned, the name or version was not found and nothing was changed.
impl State {
    fn claim(&mut self, request: ClaimRequest) -> Result<Claim> {
        let ClaimRequest { name, location, wanted, job, description, attrs } = request;
        if !self.jobs.contains_key(&job) {
            return Err(Error::JobNotFound { id: job });
        }
        let name = self.found_at(&location).unwrap_or(name);
        let used = self.datasets.get(&name).and_then(|entry| entry.versions.last_key_value());
        let version = wanted.choose(&name, used.map(|(version, _)| *version))?;
        let claim = Claim {
            name: name.clone(),
            version,
            token: Uuid::new_v4().to_string(),
            job,
            created_at: now(),
        };
        let slot =
            Slot { record: pending(&claim, location), edit: DatasetEdit { description, attrs } };
        let entry = self.datasets.entry(name).or_insert_with_key(|name| Entry::new(name, &claim));
        entry.versions.insert(version, slot);
        Ok(claim)
    }

    fn complete(
        &mut self,
        claim: &Claim,
        completed: CompletedVersion,
    ) -> Option<Result<DatasetVersion>> {
        let (entry, version) = self.claimed(claim)?;
        let mut newest_first = entry.versions.values().rev().map(|slot| &slot.record);
        let newest = newest_first.find(|record| record.status == VersionStatus::Complete);
        let newest = newest.map(|record| record.version);
        let name = entry.dataset.name.clone();
        let slot = entry.versions.get_mut(&version)?;
        if slot.record.status != VersionStatus::Pending {
            return Some(Err(wrong_status(&slot.record, VersionStatus::Pending)));
        }
        if let Err(moved) = completed.newest.check(&name, newest) {
            return Some(Err(moved));
        }
        let record = &mut slot.record;
        record.status = VersionStatus::Complete;
        record.schema = completed.schema;
        record.storage_version = completed.storage_version;
        record.fingerprint = completed.fingerprint;
        record.delta = completed.delta;
        record.rows = completed.rows;
        record.bytes = completed.bytes;
        record.preview = completed.preview;
        record.dependencies = completed.dependencies;
        record.finished_at = Some(now());
        let edit = mem::take(&mut slot.edit);
        entry.edit(edit);
        entry.versions.get(&version).map(|slot| Ok(entry.shown(slot)))
    }

    fn abandon(&mut self, claim: &Claim, error: &str) -> Option<Result<()>> {
        let (entry, version) = self.claimed(claim)?;
        let record = &mut entry.versions.get_mut(&version)?.record;
        match record.status {
            VersionStatus::Pending => {
                record.status = VersionStatus::Failed;
                record.error = Some(error.to_owned());
                record.finished_at = Some(now());
                Some(Ok(()))
            }
            VersionStatus::Failed => Some(Ok(())),
            VersionStatus::Complete | VersionStatus::Removed => {
                Some(Err(wrong_status(record, VersionStatus::Pending)))
            }
        }
    }

    fn versions(&self, filter: &VersionFilter) -> Vec<DatasetVersion> {
        let wanted = |name: &QualifiedName| filter.name.as_ref().is_none_or(|only| only == name);
        let entries = self.datasets.iter().filter(|(name, _)| wanted(name));
        entries.flat_map(|(_, entry)| entry.versions(filter)).collect()
    }

    fn remove(&mut self, name: &QualifiedName, version: Version) -> Option<Result<()>> {
        let record = &mut self.datasets.get_mut(name)?.versions.get_mut(&version)?.record;
        match record.status {
            VersionStatus::Removed => None,
            VersionStatus::Pending => Some(Err(wrong_status(record, VersionStatus::Complete))),
            VersionStatus::Complete | VersionStatus::Failed => {
                record.status = VersionStatus::Removed;
                Some(Ok(()))
            }
        }
    }

    fn rename(&mut self, from: &QualifiedName, to: &QualifiedName) -> Option<Result<()>> {
        self.visible(from)?;
        if from == to {
            return Some(Ok(()));
        }
        if self.datasets.contains_key(to) {
            return Some(Err(Error::NameTaken { name: to.clone() }));
        }
        let mut entry = self.datasets.remove(from)?;
        entry.dataset.name = to.clone();
        self.datasets.insert(to.clone(), entry);
        let slots = self.datasets.values_mut().flat_map(|entry| entry.versions.values_mut());
        for dependency in slots.flat_map(|slot| &mut slot.record.dependencies) {
            if dependency.name == *from {
                dependency.name = to.clone();
            }
        }
        Some(Ok(()))
    }

    /// The dataset whose data is there.
    fn found_at(&self, location: &str) -> Option<QualifiedName> {
        let at = |slot: &Slot| slot.record.location == location;
        let found = self.datasets.iter().find(|(_, entry)| entry.versions.values().any(at));
        found.map(|(name, _)| name.clone())
    }

    fn visible(&mut self, name: &QualifiedName) -> Option<&mut Entry> {
        self.datasets.get_mut(name).filter(|entry| entry.is_visible())
    }

    /// The claimed version, whatever its dataset is called by now.
    fn claimed(&mut self, claim: &Claim) -> Option<(&mut Entry, Version)> {
        self.datasets.values_mut().find_map(|entry| {
            let slot = entry.versions.values().find(|slot| slot.record.uuid == claim.token)?;
            let version = slot.record.version;
            Some((entry, version))
        })
    }
}

impl Entry {
    fn new(name: &QualifiedName, first: &Claim) -> Self {
        let dataset = Dataset {
            uuid: Uuid::new_v4().to_string(),
            name: name.clone(),
            description: None,
            attrs: Vec::new(),
            created_at: first.created_at,
        };
        Self { dataset, versions: BTreeMap::new() }
    }

    fn is_visible(&self) -> bool {
        self.versions.values().any(|slot| slot.record.status == VersionStatus::Complete)
    }

    fn edit(&mut self, edit: DatasetEdit) {
        if let Some(description) = edit.description {
            self.dataset.description = Some(description);
        }
        if let Some(attrs) = edit.attrs {
            self.dataset.attrs = attrs;
        }
    }

    fn versions(&self, filter: &VersionFilter) -> Vec<DatasetVersion> {
        let wanted = |record: &DatasetVersion| {
            filter.version.is_none_or(|only| only == record.version)
                && filter.location.as_ref().is_none_or(|only| *only == record.location)
                && filter.finished_since.is_none_or(|since| record.finished_at >= Some(since))
        };
        let admitted = |slot: &&Slot| filter.admits(slot.record.status) && wanted(&slot.record);
        let mut records: Vec<DatasetVersion> =
            self.versions.values().filter(admitted).map(|slot| self.shown(slot)).collect();
        if filter.newest_only {
            records.drain(..records.len().saturating_sub(1));
        }
        if !filter.with_preview {
            records.iter_mut().for_each(|record| record.preview = Value::Null);
        }
        records
    }

    /// The record with what belongs to the dataset copied in.
    fn shown(&self, slot: &Slot) -> DatasetVersion {
        DatasetVersion {
            dataset: self.dataset.name.clone(),
            description: self.dataset.description.clone(),
            attrs: self.dataset.attrs.clone(),
            ..slot.record.clone()
        }
    }
}

fn pending(claim: &Claim, location: String) -> DatasetVersion {
    DatasetVersion {
        dataset: claim.name.clone(),
        version: claim.version,
        uuid: claim.token.clone(),
        status: VersionStatus::Pending,
        schema: Arc::new(Schema::empty()),
        location,
        storage_version: 0,
        fingerprint: None,
        delta: None,
        rows: 0,
        bytes: 0,
        preview: Value::Null,
        dependencies: Vec::new(),
        job: claim.job.clone(),
        created_at: claim.created_at,
        finished_at: None,
        description: None,
        attrs: Vec::new(),
        error: None,
    }
}

fn wrong_status(record: &DatasetVersion, needed: VersionStatus) -> Error {
    Error::WrongStatus {
        name: record.dataset.clone(),
        version: record.version,
        status: record.status,
        needed,
    }
}

#[cfg(test)]
mod tests;
