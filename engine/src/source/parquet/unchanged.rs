//! [`Opened`]: what a file was when its footer was read, and whether it still is that.
//!
//! What a footer says of another file's values gives wrong rows without an error, or damage where none is.

use std::io::ErrorKind;

use crate::error::refused;
use crate::identity::FileIdentity;
use crate::storage::files::FileState;
use crate::{Error, Result};

/// A file, as it was when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) path: String,
    state: FileState,
}

impl Opened {
    /// The file as it is now.
    pub(super) fn now(path: &str) -> Result<Self> {
        let state = FileState::of(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::PathNotFound { path: path.to_owned() },
            _ => refused("read", path, error),
        })?;
        Ok(Self { path: path.to_owned(), state })
    }

    /// What the file is.
    pub(super) fn identity(&self) -> FileIdentity {
        let FileState { bytes, modified: (seconds, nanos), changed, .. } = self.state;
        FileIdentity {
            path: self.path.clone(),
            bytes,
            modified: seconds * 1_000_000 + nanos / 1000,
            e_tag: None,
            changed: Some(changed),
            folders: Vec::new(),
        }
    }

    /// Refuses a file that is another one by now.
    pub(super) fn check(&self) -> Result<()> {
        let now = Self::now(&self.path)?;
        if now == *self {
            return Ok(());
        }
        let how = if now.state.bytes == self.state.bytes {
            "was written anew since it was listed".to_owned()
        } else {
            format!(
                "had {} bytes when it was listed and has {} now",
                self.state.bytes, now.state.bytes
            )
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
