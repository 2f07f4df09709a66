//! [`Fragments`]: reads columns of a version out of its files, of ranges of rows.
//!
//! Texts that repeat lie in files as a dictionary and a place in it for each row. They are handed on like that: Lance would
//! write them out text by text, which takes several times as long as to do it for all rows of a batch at once.
//!
//! Files are read ahead window by window. Lance (14) bounds what it reads ahead by holding reads back, and may hold back
//! the one that all others wait for: where reading begins in the middle of pages, those of some columns begin earlier, are
//! read first, and fill the room until the page that is needed next has come.

use std::collections::HashSet;
use std::future::ready;
use std::mem::take;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use datafusion::common::internal_err;
use datafusion::error::Result as PlanResult;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use lance::Dataset;
use lance::dataset::fragment::{BaseSchedulers, FileFragment, FragReadConfig, FragmentReader};
use lance::dataset::scanner::FragmentSlice;
use lance_core::datatypes::{Field, LogicalType, Schema};
use lance_core::{Error, Result};
use lance_encoding::decoder::{ColumnInfo, PageEncoding, PageInfo};
use lance_encoding::format::metadata::PageLayout;
use lance_encoding::format::metadata::page_layout::Layout;
use lance_io::scheduler::{ScanScheduler, SchedulerConfig};
use lance_table::format::DataFile;
use object_store::path::Path;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use udf_runtime::task;

use super::memory::nulls_below;
use crate::memory::Memory;

#[cfg(test)]
mod tests;

/// The column with the rows' addresses.
pub(super) const ROW_ADDRESS: &str = "_rowaddr";

/// Fragments that are opened, and windows that are begun, before their rows are asked for, so that storage is not waited
/// for.
const BEGUN_AT_ONCE: usize = 16;

/// Parts of what may be read ahead that are a window: some are on their way while one is decoded.
const WINDOWS: u64 = 4;

/// Lance takes this to mean that it should hold no read back.
const NO_READ_WAITS: u64 = 0;

/// Fewer rows cost as much to read as these, for they lie in blocks.
const LEAST_ROWS: u64 = 512;

/// Batches of a partition that are decoded at once.
const DECODED_AT_ONCE: usize = 2;

/// Longer texts than these, in the file, are not handed on as places in a dictionary: how many bytes the rows of a batch
/// take is seen only when they are written out.
const LONG_BYTES: u64 = 256;

/// Where the files of a dataset lie below its folder.
const DATA_FOLDER: &str = "data";

/// Which of a page's buffers is the dictionary.
const DICTIONARY: usize = 2;

/// Reads the same columns of several fragments of a version.
pub(super) struct Fragments {
    dataset: Arc<Dataset>,
    columns: Schema,
    /// The fields that are read.
    fields: HashSet<i32>,
    /// Those among them that hold texts.
    texts: Vec<i32>,
    scheduler: Arc<ScanScheduler>,
    config: FragReadConfig,
    batch_rows: u32,
    memory: Memory,
}

