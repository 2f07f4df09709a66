//! [`Opened`]: what a file was when its footer was read, and whether it still is that.
//!
//! What a footer says of another file's values gives wrong rows without an error, or damage where none is.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use crate::{Error, Result};

/// A file, as far as the file system tells without a look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) path: String,
    bytes: u64,
    modified: (i64, i64),
    /// When anything about it changed: whoever sets its time back cannot set this.
    changed: (i64, i64),
}

impl Opened {
    /// The file as it is now.
    pub(super) fn now(path: &str) -> Result<Self> {
        let found = fs::metadata(path).map_err(|error| refused(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }

    /// Refuses a file that is another one by now.
    pub(super) fn check(&self) -> Result<()> {
        let now = Self::now(&self.path)?;
        if now == *self {
            return Ok(());
        }
        let how = if now.bytes == self.bytes {
            "was written anew since it was listed".to_owned()
        } else {
            format!("had {} bytes when it was listed and has {} now", self.bytes, now.bytes)
        };
        Err(Error::FileChanged { path: self.path.clone(), how })
    }

    /// Refuses one that was written while it was read; that it is gone does not change what was read.
    pub(super) fn check_after(&self) -> Result<()> {
        match self.check() {
            Err(error @ Error::FileChanged { .. }) => Err(error),
            _ => Ok(()),
        }
    }

    /// Why reading it failed: with this error, unless there is a reason for that.
    pub(super) fn reason(&self, error: Error) -> Error {
        self.check().err().unwrap_or(error)
    }
}

fn refused(path: &str, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::PathNotFound { path: path.to_owned() };
    }
    Error::Storage {
        action: "read",
        location: path.to_owned(),
        reason: error.to_string(),
        source: Some(Box::new(error)),
    }
}
