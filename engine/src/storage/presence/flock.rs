//! [`Flock`]: presence on a local disk is a lock on the folder, which the system takes from a process that dies.
//!
//! Where the file system knows no locks, writers go on and collectors stay out.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;
use udf_runtime::OwnedByProcess;

use super::{Entered, Presence};
use crate::blocking::blocking;
use crate::storage::Location;

/// The pause between attempts to enter a folder that somebody has alone.
const PAUSE: Duration = Duration::from_millis(10);

/// Locks on the folders below a root.
#[derive(Debug)]
pub(crate) struct Flock(pub(crate) PathBuf);

#[async_trait]
impl Presence for Flock {
    async fn share(&self, folder: &Location) -> io::Result<Entered> {
        loop {
            let folder = self.0.join(folder.as_ref());
            match blocking(move || share(&folder)).await? {
                Some(lock) => return Ok(Box::new(lock)),
                None => sleep(PAUSE).await,
            }
        }
    }

    async fn try_alone(&self, folder: &Location) -> io::Result<Option<Entered>> {
        let folder = self.0.join(folder.as_ref());
        let lock = blocking(move || lock(&folder, File::try_lock)).await?;
        Ok(lock.map(|lock| Box::new(lock) as Entered))
    }
}

/// A lock on a folder. A forked child has the file open too, and could give its parent's lock away.
type Lock = OwnedByProcess<File>;

fn held(folder: File) -> Lock {
    OwnedByProcess::new(folder, |folder| drop(folder.unlock()))
}

/// Makes the folder if needed; `None` while somebody has it alone.
fn share(folder: &Path) -> io::Result<Option<Lock>> {
    loop {
        fs::create_dir_all(folder)?;
        match lock(folder, File::try_lock_shared) {
            // It was removed since it was made.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return Ok(Some(held(File::open(folder)?))),
            locked => return locked,
        }
    }
}

/// Locks what is at the path, and still is once it is locked; `None` while others are in the way.
fn lock(folder: &Path, mode: fn(&File) -> Result<(), TryLockError>) -> io::Result<Option<Lock>> {
    let file = File::open(folder)?;
    match mode(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let (locked, found) = (file.metadata()?, folder.metadata()?);
    if (locked.dev(), locked.ino()) == (found.dev(), found.ino()) {
        return Ok(Some(held(file)));
    }
    Err(io::ErrorKind::NotFound.into())
}
