//! [`Live`]: the files that complete versions need, whichever dataset they are in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use catalog::{DatasetVersion, VersionFilter, VersionStatus};
use lance::Dataset;
use lance_table::io::deletion::deletion_file_path;

use crate::storage::Location;
use crate::{Result, Session, layout};

/// By how much the clocks of machines that share a root may differ.
const CLOCKS: Duration = Duration::from_secs(60 * 60);

/// Locations of files. Grows only: a version that is removed meanwhile is collected next time.
#[derive(Default)]
pub(super) struct Live {
    /// Versions whose files are known.
    known: HashSet<String>,
    files: HashSet<Location>,
    /// Datasets with a version whose files cannot be told. Nor can be told in which datasets these are.
    unknown: HashMap<Location, String>,
}

impl Live {
    /// Adds the files of all complete versions.
    pub(super) async fn add_all(&mut self, session: &Arc<Session>) -> Result<()> {
        let records = session.catalog().versions(VersionFilter::default()).await?;
        self.add(session, &records).await
    }

    /// Adds those of a dataset's versions, and of versions that were completed since.
    pub(super) async fn add_new(
        &mut self,
        session: &Arc<Session>,
        records: &[DatasetVersion],
        since: SystemTime,
    ) -> Result<()> {
        self.add(session, records).await?;
        let since = since.checked_sub(CLOCKS).unwrap_or(SystemTime::UNIX_EPOCH);
        let new = VersionFilter { finished_since: Some(since.into()), ..VersionFilter::default() };
        let new = session.catalog().versions(new).await?;
        self.add(session, &new).await
    }

    async fn add(&mut self, session: &Arc<Session>, records: &[DatasetVersion]) -> Result<()> {
        let complete = records.iter().filter(|record| record.status == VersionStatus::Complete);
        for record in complete {
            if self.known.contains(&record.uuid) {
                continue;
            }
            let folder = layout::location(&record.location)?;
            match session.open_version(record).await {
                Ok(dataset) => {
                    self.known.insert(record.uuid.clone());
                    self.files.extend(files(session, &folder, &dataset));
                }
                Err(_) => {
                    let title = format!("{}@{}", record.dataset.short(), record.version);
                    self.unknown.insert(folder, title);
                }
            }
        }
        Ok(())
    }

    /// Whether a version needs the file.
    pub(super) fn has(&self, file: &Location) -> bool {
        self.files.contains(file)
    }

    /// Datasets with versions whose files are not known, and one of these for each; the files may be anywhere.
    pub(super) fn unknown(&self) -> &HashMap<Location, String> {
        &self.unknown
    }
}

/// The files of a version: those that hold its rows, and those that say which of these are removed.
fn files(session: &Session, folder: &Location, dataset: &Dataset) -> Vec<Location> {
    let manifest = dataset.manifest();
    let root = |base: Option<u32>| match base.and_then(|id| manifest.base_paths.get(&id)) {
        None => Some((folder.clone(), true)),
        // Nothing outside of the root is ever collected.
        Some(base) => Some((session.storage().folder_of(base)?, base.is_dataset_root)),
    };
    let mut found = Vec::new();
    for fragment in manifest.fragments.iter() {
        for file in &fragment.files {
            let Some((root, is_dataset)) = root(file.base_id) else { continue };
            let folder = if is_dataset { root.join("data") } else { root };
            found.push(file.path.split('/').fold(folder, |folder, step| folder.join(step)));
        }
        if let Some(mask) = &fragment.deletion_file
            && let Some((root, _)) = root(mask.base_id)
        {
            found.push(deletion_file_path(&root, fragment.id, mask));
        }
    }
    found
}
