//! Walks local folders on a blocking thread and turns what it finds into batches of `File` rows.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use arrow::array::{
    ArrayRef, BooleanArray, Int64Builder, StringArray, StringBuilder, StructArray,
    TimestampMicrosecondBuilder, new_null_array,
};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use futures::stream::{BoxStream, StreamExt, unfold};
use tokio::sync::mpsc;
use udf_runtime::task;
use walkdir::WalkDir;

use super::FileAt;
use super::glob::{Pattern, Target};
use crate::{Error, Result};

/// Rows of a batch: small enough that the first results come at once.
const BATCH_ROWS: usize = 8192;

type Found = Result<RecordBatch>;

/// Starts to walk when first polled; dropping the stream stops the walk at its next batch.
pub(super) fn batches(patterns: Arc<Vec<Pattern>>, schema: SchemaRef) -> BoxStream<'static, Found> {
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

fn walk_all(patterns: &[Pattern], schema: &SchemaRef, found: &mpsc::Sender<Found>) -> Result<()> {
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

fn walk_one(target: &Target, rows: &mut Rows, found: &mpsc::Sender<Found>) -> Result<()> {
    each_file(target, |base, file, metadata| {
        rows.push(base, file, metadata)?;
        let is_full = rows.count == BATCH_ROWS;
        Ok(!is_full || found.blocking_send(rows.finish()).is_ok())
    })
}

/// The files that the patterns name; below a folder only those with this extension, and none that is private.
pub(super) fn files(patterns: &[Pattern], extension: &str) -> Result<Vec<FileAt>> {
    let mut files = Vec::new();
    for target in targets(patterns)? {
        // Then it is this very file that the user named.
        let is_named = target.base.is_file();
        each_file(&target, |base, file, _| {
            let below = file.strip_prefix(base).unwrap_or(file);
            let is_asked = target.is_pattern() || file.extension().is_some_and(|e| e == extension);
            if is_named || (is_asked && !target.is_private(below)) {
                files.push(FileAt { path: utf8(file)?.to_owned(), below: utf8(below)?.to_owned() });
            }
            Ok(true)
        })?;
    }
    Ok(files)
}

/// Calls `visit` with the base, the path and the metadata of each file until it returns false.
fn each_file(
    target: &Target,
    mut visit: impl FnMut(&Path, &Path, &Metadata) -> Result<bool>,
) -> Result<()> {
    let shown = || target.base.display().to_string();
    let base = std::path::absolute(&target.base).map_err(|error| refused(&shown(), error))?;
    let metadata = base.metadata().map_err(|error| refused(&shown(), error))?;
    if metadata.is_file() {
        visit(base.parent().unwrap_or(&base), &base, &metadata)?;
        return Ok(());
    }
    if !metadata.is_dir() {
        return Err(Error::NotSupported {
            what: format!("`{}`, which is neither a file nor a folder,", shown()),
            instead: "give a file, a folder or a glob".to_owned(),
        });
    }
    let depth = if target.recursive { usize::MAX } else { 1 };
    for entry in WalkDir::new(&base).follow_links(true).sort_by_file_name().max_depth(depth) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if leads_nowhere(&error) => continue,
            Err(error) => {
                let path = error.path().map_or_else(shown, |path| path.display().to_string());
                return Err(refused(&path, error.into()));
            }
        };
        let relative = entry.path().strip_prefix(&base).unwrap_or_else(|_| entry.path());
        if !entry.file_type().is_file() || !target.matches(relative) {
            continue;
        }
        let metadata = entry.metadata().map_err(|error| refused(&shown(), error.into()))?;
        if !visit(&base, entry.path(), &metadata)? {
            return Ok(());
        }
    }
    Ok(())
}

/// A link to nowhere or to a folder above is not a file.
fn leads_nowhere(error: &walkdir::Error) -> bool {
    let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    error.loop_ancestor().is_some() || error.io_error().is_some_and(is_gone)
}

fn refused(path: &str, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        return Error::PathNotFound { path: path.to_owned() };
    }
    Error::Storage {
        action: "list",
        location: path.to_owned(),
        reason: error.to_string(),
        source: Some(Box::new(error)),
    }
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

    fn push(&mut self, base: &Path, file: &Path, metadata: &Metadata) -> Result<()> {
        let relative = file.strip_prefix(base).unwrap_or(file);
        self.source.append_value(format!("file://{}", utf8(base)?.trim_end_matches('/')));
        self.path.append_value(utf8(relative)?);
        self.size.append_value(i64::try_from(metadata.len()).unwrap_or(i64::MAX));
        let age = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let age = age.unwrap_or_default();
        self.etag.append_value(etag(age, metadata));
        self.modified.append_value(i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
        self.count += 1;
        Ok(())
    }

    fn finish(&mut self) -> Found {
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
fn etag(age: Duration, metadata: &Metadata) -> String {
    let changed = i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec());
    let (nanos, bytes, inode) = (age.as_nanos(), metadata.len(), metadata.ino());
    format!("{nanos:x}-{bytes:x}-{inode:x}-{:x}", changed.max(0))
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::NotSupported {
        what: format!("the file name `{}`, which is not UTF-8,", PathBuf::from(path).display()),
        instead: "rename the file".to_owned(),
    })
}
