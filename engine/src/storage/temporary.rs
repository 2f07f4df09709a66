//! [`Temporary`]: the folder of a session that keeps nothing.

use std::path::Path;
use std::{io, process};

use tempfile::TempDir;

/// A folder that goes when it is dropped, but not when a forked child drops its copy.
#[derive(Debug)]
pub(super) struct Temporary {
    folder: TempDir,
    process: u32,
}

impl Temporary {
    pub(super) fn try_new() -> io::Result<Self> {
        Ok(Self { folder: TempDir::with_prefix("lakebed-")?, process: process::id() })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        self.folder.disable_cleanup(process::id() != self.process);
    }
}
