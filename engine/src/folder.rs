//! Where datasets are below the root, and who is there: [`FolderLock`].

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process;
use std::time::Duration;

use catalog::{CatalogStore, NamePart, QualifiedName, VersionFilter};
use tokio::fs;
use tokio::time::sleep;

use crate::Result;

/// The folder of all datasets, below the root.
pub(crate) const DATA: &str = "data";

/// What the folder of a dataset is called after its name.
pub(crate) const SUFFIX: &str = ".lance";

/// The pause between attempts to enter a folder that is being cleaned.
const PAUSE: Duration = Duration::from_millis(10);

/// Where a dataset's next version goes: where its others are, else a folder that no dataset ever used.
///
/// A renamed dataset keeps its folder, so a new one of the old name needs another: `cats.2.lance`. No name has a
/// dot, so only datasets of one name ever ask for the same folder.
pub(crate) async fn locate(catalog: &dyn CatalogStore, name: &QualifiedName) -> Result<String> {
    let newest = VersionFilter { newest_only: true, ..VersionFilter::all_of(name) };
    if let Some(record) = catalog.versions(newest).await?.pop() {
        return Ok(record.location);
    }
    let mut location = first_location(name);
    let mut number = 1;
    loop {
        let taken = VersionFilter { newest_only: true, ..VersionFilter::all_at(&location) };
        if catalog.versions(taken).await?.is_empty() {
            return Ok(location);
        }
        number += 1;
        location = in_project(name, &format!("{}.{number}", name.name));
    }
}

/// Where a dataset is if no other one was there before.
pub(crate) fn first_location(name: &QualifiedName) -> String {
    in_project(name, name.name.as_str())
}

/// Whether the dataset there goes when its session does.
pub(crate) fn is_of_session(location: &str) -> bool {
    let mut steps = location.split('/').skip(1).map(str::parse::<NamePart>);
    match (steps.next(), steps.next()) {
        (Some(Ok(namespace)), Some(Ok(project))) => {
            QualifiedName::new(namespace, project, NamePart::local()).is_of_session()
        }
        _ => false,
    }
}

fn in_project(name: &QualifiedName, folder: &str) -> String {
    format!("{DATA}/{}/{}/{folder}{SUFFIX}", name.namespace, name.project)
}

/// Somebody's presence in a dataset's folder, or in that of a session's datasets, until it is dropped or its process
/// ends in whatever way.
///
/// Writers share a folder, a collector of garbage has it alone. Where the file system knows no locks, writers go on
/// and collectors stay out.
#[derive(Debug)]
pub(crate) struct FolderLock {
    folder: File,
    process: u32,
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // WHY: a forked child has the file open too: it would keep the lock, and could give its parent's away.
        if self.process == process::id() {
            drop(self.folder.unlock());
        }
    }
}

impl FolderLock {
    fn new(folder: File) -> Self {
        Self { folder, process: process::id() }
    }

    /// Shares the folder, which is made if needed; waits while a collector is in it.
    pub(crate) async fn share(folder: &Path) -> io::Result<Self> {
        loop {
            fs::create_dir_all(folder).await?;
            match lock(folder, File::try_lock_shared) {
                Ok(Some(file)) => return Ok(Self::new(file)),
                Ok(None) => sleep(PAUSE).await,
                // It was removed since it was made.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => return Ok(Self::new(File::open(folder)?)),
            }
        }
    }

    /// Has the folder alone; `None` while somebody is there.
    pub(crate) fn try_alone(folder: &Path) -> io::Result<Option<Self>> {
        Ok(lock(folder, File::try_lock)?.map(Self::new))
    }
}

/// Locks what is at the path, and still is once it is locked; `None` while others are in the way.
fn lock(folder: &Path, mode: fn(&File) -> Result<(), TryLockError>) -> io::Result<Option<File>> {
    let file = File::open(folder)?;
    match mode(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let (locked, found) = (file.metadata()?, folder.metadata()?);
    if (locked.dev(), locked.ino()) == (found.dev(), found.ino()) {
        return Ok(Some(file));
    }
    Err(io::ErrorKind::NotFound.into())
}
