//! Walks local folders on a blocking thread and turns what it finds into batches of `File` rows.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;

use super::glob::{Pattern, Walk};
use super::rows::{BATCH_ROWS, Batch, FileRow, Rows};
use super::{FileAt, ends_with};
use crate::blocking::{Taker, from_thread};
use crate::storage::files::{self, Closed, FileState, Found};
use crate::{Error, Result};

/// Files that are looked at side by side.
const LOOKED_AT_ONCE: usize = 2048;

/// Starts to walk when first polled; dropping the stream stops the walk at its next batch.
pub(super) fn batches(patterns: Arc<Vec<Pattern>>, schema: SchemaRef) -> BoxStream<'static, Batch> {
    from_thread("lakebed-walk", 2, move |found| walk_all(&patterns, &schema, found))
}

/// Takes the files that are found.
type Finder = Taker<RecordBatch, Error>;

fn walk_all(patterns: &[Pattern], schema: &SchemaRef, found: &Finder) -> Result<()> {
    for walk in walks(patterns)? {
        let mut rows = Rows::new(Arc::clone(schema));
        walk_one(&walk, &mut rows, found)?;
        if rows.len() > 0 {
            found.take(rows.finish()?);
        }
    }
    Ok(())
}

fn walks(patterns: &[Pattern]) -> Result<Vec<Walk>> {
    let walks = patterns.iter().map(Pattern::walks).collect::<Result<Vec<_>>>()?;
    Ok(walks.into_iter().flatten().collect())
}

fn walk_one(walk: &Walk, rows: &mut Rows, found: &Finder) -> Result<()> {
    each_file(walk, |base, file, state| {
        rows.push(&FileRow {
            source: &format!("file://{}", utf8(base)?.trim_end_matches('/')),
            path: utf8(file.strip_prefix(base).unwrap_or(file))?,
            size: state.bytes,
            version: "",
            etag: &etag(state),
            modified_micros: i64::try_from(state.modified_since_epoch().as_micros())
                .unwrap_or(i64::MAX),
        });
        let is_full = rows.len() == BATCH_ROWS;
        Ok(!is_full || found.take(rows.finish()?))
    })
}

/// The files that the patterns name; below a folder only those whose names end so, and none that is private.
pub(super) fn files_of(patterns: &[Pattern], endings: &[&str]) -> Result<Vec<FileAt>> {
    let mut found = Vec::new();
    for walk in walks(patterns)? {
        // Then it is this very file that the user named.
        let is_named = files::is_file(&walk.base);
        each_file(&walk, |base, file, _| {
            let below = file.strip_prefix(base).unwrap_or(file);
            let is_asked =
                walk.is_pattern() || file.to_str().is_some_and(|path| ends_with(path, endings));
            if is_named || (is_asked && !walk.is_private(below)) {
                let (path, below) = (utf8(file)?.to_owned(), utf8(below)?.to_owned());
                found.push(FileAt { path, below, uri: None, listed: None });
            }
            Ok(true)
        })?;
    }
    Ok(found)
}

/// Calls `visit` with the base, the path and the state of each file until it returns false.
fn each_file(
    walk: &Walk,
    mut visit: impl FnMut(&Path, &Path, &FileState) -> Result<bool>,
) -> Result<()> {
    let shown = walk.base.as_str();
    let base = files::absolute(shown).map_err(|error| refused(shown, error))?;
    match files::look(&base).map_err(|error| refused(shown, error))? {
        Found::File(state) => {
            visit(base.parent().unwrap_or(&base), &base, &state)?;
            return Ok(());
        }
        Found::Folder => {}
        Found::Other => {
            return Err(Error::NotSupported {
                what: format!("`{shown}`, which is neither a file nor a folder,"),
                instead: "give a file, a folder or a glob".to_owned(),
            });
        }
    }
    let mut files = files::below(&base, walk.recursive).peekable();
    while files.peek().is_some() {
        let mut some = Vec::with_capacity(LOOKED_AT_ONCE);
        for file in files.by_ref().take(LOOKED_AT_ONCE) {
            let file = file.map_err(|Closed { path, error }| {
                refused(path.as_deref().unwrap_or(shown), error)
            })?;
            if walk.matches(file.path().strip_prefix(&base).unwrap_or_else(|_| file.path())) {
                some.push(file);
            }
        }
        for (file, state) in some.iter().zip(files::states(&some)) {
            let state = state.map_err(|error| refused(shown, error))?;
            if !visit(&base, file.path(), &state)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn refused(path: &str, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::PathNotFound { path: path.to_owned() };
    }
    crate::error::refused("list", path, error)
}

/// Time and bytes, and what changes when a file is replaced by another of the same time and bytes: its inode, and when
/// that was changed last. `lakebed/_listed.py` makes the same of a file that is read.
pub(in crate::source) fn etag(state: &FileState) -> String {
    let FileState { bytes, changed: (seconds, nanos), inode, .. } = state;
    let changed = i128::from(*seconds) * 1_000_000_000 + i128::from(*nanos);
    let modified = state.modified_since_epoch().as_nanos();
    format!("{modified:x}-{bytes:x}-{inode:x}-{:x}", changed.max(0))
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::NotSupported {
        what: format!("the file name `{}`, which is not UTF-8,", path.display()),
        instead: "rename the file".to_owned(),
    })
}
