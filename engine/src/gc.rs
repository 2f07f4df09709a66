//! [`Session::gc`]: removes what dead processes and removed versions left behind, one function for each kind of it.
//!
//! The catalog says what is needed: Lance does not know which of its states are versions. The locks on the folders say
//! who is alive: the system takes them from a process that dies. Tags and Lance's records of its states stay: they are
//! small, and their numbers must not come back.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fs, io};

use catalog::{DatasetVersion, QualifiedName, VersionFilter, VersionStatus};
use futures::FutureExt;
use futures::future::BoxFuture;
use lance::dataset::builder::DatasetBuilder;

use crate::adapter::error::LanceResultExt;
use crate::folder::{FolderLock, first_location, is_of_session};
use crate::{Error, Result, Session};

mod files;
mod stages;

use files::{Size, data_files, dataset_folders, has_tags, newest_change};

const COMPLETE: &str = "its versions need it";
const DEAD: &str = "its save died";
const ENDED: &str = "its session ended";
const IN_USE: &str = "a save or a session uses it";
const REFUSED: &str = "it cannot be removed";
const UNKNOWN: &str = "the catalog does not know it";
const UNKNOWN_VERSIONS: &str = "the catalog does not know it, but it has versions";
const UNREADABLE: &str = "which files its versions need cannot be read";
const UNUSED: &str = "no version needs it";
const YOUNG: &str = "it is younger than the time to live";

/// How carefully to collect.
#[derive(Clone, Copy, Debug)]
pub struct GcOptions {
    /// What a dead save left behind is removed once it is this old.
    pub ttl: Duration,
    /// Results of functions are removed once no run used them for this long.
    pub results_ttl: Duration,
    /// Whether to report only.
    pub dry_run: bool,
}

/// Data that was removed, or was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// A dataset, one of its versions, or a folder below the root.
    pub what: String,
    /// Why it was removed, or why it stays.
    pub reason: &'static str,
    /// How many files it has.
    pub files: u64,
    /// How large they are.
    pub bytes: u64,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct GcReport {
    /// What was removed, or would be if this were not only a report.
    pub removed: Vec<Garbage>,
    /// What stays, the data of complete versions too.
    pub kept: Vec<Garbage>,
}

impl Session {
    /// Removes what nobody needs any more.
    ///
    /// Never touches what belongs to a complete version, what a living process writes, and what it persisted.
    ///
    /// # Errors
    /// The catalog's. Files that cannot be removed are reported, not raised.
    pub fn gc(self: &Arc<Self>, options: GcOptions) -> BoxFuture<'_, Result<GcReport>> {
        let started = SystemTime::now();
        Collector { session: self, options, started, report: GcReport::default() }.run().boxed()
    }

    /// Removes a dataset that was made for a session only.
    ///
    /// # Errors
    /// The catalog's, or [`Error::Storage`].
    pub fn forget<'a>(&'a self, name: &'a QualifiedName) -> BoxFuture<'a, Result<()>> {
        async {
            let records = self.catalog().versions(VersionFilter::all_of(name)).await?;
            self.remove_dataset(&records, &self.root().join(first_location(name))).await
        }
        .boxed()
    }

    async fn remove_dataset(&self, records: &[DatasetVersion], folder: &Path) -> Result<()> {
        for record in records {
            if record.status == VersionStatus::Pending {
                self.catalog().abandon_version(&record.to_claim(), ENDED).await?;
            }
            if record.status != VersionStatus::Removed {
                self.catalog().remove_version(&record.dataset, record.version).await?;
            }
        }
        gone(fs::remove_dir_all(folder)).map_err(|error| Error::Storage {
            action: "remove",
            location: folder.display().to_string(),
            reason: error.to_string(),
            source: Some(Box::new(error)),
        })?;
        if let Some(all) = folder.parent()
            && fs::remove_dir(all).is_ok()
        {
            self.release(all);
        }
        Ok(())
    }
}

/// One run.
struct Collector<'a> {
    session: &'a Arc<Session>,
    options: GcOptions,
    started: SystemTime,
    report: GcReport,
}

/// A dataset's folder and all versions that were ever claimed in it.
struct Found {
    title: String,
    folder: PathBuf,
    records: Vec<DatasetVersion>,
}

