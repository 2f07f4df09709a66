//! [`ParquetTable`]: Parquet files as one table, in the order of their paths.
//!
//! The files and their footers are read when the table is opened; a run reads exactly those files. Files may differ:
//! numbers widen to what holds both, a column that a file lacks is null in its rows, anything else is an error.

mod merge;
mod nan;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result as PlanResult;
use datafusion::execution::context::SessionState;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::object_store::path::Path;
use datafusion::object_store::{Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt};
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, TryStreamExt, stream};

use crate::adapter::error::plain_message;
use crate::source::doubled;
use crate::{Error, Result};
use nan::NanAwareReaders;

/// Footers that are read at once.
const FOOTERS_AT_ONCE: usize = 16;

/// Parquet files, opened.
#[derive(Debug)]
pub(crate) struct ParquetTable {
    files: Vec<ObjectMeta>,
    format: ParquetFormat,
    schema: SchemaRef,
    rows: Precision<usize>,
}

/// What a footer tells.
struct Footer {
    file: ObjectMeta,
    path: String,
    schema: SchemaRef,
    rows: Precision<usize>,
}

impl ParquetTable {
    /// Reads the footers of the files at these absolute paths.
    pub(crate) async fn try_open(state: &SessionState, paths: Vec<String>) -> Result<Self> {
        let url = ObjectStoreUrl::local_filesystem();
        let store = state.runtime_env().object_store(&url)?;
        let format = ParquetFormat::default();
        let footers: Vec<Footer> = stream::iter(paths)
            .map(|path| footer(state, &store, &format, path))
            .buffered(FOOTERS_AT_ONCE)
            .try_collect()
            .await?;
        let schema = merge::merged(footers.iter().map(|one| (one.path.as_str(), &one.schema)))?;
        let rows = footers
            .iter()
            .fold(Precision::Exact(0), |rows: Precision<usize>, one| rows.add(&one.rows));
        let files = footers.into_iter().map(|one| one.file).collect();
        Ok(Self { files, format, schema, rows })
    }
}

impl ParquetTable {
    /// The files as they were when the table was opened.
    pub(crate) fn identity(&self) -> String {
        let file = |file: &ObjectMeta| {
            let (path, size, at) =
                (&file.location, file.size, file.last_modified.timestamp_micros());
            format!("{path} {size} {at} {:?} {:?}", file.e_tag, changed(path))
        };
        format!("parquet {}", self.files.iter().map(file).collect::<Vec<_>>().join(", "))
    }
}

/// When the file system last changed anything about a file: whoever sets its time back cannot set this.
fn changed(path: &Path) -> Option<(i64, i64)> {
    let found = fs::metadata(format!("/{path}")).ok()?;
    Some((found.ctime(), found.ctime_nsec()))
}

async fn footer(
    state: &SessionState,
    store: &Arc<dyn ObjectStore>,
    format: &ParquetFormat,
    path: String,
) -> Result<Footer> {
    let location = Path::from_absolute_path(&path).map_err(|error| Error::Storage {
        action: "read",
        location: path.clone(),
        reason: error.to_string(),
        source: Some(Box::new(error)),
    })?;
    let file = match store.head(&location).await {
        Ok(file) => file,
        Err(StoreError::NotFound { .. }) => return Err(Error::PathNotFound { path }),
        Err(error) => {
            let (reason, source) = (error.to_string(), Some(Box::new(error) as _));
            return Err(Error::Storage { action: "read", location: path, reason, source });
        }
    };
    let damaged = |error: datafusion::error::DataFusionError| Error::Corrupt {
        what: path.clone(),
        reason: plain_message(&error),
        source: Some(Box::new(error)),
    };
    let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
    let written = DFParquetMetadata::new(store, &file).with_file_metadata_cache(Some(cache));
    check_twice(&path, &written.fetch_schema().await.map_err(damaged)?)?;
    let schema =
        format.infer_schema(state, store, std::slice::from_ref(&file)).await.map_err(damaged)?;
    let statistics = format.infer_stats(state, store, Arc::clone(&schema), &file).await;
    let rows = statistics.map_err(damaged)?.num_rows;
    Ok(Footer { file, path, schema, rows })
}

/// Readers that know columns by name would lose one of two.
fn check_twice(file: &str, schema: &Schema) -> Result<()> {
    match doubled(schema) {
        Some(name) => Err(Error::NotSupported {
            what: format!("two columns `{name}` in `{file}`"),
            instead: "rename one of them".to_owned(),
        }),
        None => Ok(()),
    }
}

#[async_trait]
impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let files = self.files.iter().cloned().map(PartitionedFile::new_from_meta).collect();
        let url = ObjectStoreUrl::local_filesystem();
        let runtime = state.runtime_env();
        let cache = runtime.cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(runtime.object_store(&url)?, cache);
        let source = ParquetSource::new(TableSchema::from(Arc::clone(&self.schema)))
            .with_table_parquet_options(self.format.options().clone())
            .with_parquet_file_reader_factory(Arc::new(NanAwareReaders(readers)));
        let columns = vec![ColumnStatistics::new_unknown(); self.schema.fields().len()];
        let statistics = Statistics {
            num_rows: self.rows,
            total_byte_size: Precision::Absent,
            column_statistics: columns,
        };
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(vec![FileGroup::new(files)])
            .with_projection_indices(projection.cloned())?
            .with_statistics(statistics)
            .with_limit(limit)
            .build();
        let scan: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(config);
        // Consecutive ranges of bytes, so that the partitions stay in the order of the rows.
        let options = state.config();
        let cut = scan.repartitioned(options.target_partitions(), options.options())?;
        Ok(cut.unwrap_or(scan))
    }
}
