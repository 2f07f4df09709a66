//! [`Temporary`]: the folder of a session that keeps nothing.

use std::io;
use std::path::Path;

use tempfile::TempDir;
use udf_runtime::OwnedByProcess;

/// A folder that goes when it is dropped, but not when a forked child drops its copy.
#[derive(Debug)]
pub(super) struct Temporary(OwnedByProcess<TempDir>);

impl Temporary {
    pub(super) fn try_new() -> io::Result<Self> {
        let mut folder = TempDir::with_prefix("lakebed-")?;
        folder.disable_cleanup(true);
        Ok(Self(OwnedByProcess::new(folder, |folder| folder.disable_cleanup(false))))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}