impl Fragments {
    /// `paths` lead from columns to fields within them. Files are read ahead as far as there is memory for it.
    pub(super) async fn new<'p>(
        dataset: Arc<Dataset>,
        paths: impl Iterator<Item = &'p [String]>,
        memory: Memory,
        batch_rows: usize,
    ) -> Result<Self> {
        let columns = columns(dataset.schema(), paths)?;
        let mut texts = vec![];
        texts_in(&columns.fields, &mut texts);
        let scheduler = scheduler(&dataset, None).await?;
        let config = FragReadConfig::default()
            .with_scan_scheduler(Arc::clone(&scheduler))
            .with_base_schedulers(BaseSchedulers::new(NO_READ_WAITS));
        let batch_rows = u32::try_from(batch_rows).unwrap_or(u32::MAX).max(1);
        let fields = columns.field_ids().into_iter().collect();
        Ok(Self { dataset, columns, fields, texts, scheduler, config, batch_rows, memory })
    }

    /// With the rows' addresses.
    pub(super) fn with_addresses(mut self) -> Self {
        self.config = self.config.with_row_address(true);
        self
    }

    /// The rows of the slices, in their order, without those that are masked. Slices of a fragment stand together.
    pub(super) fn read(
        self,
        slices: &[FragmentSlice],
    ) -> impl Stream<Item = Result<RecordBatch>> + Send + use<> {
        let of_fragments = slices.chunk_by(|one, next| one.fragment_id == next.fragment_id);
        let of_fragments: Vec<Vec<FragmentSlice>> = of_fragments.map(<[_]>::to_vec).collect();
        let room = Arc::new(Semaphore::new(kib(self.memory.read_ahead_bytes()) as usize));
        let reading = Arc::new(self);
        let opened = stream::iter((0..).zip(of_fragments)).map(move |(priority, slices)| {
            let reading = Arc::clone(&reading);
            spawned(async move { reading.open(priority, &slices).await })
        });
        let windows =
            opened.buffered(BEGUN_AT_ONCE).map_ok(|windows| stream::iter(windows).map(Ok));
        // One after the other: none may wait for room that one behind it has.
        let begun = windows.try_flatten().and_then(move |window| {
            let room = Arc::clone(&room).acquire_many_owned(window.kib);
            async move {
                let room = room.await.map_err(|closed| Error::io(closed.to_string()))?;
                Ok(spawned(window.begin(room)))
            }
        });
        let batches = begun.try_buffered(BEGUN_AT_ONCE).try_flatten().try_buffered(DECODED_AT_ONCE);
        batches.try_filter(|batch| ready(batch.num_rows() > 0))
    }

    /// Looks at one fragment, of which these slices are to be read.
    async fn open(&self, priority: u32, slices: &[FragmentSlice]) -> Result<Vec<Window>> {
        let number = slices.first().map_or(0, |slice| slice.fragment_id);
        let Some(fragment) = self.dataset.get_fragment(number as usize) else {
            return Err(Error::internal(format!("there is no fragment {number}")));
        };
        let mut columns = self.columns.clone();
        let looked = self.look(&fragment, priority).await?;
        for text in looked.coded {
            if let Some(field) = columns.mut_field_by_id(text) {
                let values = Box::new(field.data_type());
                let kind = DataType::Dictionary(Box::new(DataType::Int32), values);
                field.logical_type = LogicalType::try_from(&kind)?;
            }
        }
        let config = self.config.clone().with_reader_priority(priority);
        let reader = fragment.open(&columns, config).await?;
        let fitting = self.memory.batch_bytes() / looked.value_bytes.max(1);
        let batch_rows = u32::try_from(fitting).unwrap_or(u32::MAX).clamp(1, self.batch_rows);
        let ahead_bytes = self.memory.read_ahead_bytes();
        let windows = windows(slices, looked.row_bytes, u64::from(batch_rows), ahead_bytes);
        let window = |(ranges, kib)| Window { reader: reader.clone(), ranges, batch_rows, kib };
        Ok(windows.into_iter().map(window).collect())
    }

    /// Looks into the files of a fragment.
    async fn look(&self, fragment: &FileFragment, priority: u32) -> Result<Looked> {
        let mut looked = Looked::default();
        for file in &fragment.metadata().files {
            let columns = file.fields.iter().zip(file.column_indices.iter());
            let columns: Vec<_> = columns.filter(|(id, _)| self.fields.contains(id)).collect();
            if columns.is_empty() {
                continue;
            }
            let scheduler = match file.base_id {
                None => Arc::clone(&self.scheduler),
                base => scheduler(&self.dataset, base).await?,
            };
            let (path, size) = (self.folder(file)?.join(file.path.as_str()), &file.file_size_bytes);
            let opened = scheduler.open_file_with_priority(&path, priority.into(), size).await?;
            // It is kept. Where most columns are read, those that read them look there too.
            let metadata = fragment.get_file_metadata(&opened).await?;
            let (mut bytes, mut values) = (0, 0);
            for (id, column) in columns {
                let column = usize::try_from(*column).ok();
                let Some(column) = column.and_then(|at| metadata.column_infos.get(at)) else {
                    continue;
                };
                for page in column.page_infos.iter() {
                    let buffers = page.buffer_offsets_and_sizes.iter();
                    let of_page: u64 = buffers.map(|(_, bytes)| bytes).sum();
                    bytes += of_page;
                    let value_bytes = dictionary_value_bytes(page).unwrap_or_default();
                    values += of_page.max(value_bytes * page.num_rows);
                }
                if self.texts.contains(id) && is_coded(column) {
                    looked.coded.push(*id);
                }
            }
            looked.row_bytes += bytes / metadata.num_rows.max(1);
            looked.value_bytes += values / metadata.num_rows.max(1);
        }
        Ok(looked)
    }

    /// Where the file lies: in the version's own folder, or in that of a version that it was derived from.
    fn folder(&self, file: &DataFile) -> Result<Path> {
        let Some(base) = file.base_id else { return Ok(self.dataset.data_dir()) };
        let Some(base) = self.dataset.manifest().base_paths.get(&base) else {
            return Err(Error::internal(format!("there is no base {base}")));
        };
        let path = base.extract_path(self.dataset.session().store_registry())?;
        Ok(if base.is_dataset_root { path.join(DATA_FOLDER) } else { path })
    }
}

/// What is known of a fragment before it is read.
#[derive(Default)]
struct Looked {
    /// The texts that its files hold as places in dictionaries, everywhere.
    coded: Vec<i32>,
    /// What a row takes in them.
    row_bytes: u64,
    /// What it takes in memory, about.
    value_bytes: u64,
}

async fn scheduler(dataset: &Dataset, base: Option<u32>) -> Result<Arc<ScanScheduler>> {
    let store = dataset.object_store(base).await?;
    Ok(ScanScheduler::new(store, SchedulerConfig::new(NO_READ_WAITS)))
}