impl Collector<'_> {
    async fn run(mut self) -> Result<GcReport> {
        self.dead_claims().await?;
        for location in dataset_folders(self.session.root()) {
            self.dataset(&location).await?;
        }
        self.stages();
        Ok(self.report)
    }

    /// Gives up the claims of saves that died.
    async fn dead_claims(&mut self) -> Result<()> {
        let all = VersionFilter { include_unfinished: true, ..VersionFilter::default() };
        let claims: Vec<DatasetVersion> = self.old_claims(all).await?;
        let locations: BTreeSet<String> = claims.into_iter().map(|claim| claim.location).collect();
        for location in locations {
            let _lock = match FolderLock::try_alone(&self.session.root().join(&location)) {
                Ok(Some(lock)) => Some(lock),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Ok(None) | Err(_) => continue,
            };
            // INVARIANT: listed again with the lock; a claim that was completed meanwhile is none any more.
            for claim in self.old_claims(VersionFilter::all_at(location)).await? {
                if !self.options.dry_run {
                    self.session.catalog().abandon_version(&claim.to_claim(), DEAD).await?;
                }
                let version = format!("{}@{}", claim.dataset.short(), claim.version);
                note(&mut self.report.removed, &version, DEAD, Size::default());
            }
        }
        Ok(())
    }

    async fn old_claims(&self, filter: VersionFilter) -> Result<Vec<DatasetVersion>> {
        let mut records = self.session.catalog().versions(filter).await?;
        records.retain(|record| {
            record.status == VersionStatus::Pending && self.is_old(record.created_at.into())
        });
        Ok(records)
    }

    async fn dataset(&mut self, location: &str) -> Result<()> {
        let folder = self.session.root().join(location);
        let lock = match folder.parent().filter(|_| is_of_session(location)) {
            Some(all) => FolderLock::try_alone(all),
            None => FolderLock::try_alone(&folder),
        };
        // INVARIANT: listed after locking; else a version that is completed in between is missed.
        let records = self.session.catalog().versions(VersionFilter::all_at(location)).await?;
        let title = records
            .first()
            .map_or_else(|| location.to_owned(), |record| record.dataset.short().to_string());
        let found = Found { title, folder, records };
        match lock {
            Ok(Some(_lock)) if is_of_session(location) => self.session_dataset(&found).await?,
            Ok(Some(_lock)) if found.records.is_empty() => self.unknown_folder(&found),
            Ok(Some(_lock)) => self.unused_files(&found).await,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(None) | Err(_) => self.keep(&found, IN_USE, Size::of(&found.folder)),
        }
        Ok(())
    }

    /// What `persist` kept for a session that is gone.
    async fn session_dataset(&mut self, found: &Found) -> Result<()> {
        let size = Size::of(&found.folder);
        if !self.options.dry_run {
            self.session.remove_dataset(&found.records, &found.folder).await?;
        }
        note(&mut self.report.removed, &found.title, ENDED, size);
        Ok(())
    }

    /// What a save left that died before its claim. With tags it is more than that: the catalog was lost.
    fn unknown_folder(&mut self, found: &Found) {
        if has_tags(&found.folder) {
            self.keep(found, UNKNOWN_VERSIONS, Size::of(&found.folder));
        } else {
            self.remove_if_old(found, self.options.ttl, UNKNOWN);
        }
    }

    fn remove_if_old(&mut self, found: &Found, ttl: Duration, reason: &'static str) {
        let size = Size::of(&found.folder);
        if !self.is_older(ttl, newest_change(&found.folder)) {
            self.keep(found, YOUNG, size);
        } else if !self.options.dry_run && gone(fs::remove_dir_all(&found.folder)).is_err() {
            self.keep(found, REFUSED, size);
        } else {
            note(&mut self.report.removed, &found.title, reason, size);
        }
    }

    /// Data files of saves that died and of versions that were removed.
    async fn unused_files(&mut self, found: &Found) {
        let Ok(needed) = self.needed(found).await else {
            return self.keep(found, UNREADABLE, Size::of(&found.folder));
        };
        let [mut used, mut young, mut refused, mut removed] = [Size::default(); 4];
        for file in data_files(&found.folder) {
            let place = if needed.contains(&file.name) {
                &mut used
            } else if !self.is_old(file.modified) {
                &mut young
            } else if !self.options.dry_run && gone(fs::remove_file(&file.path)).is_err() {
                &mut refused
            } else {
                &mut removed
            };
            place.add(file.bytes);
        }
        for (reason, size) in [(COMPLETE, used), (YOUNG, young), (REFUSED, refused)] {
            if size.files > 0 {
                self.keep(found, reason, size);
            }
        }
        if removed.files > 0 {
            note(&mut self.report.removed, &found.title, UNUSED, removed);
        }
    }

    /// The names of the data files of all complete versions.
    async fn needed(&self, found: &Found) -> Result<HashSet<String>> {
        let uri = found.folder.to_string_lossy();
        let mut needed = HashSet::new();
        for record in &found.records {
            if record.status == VersionStatus::Complete {
                let opened = DatasetBuilder::from_uri(&uri)
                    .with_session(Arc::clone(self.session.lance()))
                    .with_version(record.storage_version)
                    .load()
                    .await
                    .lance("open", &found.title)?;
                let files = opened.fragments().iter().flat_map(|fragment| &fragment.files);
                needed.extend(files.map(|file| file.path.clone()));
            }
        }
        Ok(needed)
    }

    fn is_old(&self, time: SystemTime) -> bool {
        self.is_older(self.options.ttl, time)
    }

    fn is_older(&self, ttl: Duration, time: SystemTime) -> bool {
        self.started.duration_since(time).is_ok_and(|age| age >= ttl)
    }

    fn keep(&mut self, found: &Found, reason: &'static str, size: Size) {
        note(&mut self.report.kept, &found.title, reason, size);
    }
}

fn note(list: &mut Vec<Garbage>, what: &str, reason: &'static str, size: Size) {
    let Size { files, bytes } = size;
    list.push(Garbage { what: what.to_owned(), reason, files, bytes });
}

/// Somebody else may have removed it first.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
