//! Results that take much room, in a file of columns as versions of datasets have them: Lance's.
//!
//! It is written through and read from a file of this machine like other units, so that its digest is known and looked at in
//! the same way.

use std::io::{self, Write};
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use lance_core::cache::LanceCache;
use lance_core::datatypes::Schema as LanceSchema;
use lance_core::deepsize::{Context as SizeContext, DeepSizeOf};
use lance_encoding::decoder::{DecoderPlugins, FilterExpression};
use lance_file::reader::{FileReader, FileReaderOptions};
use lance_file::version::{ConcreteFileVersion, stable_file_version};
use lance_file::versions::{create_writer, data_file_columns, reader_projection_from_whole_schema};
use lance_file::writer::FileWriterOptions;
use lance_io::ReadBatchParams;
use lance_io::object_store::ObjectStore;
use lance_io::object_writer::WriteResult;
use lance_io::scheduler::{ScanScheduler, SchedulerConfig};
use lance_io::traits::{Reader, Writer};
use object_store::path::Path;
use tokio::io::AsyncWrite;
use tokio::runtime::Handle;

use super::unit::{ColumnFile, Digested, WHAT, unreadable};
use crate::adapter::error::LanceResultExt;
use crate::blocking::blocking;
use crate::error::refused;
use crate::storage::{Fetched, Staged};
use crate::stored::stored_schema;
use crate::{Error, Result};

/// Units with so much are files of columns. Less is written twice in no time, and a dataset of many small files is slow to read.
pub(crate) const WORTH_BYTES: usize = 32 << 20;

/// The format that is written here, as files of versions are.
pub(crate) const FORMAT: ConcreteFileVersion = stable_file_version();

/// Bytes that are read at once where several pieces are near each other, as Lance has it for local files.
const BLOCK_BYTES: usize = 4 << 10;

/// No read is held back: few rows are read at once.
const NO_READ_WAITS: u64 = 0;

/// The numbers that columns have in the file; `None` for columns that come back in another way than they went in.
pub(crate) fn numbered(schema: &Schema) -> Option<LanceSchema> {
    let numbered = LanceSchema::try_from(schema).ok()?;
    let is_same = stored_schema(schema).fields() == schema.fields()
        && Schema::from(&numbered).fields() == schema.fields();
    is_same.then_some(numbered)
}

/// Where each column of such a file is, by its number.
pub(crate) fn places(schema: &LanceSchema) -> Vec<(i32, i32)> {
    let (numbers, places) = data_file_columns(FORMAT, schema);
    numbers.into_iter().zip(places).collect()
}

/// Writes a file that nobody can see yet; what it is, and its digest. Blocks.
pub(super) fn write(
    file: Staged,
    schema: &LanceSchema,
    rows: &[RecordBatch],
) -> Result<(Staged, ColumnFile, String)> {
    let written = Arc::new(Mutex::new(Digested::new(file)));
    let to = Through { file: Arc::clone(&written), at: 0 };
    let options = FileWriterOptions { keep_original_array: Some(true), ..Default::default() };
    let write = async {
        let mut writer = create_writer(FORMAT, Box::new(to), schema.clone(), options)?;
        writer.write_batches(rows.iter()).await?;
        writer.finish().await
    };
    let bytes = Handle::current().block_on(write).lance("write", WHAT)?.size_bytes;
    let written =
        Arc::into_inner(written).ok_or_else(|| Error::internal("a unit is open still"))?;
    let (file, check) = written.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
    Ok((file, ColumnFile { bytes, format: FORMAT.to_data_file_numbers() }, check))
}

/// What Lance writes goes through to a file.
struct Through {
    file: Arc<Mutex<Digested>>,
    at: usize,
}

impl AsyncWrite for Through {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.file.lock().unwrap_or_else(PoisonError::into_inner).write(bytes);
        self.at += written.as_ref().copied().unwrap_or_default();
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.file.lock().unwrap_or_else(PoisonError::into_inner).flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

#[async_trait]
impl Writer for Through {
    async fn tell(&mut self) -> lance_core::Result<usize> {
        Ok(self.at)
    }

    async fn shutdown(&mut self) -> lance_core::Result<WriteResult> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).flush()?;
        Ok(WriteResult { size: self.at, e_tag: None })
    }
}

/// Reads a file of columns.
pub(crate) struct Columns(FileReader);

impl Columns {
    /// The columns in a file whose digest is known to be right.
    pub(super) async fn open(file: Fetched) -> Result<Self> {
        let bytes = file.bytes().map_err(|error| refused("read", WHAT, error))?;
        let bytes = usize::try_from(bytes).map_err(unreadable)?;
        let reader = Pieces { file: Arc::new(file), bytes, path: Path::default() };
        let store = Arc::new(ObjectStore::local());
        let config = SchedulerConfig::new(NO_READ_WAITS);
        let scheduler = ScanScheduler::new(store, config).open_reader(Arc::new(reader));
        let plugins = Arc::<DecoderPlugins>::default();
        let (cache, options) = (LanceCache::no_cache(), FileReaderOptions::default());
        let opened = FileReader::try_open(scheduler, None, plugins, &cache, options).await;
        opened.map(Self).lance("read", WHAT)
    }

    /// These rows.
    pub(super) async fn rows(&self, rows: Range<u64>) -> Result<RecordBatch> {
        let at = |row: u64| usize::try_from(row).map_err(unreadable);
        let range = at(rows.start)?..at(rows.end)?;
        let height = u32::try_from(range.len()).map_err(unreadable)?;
        let every = FilterExpression::no_filter();
        let projection = reader_projection_from_whole_schema(self.0.schema(), self.0.version());
        let params = ReadBatchParams::Range(range);
        let read = self.0.read_stream_projected(params, height.max(1), 1, projection, every);
        let read = read.await.lance("read", WHAT)?;
        let schema: SchemaRef = Arc::new(Schema::from(self.0.schema().as_ref()));
        let batches: Vec<RecordBatch> = read.try_collect().await.lance("read", WHAT)?;
        concat_batches(&schema, &batches).map_err(unreadable)
    }
}

/// Pieces of a file, for Lance.
#[derive(Debug)]
struct Pieces {
    file: Arc<Fetched>,
    bytes: usize,
    /// Not that of the file, which may have none.
    path: Path,
}

impl DeepSizeOf for Pieces {
    fn deep_size_of_children(&self, _: &mut SizeContext) -> usize {
        0
    }
}

impl Reader for Pieces {
    fn path(&self) -> &Path {
        &self.path
    }

    fn block_size(&self) -> usize {
        BLOCK_BYTES
    }

    fn io_parallelism(&self) -> usize {
        1
    }

    fn size(&self) -> BoxFuture<'_, object_store::Result<usize>> {
        futures::future::ready(Ok(self.bytes)).boxed()
    }

    fn get_range(
        &self,
        range: Range<usize>,
    ) -> BoxFuture<'static, object_store::Result<bytes::Bytes>> {
        let file = Arc::clone(&self.file);
        let read = move || file.read_at(range).map(Into::into);
        let failed = |error: io::Error| object_store::Error::Generic {
            store: "unit",
            source: Box::new(error),
        };
        async move { blocking(read).await.map_err(failed) }.boxed()
    }

    fn get_all(&self) -> BoxFuture<'_, object_store::Result<bytes::Bytes>> {
        self.get_range(0..self.bytes)
    }
}

#[cfg(test)]
mod tests;