/// The future on a task of its own: what waits to be asked for would keep what it has read.
fn spawned<T: Send + 'static>(
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> impl Future<Output = Result<T>> {
    let begun = task::spawn(future);
    async move { begun.await.map_err(|stopped| Error::io(stopped.to_string()))? }
}

/// Batches that are decoded when they are asked for.
type Decoding = BoxStream<'static, Result<BoxFuture<'static, Result<RecordBatch>>>>;

/// Rows of a fragment that are read together.
struct Window {
    reader: FragmentReader,
    ranges: Vec<Range<u64>>,
    batch_rows: u32,
    /// What they take in the file, about.
    kib: u32,
}

impl Window {
    /// Begins to read, and gives the room back when all was taken.
    async fn begin(self, room: OwnedSemaphorePermit) -> Result<Decoding> {
        let batches = self.reader.read_ranges(self.ranges.into(), self.batch_rows).await?;
        let held = move |batch| {
            let _until_the_last = &room;
            Ok(batch)
        };
        Ok(batches.map(held).boxed())
    }
}

/// Cuts slices into windows that take a part of the room, and says how much.
fn windows(
    slices: &[FragmentSlice],
    row_bytes: u64,
    batch_rows: u64,
    ahead_bytes: u64,
) -> Vec<(Vec<Range<u64>>, u32)> {
    let fitting = (ahead_bytes / WINDOWS / row_bytes.max(1)).max(1);
    // Whole batches, if there is room for one.
    let most = if fitting > batch_rows { fitting - fitting % batch_rows } else { fitting };
    let (mut windows, mut ranges, mut rows) = (vec![], vec![], 0);
    let mut close = |ranges: &mut Vec<Range<u64>>, rows: &mut u64| {
        let bytes = (*rows * row_bytes).min(ahead_bytes);
        windows.push((take(ranges), kib(bytes)));
        *rows = 0;
    };
    for slice in slices {
        let (mut start, end) = (slice.row_offset, slice.row_offset + slice.row_count);
        while start < end {
            let taken = (end - start).min(most - rows);
            ranges.push(start..start + taken);
            start += taken;
            rows = (rows + taken.max(LEAST_ROWS)).min(most);
            if rows == most {
                close(&mut ranges, &mut rows);
            }
        }
    }
    if !ranges.is_empty() {
        close(&mut ranges, &mut rows);
    }
    windows
}

/// Rounded up: what takes room takes some.
fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024).max(1)).unwrap_or(u32::MAX)
}

/// The columns with what these paths lead to and no more.
pub(super) fn columns<'p>(
    schema: &Schema,
    paths: impl Iterator<Item = &'p [String]>,
) -> Result<Schema> {
    let fields = paths.map(|path| Ok(field(schema, path)?.id));
    Ok(schema.project_by_ids(&fields.collect::<Result<Vec<_>>>()?, true))
}

/// The field that a path leads to.
fn field<'s>(schema: &'s Schema, path: &[String]) -> Result<&'s Field> {
    let (mut fields, mut found) = (&schema.fields, None);
    for step in path {
        found = fields.iter().find(|field| field.name == *step);
        let Some(field) = found else { break };
        fields = &field.children;
    }
    found.ok_or_else(|| Error::invalid_input(format!("there is no column {}", path.join("."))))
}

/// Adds the texts among the fields and those of structs among them.
fn texts_in(fields: &[Field], texts: &mut Vec<i32>) {
    for field in fields {
        match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => texts.push(field.id),
            DataType::Struct(_) => texts_in(&field.children, texts),
            _ => {}
        }
    }
}

/// Whether all pages of a column hold places in a dictionary of short texts.
fn is_coded(column: &ColumnInfo) -> bool {
    let mut pages = column.page_infos.iter();
    pages.len() > 0
        && pages.all(|page| dictionary_value_bytes(page).is_some_and(|bytes| bytes <= LONG_BYTES))
}

/// What a value of the dictionary takes, if the page holds places in one.
fn dictionary_value_bytes(page: &PageInfo) -> Option<u64> {
    let PageEncoding::Structural(PageLayout { layout: Some(Layout::MiniBlockLayout(block)) }) =
        &page.encoding
    else {
        return None;
    };
    block.dictionary.as_ref()?;
    let (_, bytes) = page.buffer_offsets_and_sizes.get(DICTIONARY)?;
    Some(bytes.div_ceil(block.num_dictionary_items.max(1)))
}

/// What stands at a path in these rows, null where anything above it is.
pub(super) fn at_path(rows: &RecordBatch, path: &[String]) -> PlanResult<ArrayRef> {
    let (first, below) = path.split_first().unzip();
    let mut found = first.and_then(|name| rows.column_by_name(name)).cloned();
    for step in below.unwrap_or_default() {
        let above = found.as_ref().and_then(|column| column.as_struct_opt());
        let field = above.and_then(|above| Some((above.column_by_name(step)?, above.nulls())));
        found = field.map(|(field, nulls)| nulls_below(field, nulls)).transpose()?;
    }
    let Some(found) = found else {
        return internal_err!("{} was not read", path.join("."));
    };
    Ok(found)
}
