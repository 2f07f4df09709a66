//! [`Session::gc`]: removes what dead processes and removed versions left behind, one function for each kind of it.
//!
//! The catalog says what is needed: Lance does not know which of its states are versions, nor that a version of one
//! dataset may list files of another ([`live`]). Presence says who is alive. Tags and Lance's records of its states
//! stay: they are small, and their numbers must not come back.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use catalog::{DatasetVersion, QualifiedName, VersionFilter, VersionStatus};
use futures::FutureExt;
use futures::future::BoxFuture;
use lance_table::io::deletion::DELETIONS_DIR;

use crate::layout::{self, first_location, is_of_session};
use crate::storage::{Entry, Location, Storage};
use crate::{Result, Session};

mod compact;
mod files;
mod listings;
mod live;
mod stages;

use files::{Files, Size};
use live::Live;

/// By how much the times of a disk and of the catalog may differ.
const TICK: Duration = Duration::from_secs(1);

/// The folders of a dataset that hold rows, and which of them are removed.
const DATA: [&str; 2] = ["data", DELETIONS_DIR];

const COMPLETE: &str = "its versions need it";
const LISTED: &str = "versions of other datasets need it";
const DEAD: &str = "its save died";
const ENDED: &str = "its session ended";
const IN_USE: &str = "a save or a session uses it";
const REFUSED: &str = "it cannot be removed";
const UNKNOWN: &str = "the catalog does not know it";
const UNKNOWN_VERSIONS: &str = "the catalog does not know it, but it has versions";
const UNREADABLE: &str = "which files its versions need cannot be read";
const UNREADABLE_ELSEWHERE: &str =
    "another dataset may need it: which files its versions need cannot be read";
const UNUSED: &str = "no version needs it";
const YOUNG: &str = "it is younger than the time to live";

/// How carefully to collect.
#[derive(Clone, Copy, Debug)]
pub struct GcOptions {
    /// What a dead save left behind is removed once it is this old.
    pub ttl: Duration,
    /// Results of functions are removed once no run used them for this long.
    pub results_ttl: Duration,
    /// Whether newest versions whose rows lie in many small files become new versions first, in few.
    pub compact: bool,
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
    /// Versions that were made of many small files, or would be; and how many files these were.
    pub compacted: Vec<Garbage>,
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
        let (live, report) = (Live::default(), GcReport::default());
        Collector { session: self, options, started, live, report }.run().boxed()
    }

    /// Removes a dataset that was made for a session only.
    ///
    /// # Errors
    /// The catalog's, or [`Error::Storage`](crate::Error::Storage).
    pub fn forget<'a>(&'a self, name: &'a QualifiedName) -> BoxFuture<'a, Result<()>> {
        async {
            let records = self.catalog().versions(VersionFilter::all_of(name)).await?;
            self.remove_dataset(&records, &layout::location(&first_location(name))?).await
        }
        .boxed()
    }

    async fn remove_dataset(&self, records: &[DatasetVersion], folder: &Location) -> Result<()> {
        for record in records {
            if record.status == VersionStatus::Pending {
                already(self.catalog().abandon_version(&record.to_claim(), ENDED).await)?;
            }
            if record.status != VersionStatus::Removed {
                already(self.catalog().remove_version(&record.dataset, record.version).await)?;
            }
        }
        self.storage().delete_all(folder).await?;
        let all = layout::parent(folder);
        if self.storage().delete_empty(&all).await? {
            self.release(&all);
        }
        Ok(())
    }
}

/// One run.
struct Collector<'a> {
    session: &'a Arc<Session>,
    options: GcOptions,
    started: SystemTime,
    live: Live,
    report: GcReport,
}

/// A dataset's folder and all versions that were ever claimed in it.
struct Found {
    title: String,
    folder: Location,
    records: Vec<DatasetVersion>,
}

