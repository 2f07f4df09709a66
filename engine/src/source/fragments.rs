//! [`Fragments`]: reads columns of a version out of its files, of ranges of rows.
//!
//! Texts that repeat lie in files as a dictionary and a place in it for each row. They are handed on like that: Lance would
//! write them out text by text, which takes several times as long as to do it for all rows of a batch at once.

use std::future::ready;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use datafusion::common::internal_err;
use datafusion::error::Result as PlanResult;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use lance::Dataset;
use lance::dataset::fragment::{BaseSchedulers, FileFragment, FragReadConfig};
use lance::dataset::scanner::FragmentSlice;
use lance_core::datatypes::{Field, LogicalType, Schema};
use lance_core::{Error, Result};
use lance_encoding::decoder::{ColumnInfo, PageEncoding};
use lance_encoding::format::metadata::PageLayout;
use lance_encoding::format::metadata::page_layout::Layout;
use lance_io::scheduler::{ScanScheduler, SchedulerConfig};
use udf_runtime::task;

use super::memory::nulls_below;
use crate::memory::Memory;

#[cfg(test)]
mod tests;

/// The column with the rows' addresses.
pub(super) const ROW_ADDRESS: &str = "_rowaddr";

/// Fragments that are opened before their rows are asked for, so that storage is not waited for.
const OPENED_AT_ONCE: usize = 16;

/// Batches of a partition that are decoded at once.
const DECODED_AT_ONCE: usize = 2;

/// Longer texts than these, in the file, are not handed on as places in a dictionary: how many bytes the rows of a batch
/// take is seen only when they are written out.
const LONG_BYTES: u64 = 256;

/// Which of a page's buffers is the dictionary.
const DICTIONARY: usize = 2;

/// Reads the same columns of several fragments of a version.
pub(super) struct Fragments {
    dataset: Arc<Dataset>,
    columns: Schema,
    /// The fields among them that hold texts.
    texts: Vec<i32>,
    scheduler: Arc<ScanScheduler>,
    config: FragReadConfig,
    batch_rows: u32,
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
        let store = dataset.object_store(None).await?;
        let scheduler = ScanScheduler::new(store, SchedulerConfig::new(memory.read_ahead_bytes()));
        let mut config = FragReadConfig::default()
            .with_scan_scheduler(Arc::clone(&scheduler))
            .with_base_schedulers(BaseSchedulers::new(memory.read_ahead_bytes()));
        let options = config.file_reader_options.get_or_insert_default();
        options.batch_size_bytes = Some(memory.batch_bytes());
        let batch_rows = u32::try_from(batch_rows).unwrap_or(u32::MAX);
        Ok(Self { dataset, columns, texts, scheduler, config, batch_rows })
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
        let reading = Arc::new(self);
        let opened = stream::iter((0..).zip(of_fragments)).map(move |(priority, slices)| {
            let reading = Arc::clone(&reading);
            // A task of its own: what waits to be asked for would keep what it has read, and with it the memory that the
            // fragments before it need.
            let opened = task::spawn(async move { reading.open(priority, &slices).await });
            async move { opened.await.map_err(|stopped| Error::io(stopped.to_string()))? }
        });
        let batches = opened.buffered(OPENED_AT_ONCE).try_flatten().try_buffered(DECODED_AT_ONCE);
        batches.try_filter(|batch| ready(batch.num_rows() > 0))
    }

    /// Begins to read these slices of one fragment.
    async fn open(
        &self,
        priority: u32,
        slices: &[FragmentSlice],
    ) -> Result<BoxStream<'static, Result<BoxFuture<'static, Result<RecordBatch>>>>> {
        let number = slices.first().map_or(0, |slice| slice.fragment_id);
        let Some(fragment) = self.dataset.get_fragment(number as usize) else {
            return Err(Error::internal(format!("there is no fragment {number}")));
        };
        let mut columns = self.columns.clone();
        for text in self.coded(&fragment, priority).await? {
            if let Some(field) = columns.mut_field_by_id(text) {
                let values = Box::new(field.data_type());
                let kind = DataType::Dictionary(Box::new(DataType::Int32), values);
                field.logical_type = LogicalType::try_from(&kind)?;
            }
        }
        let config = self.config.clone().with_reader_priority(priority);
        let reader = fragment.open(&columns, config).await?;
        let rows = slices.iter().map(|slice| slice.row_offset..slice.row_offset + slice.row_count);
        let batches = reader.read_ranges(rows.collect(), self.batch_rows).await?;
        Ok(batches.map(Ok).boxed())
    }

    /// The texts that the files of a fragment hold as places in dictionaries, everywhere.
    async fn coded(&self, fragment: &FileFragment, priority: u32) -> Result<Vec<i32>> {
        let mut coded = vec![];
        for file in &fragment.metadata().files {
            let columns = file.fields.iter().zip(file.column_indices.iter());
            let texts: Vec<_> = columns.filter(|(id, _)| self.texts.contains(id)).collect();
            // Where files of another dataset lie, only Lance knows.
            if texts.is_empty() || file.base_id.is_some() {
                continue;
            }
            let path = self.dataset.data_dir().join(file.path.as_str());
            let (scheduler, size) = (&self.scheduler, &file.file_size_bytes);
            let opened = scheduler.open_file_with_priority(&path, priority.into(), size).await?;
            // It is kept. Where most columns are read, those that read them look there too.
            let metadata = fragment.get_file_metadata(&opened).await?;
            coded.extend(texts.into_iter().filter_map(|(id, column)| {
                let column = metadata.column_infos.get(usize::try_from(*column).ok()?)?;
                is_coded(column).then_some(*id)
            }));
        }
        Ok(coded)
    }
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
    let is_short = |buffers: &[(u64, u64)], texts: u64| {
        buffers.get(DICTIONARY).is_some_and(|(_, bytes)| *bytes <= texts * LONG_BYTES)
    };
    let mut pages = column.page_infos.iter();
    pages.len() > 0
        && pages.all(|page| match &page.encoding {
            PageEncoding::Structural(PageLayout {
                layout: Some(Layout::MiniBlockLayout(block)),
            }) => {
                block.dictionary.is_some()
                    && is_short(&page.buffer_offsets_and_sizes, block.num_dictionary_items)
            }
            _ => false,
        })
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
