//! [`TemporaryRoot`]: the folder of a session that keeps nothing.

use std::path::Path;
use std::{io, process};

use tempfile::TempDir;

/// A folder that goes when it is dropped, but not when a forked child drops its copy.
#[derive(Debug)]
pub(crate) struct TemporaryRoot {
    folder: TempDir,
    process: u32,
}

impl TemporaryRoot {
    pub(crate) fn try_new() -> io::Result<Self> {
        Ok(Self { folder: TempDir::with_prefix("lakebed-")?, process: process::id() })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for TemporaryRoot {
    fn drop(&mut self) {
        self.folder.disable_cleanup(process::id() != self.process);
    }
}
