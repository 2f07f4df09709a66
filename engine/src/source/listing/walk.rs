//! Walks local folders on a blocking thread and turns what it finds into batches of `File` rows.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Builder, StringArray, StringBuilder, StructArray,
    TimestampMicrosecondBuilder, new_null_array,
};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use futures::stream::{BoxStream, StreamExt, unfold};
use tokio::sync::mpsc;
use udf_runtime::task;

use super::FileAt;
use super::glob::{Pattern, Target};
use crate::storage::files::{self, Closed, FileState, Found};
use crate::{Error, Result};

/// Rows of a batch: small enough that the first results come at once.
const BATCH_ROWS: usize = 8192;

type Batch = Result<RecordBatch>;

/// Starts to walk when first polled; dropping the stream stops the walk at its next batch.
pub(super) fn batches(patterns: Arc<Vec<Pattern>>, schema: SchemaRef) -> BoxStream<'static, Batch> {
    let start = async move {
        let (found, batches) = mpsc::channel(2);
        let walk = task::spawn_blocking(move || {
            if let Err(error) = walk_all(&patterns, &schema, &found) {
                // The consumer may be gone: then nobody waits for the error.
                drop(found.blocking_send(Err(error)));
            }
        });
        unfold((batches, walk), |(mut batches, walk)| async move {
            Some((batches.recv().await?, (batches, walk)))
        })
    };
    futures::stream::once(start).flatten().boxed()
}

fn walk_all(patterns: &[Pattern], schema: &SchemaRef, found: &mpsc::Sender<Batch>) -> Result<()> {
    for target in targets(patterns)? {
        let mut rows = Rows::new(Arc::clone(schema));
        walk_one(&target, &mut rows, found)?;
        if rows.count > 0 {
            drop(found.blocking_send(rows.finish()));
        }
    }
    Ok(())
}

fn targets(patterns: &[Pattern]) -> Result<Vec<Target>> {
    let targets = patterns.iter().map(Pattern::targets).collect::<Result<Vec<_>>>()?;
    Ok(targets.into_iter().flatten().collect())
}

fn walk_one(target: &Target, rows: &mut Rows, found: &mpsc::Sender<Batch>) -> Result<()> {
    each_file(target, |base, file, metadata| {
        rows.push(base, file, metadata)?;
        let is_full = rows.count == BATCH_ROWS;
        Ok(!is_full || found.blocking_send(rows.finish()).is_ok())
    })
}

/// The files that the patterns name; below a folder only those with this extension, and none that is private.
pub(super) fn files_of(patterns: &[Pattern], extension: &str) -> Result<Vec<FileAt>> {
    let mut found = Vec::new();
    for target in targets(patterns)? {
        // Then it is this very file that the user named.
        let is_named = files::is_file(&target.base);
        each_file(&target, |base, file, _| {
            let below = file.strip_prefix(base).unwrap_or(file);
            let is_asked = target.is_pattern() || file.extension().is_some_and(|e| e == extension);
            if is_named || (is_asked && !target.is_private(below)) {
                found.push(FileAt {
                    path: utf8(file)?.to_owned(),
                    below: utf8(below)?.to_owned(),
                    uri: None,
                });
            }
            Ok(true)
        })?;
    }
    Ok(found)
}

/// Calls `visit` with the base, the path and the state of each file until it returns false.
fn each_file(
    target: &Target,
    mut visit: impl FnMut(&Path, &Path, &FileState) -> Result<bool>,
) -> Result<()> {
    let shown = target.base.as_str();
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
    for file in files::below(&base, target.recursive) {
        let file = file
            .map_err(|Closed { path, error }| refused(path.as_deref().unwrap_or(shown), error))?;
        let relative = file.path().strip_prefix(&base).unwrap_or_else(|_| file.path());
        if !target.matches(relative) {
            continue;
        }
        let state = file.state().map_err(|error| refused(shown, error))?;
        if !visit(&base, file.path(), &state)? {
            return Ok(());
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

/// Columns of `File` under construction.
struct Rows {
    schema: SchemaRef,
    source: StringBuilder,
    path: StringBuilder,
    size: Int64Builder,
    etag: StringBuilder,
    modified: TimestampMicrosecondBuilder,
    count: usize,
}

impl Rows {
    fn new(schema: SchemaRef) -> Self {
        Self {
            schema,
            source: StringBuilder::new(),
            path: StringBuilder::new(),
            size: Int64Builder::new(),
            etag: StringBuilder::new(),
            modified: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            count: 0,
        }
    }

    fn push(&mut self, base: &Path, file: &Path, state: &FileState) -> Result<()> {
        let relative = file.strip_prefix(base).unwrap_or(file);
        self.source.append_value(format!("file://{}", utf8(base)?.trim_end_matches('/')));
        self.path.append_value(utf8(relative)?);
        self.size.append_value(i64::try_from(state.bytes).unwrap_or(i64::MAX));
        self.etag.append_value(etag(state));
        let modified = state.modified_since_epoch().as_micros();
        self.modified.append_value(i64::try_from(modified).unwrap_or(i64::MAX));
        self.count += 1;
        Ok(())
    }

    fn finish(&mut self) -> Batch {
        let rows = std::mem::take(&mut self.count);
        let DataType::Struct(fields) = self.schema.field(0).data_type() else {
            return Err(Error::internal("a listing's column is no struct"));
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.source.finish()),
            Arc::new(self.path.finish()),
            Arc::new(self.size.finish()),
            Arc::new(StringArray::from(vec![""; rows])),
            Arc::new(self.etag.finish()),
            Arc::new(BooleanArray::from(vec![true; rows])),
            Arc::new(self.modified.finish()),
            new_null_array(&DataType::Utf8, rows),
        ];
        let files = StructArray::try_new(fields.clone(), columns, None)
            .map_err(datafusion::error::DataFusionError::from)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            vec![Arc::new(files)],
            &options,
        );
        Ok(batch.map_err(datafusion::error::DataFusionError::from)?)
    }
}

/// Time and bytes, and what changes when a file is replaced by another of the same time and bytes: its inode, and when
/// that was changed last. `lakebed/_listed.py` makes the same of a file that is read.
fn etag(state: &FileState) -> String {
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
