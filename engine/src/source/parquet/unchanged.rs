//! [`Opened`]: what a file was when its footer was read, and whether it still is that.
//!
//! What a footer says of another file's values gives wrong rows without an error, or damage where none is.

use std::io::ErrorKind;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::Schema;
use datafusion::object_store::ObjectMeta;

use crate::error::refused;
use crate::identity::FileIdentity;
use crate::source::listing::{FileRow, Rows, etag, file_field};
use crate::source::{FileAt, FileKind};
use crate::storage::Uri;
use crate::storage::files::FileState;
use crate::{Error, Result};

/// A file, as it was when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source) struct Opened {
    pub(in crate::source) path: String,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    File(FileState),
    /// Nobody looks at it again: each read asks for what it was.
    Object {
        bytes: u64,
        modified: i64,
        e_tag: Option<String>,
    },
}

impl Opened {
    /// The file as it is now.
    pub(in crate::source) fn now(path: &str) -> Result<Self> {
        let state = FileState::of(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::PathNotFound { path: path.to_owned() },
            _ => refused("read", path, error),
        })?;
        Ok(Self { path: path.to_owned(), state: State::File(state) })
    }

    /// An object as its store tells.
    pub(in crate::source) fn object(uri: &Uri, found: &ObjectMeta) -> Self {
        let modified = found.last_modified.timestamp_micros();
        Self::of_store(uri, found.size, modified, found.e_tag.clone())
    }

    /// An object of which this is known.
    pub(in crate::source) fn of_store(
        uri: &Uri,
        bytes: u64,
        modified: i64,
        e_tag: Option<String>,
    ) -> Self {
        Self { path: uri.to_string(), state: State::Object { bytes, modified, e_tag } }
    }

    /// The file as one row of `File`.
    pub(in crate::source) fn row(&self, at: &FileAt) -> Result<ArrayRef> {
        let (source, path) = match &at.uri {
            Some(uri) => (uri.place(), uri.key.as_str()),
            None => {
                let folder = self.path.strip_suffix(&at.below).unwrap_or_default();
                (format!("file://{}", folder.trim_end_matches('/')), at.below.as_str())
            }
        };
        let (size, etag, modified_micros) = match &self.state {
            State::File(state) => {
                let modified = i64::try_from(state.modified_since_epoch().as_micros());
                (state.bytes, etag(state), modified.unwrap_or(i64::MAX))
            }
            State::Object { bytes, modified, e_tag } => {
                let etag = e_tag.as_deref().unwrap_or_default().trim_matches('"');
                (*bytes, etag.to_owned(), *modified)
            }
        };
        let (source, etag) = (source.as_str(), etag.as_str());
        let file = FileRow { source, path, size, version: "", etag, modified_micros };
        let mut rows = Rows::new(Arc::new(Schema::new(vec![file_field("file", FileKind::Binary)])));
        rows.push(&file);
        Ok(Arc::clone(rows.finish()?.column(0)))
    }

    /// What the file is.
    pub(in crate::source) fn identity(&self) -> FileIdentity {
        let (path, folders) = (self.path.clone(), Vec::new());
        match &self.state {
            State::Object { bytes, modified, e_tag } => FileIdentity {
                path,
                bytes: *bytes,
                modified: *modified,
                e_tag: e_tag.clone(),
                changed: None,
                folders,
            },
            State::File(FileState { bytes, modified: (seconds, nanos), changed, .. }) => {
                FileIdentity {
                    path,
                    bytes: *bytes,
                    modified: seconds * 1_000_000 + nanos / 1000,
                    e_tag: None,
                    changed: Some(*changed),
                    folders,
                }
            }
        }
    }

    /// Refuses a file that is another one by now.
    pub(in crate::source) fn check(&self) -> Result<()> {
        let State::File(was) = &self.state else { return Ok(()) };
        let now = Self::now(&self.path)?;
        let is = match &now.state {
            State::File(is) if is != was => is,
            _ => return Ok(()),
        };
        let how = if is.bytes == was.bytes {
            "was written anew since it was listed".to_owned()
        } else {
            format!("had {} bytes when it was listed and has {} now", was.bytes, is.bytes)
        };
        Err(Error::FileChanged { path: self.path.clone(), how })
    }

    /// Refuses one that was written while it was read; that it is gone does not change what was read.
    pub(in crate::source) fn check_after(&self) -> Result<()> {
        match self.check() {
            Err(error @ Error::FileChanged { .. }) => Err(error),
            _ => Ok(()),
        }
    }

    /// Why reading it failed: with this error, unless there is a reason for that.
    pub(in crate::source) fn reason(&self, error: Error) -> Error {
        self.check().err().unwrap_or(error)
    }
}
