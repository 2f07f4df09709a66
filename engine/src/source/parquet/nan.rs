//! [`NanAwareReaders`]: Parquet files whose statistics of floats are not believed.
//!
//! Writers leave NaN out of a column's smallest and largest value, although it compares as larger than every number.
//! Rows with NaN would be skipped by a filter on such statistics; the same rows from a dataset would be found.

use std::ops::Range;
use std::sync::Arc;

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::error::Result as PlanResult;
use datafusion::object_store::PutPayload;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::basic::{LogicalType, Type};
use datafusion::parquet::errors::Result;
use datafusion::parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataBuilder, RowGroupMetaData,
};
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;

/// What a store's bytes are; their own crate is none of our dependencies.
type Bytes = <PutPayload as IntoIterator>::Item;

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
        async move { without_float_statistics(self.0.get_metadata(options).await?) }.boxed()
    }
}

fn without_float_statistics(metadata: Arc<ParquetMetaData>) -> Result<Arc<ParquetMetaData>> {
    let columns = metadata.file_metadata().schema_descr().columns();
    let floats: Vec<bool> = columns
        .iter()
        .map(|column| {
            matches!(column.physical_type(), Type::FLOAT | Type::DOUBLE)
                || matches!(column.logical_type_ref(), Some(LogicalType::Float16))
        })
        .collect();
    if !floats.contains(&true) {
        return Ok(metadata);
    }
    let mut builder = ParquetMetaDataBuilder::new_from_metadata(metadata.as_ref().clone());
    let groups = builder.take_row_groups();
    let groups = groups.into_iter().map(|group| stripped(group, &floats));
    let groups = groups.collect::<Result<Vec<_>>>()?;
    let mut pages = builder.take_column_index();
    for group in pages.iter_mut().flatten() {
        for (column, _) in group.iter_mut().zip(&floats).filter(|(_, is_float)| **is_float) {
            *column = ColumnIndexMetaData::NONE;
        }
    }
    Ok(Arc::new(builder.set_row_groups(groups).set_column_index(pages).build()))
}

fn stripped(group: RowGroupMetaData, floats: &[bool]) -> Result<RowGroupMetaData> {
    let mut builder = group.into_builder();
    let columns = builder.take_columns().into_iter().zip(floats);
    let columns = columns.map(|(column, is_float)| match is_float {
        true => unknown(column),
        false => Ok(column),
    });
    builder.set_column_metadata(columns.collect::<Result<_>>()?).build()
}

/// The column without what was written about its values, here and in the index of its pages.
fn unknown(column: ColumnChunkMetaData) -> Result<ColumnChunkMetaData> {
    let builder = column.into_builder().clear_statistics();
    builder.set_column_index_offset(None).set_column_index_length(None).build()
}