impl Collector<'_> {
    async fn run(mut self) -> Result<GcReport> {
        if !self.options.dry_run {
            self.session.objects().sweep().await;
        }
        self.dead_claims().await?;
        self.listings().await?;
        if self.options.compact {
            self.compact().await?;
        }
        self.live.add_all(self.session).await?;
        self.datasets().await?;
        self.stages().await?;
        Ok(self.report)
    }

    async fn datasets(&mut self) -> Result<()> {
        let (all, depth) = layout::datasets();
        let (mut seen, claimed) = (HashSet::new(), self.claimed().await?);
        for folder in self.storage().folders(&all, depth).await? {
            if layout::is_dataset(&folder) {
                seen.insert(folder.clone());
                if !(claimed.contains(folder.as_ref()) && self.is_bare(&folder).await?) {
                    self.dataset(folder).await?;
                }
            }
        }
        for (folder, title) in self.live.unknown() {
            if !seen.contains(folder) {
                note(&mut self.report.kept, title, UNREADABLE, Size::default());
            }
        }
        Ok(())
    }

    fn storage(&self) -> &Storage {
        self.session.storage()
    }

    /// Gives up the claims of saves that died.
    async fn dead_claims(&mut self) -> Result<()> {
        let all = VersionFilter { include_unfinished: true, ..VersionFilter::default() };
        let claims: Vec<DatasetVersion> = self.old_claims(all).await?;
        let locations: BTreeSet<String> = claims.into_iter().map(|claim| claim.location).collect();
        for location in locations {
            let _alone = match self.storage().try_alone(&layout::location(&location)?).await {
                Ok(Some(alone)) => Some(alone),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Ok(None) | Err(_) => continue,
            };
            // INVARIANT: listed again when alone; a claim that was completed meanwhile is none any more.
            for claim in self.old_claims(VersionFilter::all_at(location)).await? {
                if !self.options.dry_run {
                    let catalog = self.session.catalog();
                    already(catalog.abandon_version(&claim.to_claim(), DEAD).await)?;
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

    /// Where the data of all versions is, or was, that were ever claimed.
    async fn claimed(&self) -> Result<HashSet<String>> {
        let all = VersionFilter {
            include_removed: true,
            include_unfinished: true,
            ..VersionFilter::default()
        };
        let records = self.session.catalog().versions(all).await?;
        Ok(records.into_iter().map(|record| record.location).collect())
    }

    /// Whether a dataset has no data: what earlier runs have collected is passed over at the cost of a look.
    async fn is_bare(&self, folder: &Location) -> Result<bool> {
        if is_of_session(folder) {
            return Ok(false);
        }
        for below in DATA {
            if !self.storage().is_empty(&folder.clone().join(below)).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn dataset(&mut self, folder: Location) -> Result<()> {
        let is_of_session = is_of_session(&folder);
        let all = if is_of_session { layout::parent(&folder) } else { folder.clone() };
        let alone = self.storage().try_alone(&all).await;
        // INVARIANT: listed when alone; else a version that is completed in between is missed.
        let filter = VersionFilter::all_at(folder.as_ref());
        let records = self.session.catalog().versions(filter).await?;
        let title = records
            .first()
            .map_or_else(|| folder.to_string(), |record| record.dataset.short().to_string());
        let found = Found { title, folder, records };
        match alone {
            Ok(Some(_alone)) if is_of_session => self.session_dataset(&found).await?,
            Ok(Some(_alone)) if found.records.is_empty() => self.unknown_folder(&found).await?,
            Ok(Some(_alone)) => self.unused_files(&found).await?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Ok(None) | Err(_) => self.keep_all(&found, IN_USE).await?,
        }
        Ok(())
    }

    /// What `persist` kept for a session that is gone.
    async fn session_dataset(&mut self, found: &Found) -> Result<()> {
        let size = Files::below(self.storage(), &found.folder).await?.size();
        if !self.options.dry_run {
            self.session.remove_dataset(&found.records, &found.folder).await?;
        }
        note(&mut self.report.removed, &found.title, ENDED, size);
        Ok(())
    }

    /// What a save left that died before its claim. With tags it is more than that: the catalog was lost.
    async fn unknown_folder(&mut self, found: &Found) -> Result<()> {
        let files = Files::below(self.storage(), &found.folder).await?;
        if files.has(&found.folder.clone().join("_refs")) {
            self.keep(found, UNKNOWN_VERSIONS, files.size());
            return Ok(());
        }
        self.remove_if_old(found, self.options.ttl, UNKNOWN).await
    }

    async fn remove_if_old(
        &mut self,
        found: &Found,
        ttl: Duration,
        reason: &'static str,
    ) -> Result<()> {
        let files = Files::below(self.storage(), &found.folder).await?;
        let size = files.size();
        if files.newest().is_some_and(|newest| !self.is_older(ttl, newest)) {
            self.keep(found, YOUNG, size);
        } else if !self.options.dry_run && self.storage().delete_all(&found.folder).await.is_err() {
            self.keep(found, REFUSED, size);
        } else {
            note(&mut self.report.removed, &found.title, reason, size);
        }
        Ok(())
    }

    /// Files of saves that died and of versions that were removed: of rows, and of which rows are removed.
    async fn unused_files(&mut self, found: &Found) -> Result<()> {
        self.live.add_new(self.session, &found.records, self.started).await?;
        if !self.live.unknown().is_empty() {
            let is_own = self.live.unknown().contains_key(&found.folder);
            return self
                .keep_all(found, if is_own { UNREADABLE } else { UNREADABLE_ELSEWHERE })
                .await;
        }
        let files = Files::below(self.storage(), &found.folder).await?;
        if has_unknown_versions(found, &files) {
            self.keep(found, UNKNOWN_VERSIONS, files.size());
            return Ok(());
        }
        let [mut used, mut young, mut refused, mut removed] = [Size::default(); 4];
        let folders = DATA.map(|name| found.folder.clone().join(name));
        for file in folders.iter().flat_map(|folder| files.directly_in(folder)) {
            let place = if self.live.has(&file.location) {
                &mut used
            } else if !self.is_old(file.modified) {
                &mut young
            } else if !self.options.dry_run && self.storage().delete(&file.location).await.is_err()
            {
                &mut refused
            } else {
                &mut removed
            };
            place.add(file.bytes);
        }
        let has_versions =
            found.records.iter().any(|record| record.status == VersionStatus::Complete);
        let needed = if has_versions { COMPLETE } else { LISTED };
        for (reason, size) in [(needed, used), (YOUNG, young), (REFUSED, refused)] {
            if size.files > 0 {
                self.keep(found, reason, size);
            }
        }
        if removed.files > 0 {
            note(&mut self.report.removed, &found.title, UNUSED, removed);
        }
        Ok(())
    }

    fn is_old(&self, time: SystemTime) -> bool {
        self.is_older(self.options.ttl, time)
    }

    fn is_older(&self, ttl: Duration, time: SystemTime) -> bool {
        self.started.duration_since(time).is_ok_and(|age| age >= ttl)
    }

    async fn keep_all(&mut self, found: &Found, reason: &'static str) -> Result<()> {
        let size = Files::below(self.storage(), &found.folder).await?.size();
        self.keep(found, reason, size);
        Ok(())
    }

    fn keep(&mut self, found: &Found, reason: &'static str, size: Size) {
        note(&mut self.report.kept, &found.title, reason, size);
    }
}

/// Whether there are versions, as their tags tell, that the catalog never heard of: it is an older one, or was lost. A
/// number that was claimed after its tag was written is not that version's.
fn has_unknown_versions(found: &Found, files: &Files) -> bool {
    let claimed: HashMap<String, SystemTime> = found
        .records
        .iter()
        .map(|record| (format!("{}.json", record.version), record.created_at.into()))
        .collect();
    let is_unknown = |tag: &Entry| {
        let claimed = tag.location.filename().and_then(|name| claimed.get(name));
        claimed.is_none_or(|claimed| tag.modified + TICK < *claimed)
    };
    let folder = found.folder.clone().join("_refs").join("tags");
    files.directly_in(&folder).any(is_unknown)
}

/// Another collector may have done it first.
fn already(done: catalog::Result<()>) -> Result<()> {
    match done {
        Err(
            catalog::Error::VersionNotFound { .. }
            | catalog::Error::DatasetNotFound { .. }
            | catalog::Error::WrongStatus { .. },
        ) => Ok(()),
        done => Ok(done?),
    }
}

fn note(list: &mut Vec<Garbage>, what: &str, reason: &'static str, size: Size) {
    let Size { files, bytes } = size;
    list.push(Garbage { what: what.to_owned(), reason, files, bytes });
}
