//! [`FileId`]: whether a path still leads to the file that was opened there.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tokio::fs;

/// A file, whatever it is called: another one at the same path has another id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file that is at this path now.
    pub(super) async fn at(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path).await?;
        Ok(Self { device: found.dev(), inode: found.ino() })
    }
}
