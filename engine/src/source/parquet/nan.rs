//! [`NanAwareReaders`]: Parquet files of which not everything is believed that is written about their values.
//!
//! Writers leave NaN out of a column's smallest and largest value, although it compares as larger than every number.
//! Rows with NaN would be skipped by a filter on such statistics; the same rows from a dataset would be found. Statistics
//! that do not say how many nulls there are would be read as if there were none. And bloom filters know decimals and
//! floats by their bytes, of which there is more than one form.

use std::ops::Range;
use std::sync::Arc;

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::error::Result as PlanResult;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::basic::{ConvertedType, LogicalType, Type};
use datafusion::parquet::errors::Result;
use datafusion::parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataBuilder, RowGroupMetaData,
};
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use datafusion::parquet::schema::types::ColumnDescriptor;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::Bytes;

/// Opens files like the factory within.
#[derive(Debug)]
pub(super) struct NanAwareReaders(pub(super) CachedParquetFileReaderFactory);

impl ParquetFileReaderFactory for NanAwareReaders {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> PlanResult<Box<dyn AsyncFileReader + Send>> {
        let reader = self.0.create_reader(partition, file, metadata_size_hint, metrics)?;
        Ok(Box::new(NanAwareReader(reader)))
    }
}

struct NanAwareReader(Box<dyn AsyncFileReader + Send>);

impl AsyncFileReader for NanAwareReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        self.0.get_bytes(range)
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        self.0.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        async move { believed(self.0.get_metadata(options).await?) }.boxed()
    }
}

fn believed(metadata: Arc<ParquetMetaData>) -> Result<Arc<ParquetMetaData>> {
    let groups = metadata.row_groups();
    let is_doubtful =
        |column: &ColumnChunkMetaData| has_doubtful_range(column) || has_doubtful_bloom(column);
    let doubtful = groups.iter().any(|group| group.columns().iter().any(is_doubtful));
    let pages = metadata.column_index().into_iter().flatten().flatten();
    if !doubtful && !pages.into_iter().any(|pages| pages.null_counts().is_none()) {
        return Ok(metadata);
    }
    let mut builder = ParquetMetaDataBuilder::new_from_metadata(metadata.as_ref().clone());
    let mut pages = builder.take_column_index();
    for (group, pages) in groups.iter().zip(pages.iter_mut().flatten()) {
        for (column, pages) in group.columns().iter().zip(pages) {
            if has_doubtful_range(column) || pages.null_counts().is_none() {
                *pages = ColumnIndexMetaData::NONE;
            }
        }
    }
    let groups = builder.take_row_groups().into_iter().map(stripped);
    let groups = groups.collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(builder.set_row_groups(groups).set_column_index(pages).build()))
}

fn is_float(column: &ColumnDescriptor) -> bool {
    matches!(column.physical_type(), Type::FLOAT | Type::DOUBLE)
        || matches!(column.logical_type_ref(), Some(LogicalType::Float16))
}

fn is_decimal(column: &ColumnDescriptor) -> bool {
    column.converted_type() == ConvertedType::DECIMAL
        || matches!(column.logical_type_ref(), Some(LogicalType::Decimal { .. }))
}

/// Whether values may lie outside of what is written as the smallest and largest, or nulls go unmentioned.
fn has_doubtful_range(column: &ColumnChunkMetaData) -> bool {
    let descriptor = column.column_descr();
    let may_be_null = descriptor.max_def_level() > 0;
    let statistics = column.statistics();
    is_float(descriptor)
        || (may_be_null && statistics.is_some_and(|known| known.null_count_opt().is_none()))
}

fn has_doubtful_bloom(column: &ColumnChunkMetaData) -> bool {
    let descriptor = column.column_descr();
    column.bloom_filter_offset().is_some() && (is_float(descriptor) || is_decimal(descriptor))
}

fn stripped(group: RowGroupMetaData) -> Result<RowGroupMetaData> {
    let mut builder = group.into_builder();
    let columns = builder.take_columns().into_iter().map(without_doubtful);
    builder.set_column_metadata(columns.collect::<Result<_>>()?).build()
}

/// The column without what was written about its values, here and in the index of its pages.
fn without_doubtful(column: ColumnChunkMetaData) -> Result<ColumnChunkMetaData> {
    let (range, bloom) = (has_doubtful_range(&column), has_doubtful_bloom(&column));
    let mut builder = column.into_builder();
    if range {
        builder = builder.clear_statistics();
        builder = builder.set_column_index_offset(None).set_column_index_length(None);
    }
    if bloom {
        builder = builder.set_bloom_filter_offset(None).set_bloom_filter_length(None);
    }
    builder.build()
}
