//! [`ParquetTable`]: Parquet files as one table, in the order of their paths.
//!
//! The files and their footers are read when the table is opened; a run reads exactly those files, and none that was
//! written anew since. Files may differ:
//! types widen to what holds both, a column that a file lacks is null in its rows, anything else is an error. Folders
//! called `key=value` are columns too.

mod bucket_files;
mod damage;
mod fit;
mod folders;
mod merge;
mod nan;
mod unchanged;
mod within;

use std::io;
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
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload, Result as StoreResult,
};
use datafusion::parquet::file::metadata::{FileMetaData, PageIndexPolicy, RowGroupMetaData};
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::{of_bucket, refused};
use crate::export::flat_schema;
use crate::identity::{FileIdentity, Reason, SourceIdentity};
use crate::schema_text::{SCHEMA_KEY, schema_of_text};
use crate::source::{FileAt, Source, doubled};
use crate::storage::Buckets;
use crate::{Error, Result};
use bucket_files::BucketFiles;
use damage::{NamedFiles, of_file};
use fit::FitColumns;
pub(crate) use fit::fitted;
use folders::Folders;
use nan::NanAwareReaders;
use unchanged::Opened;
use within::WithinFiles;

/// What a store's bytes are; their own crate is none of our dependencies.
type Bytes = <PutPayload as IntoIterator>::Item;

/// The key of what the peer says of the columns.
const SIGNALS_KEY: &str = "DataChain SignalSchema";

/// Footers that are read at once.
const FOOTERS_AT_ONCE: usize = 16;

/// The unit of timestamps that are stored in twelve bytes. In nanoseconds, which they count, no year after 2262 fits;
/// those who still write them count in microseconds.
const INT96_UNIT: &str = "us";

/// What is read from the end of a file at first; most footers fit.
const FOOTER_BYTES: usize = 64 << 10;

/// Parquet files, opened.
#[derive(Debug)]
pub(crate) struct ParquetTable {
    files: Vec<PartitionedFile>,
    store: Arc<dyn ObjectStore>,
    format: ParquetFormat,
    schema: TableSchema,
    rows: Precision<usize>,
    told: Told,
}

/// What the footers say of the columns beside their types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// What they were before models were made columns.
    pub(crate) schema: Option<SchemaRef>,
    /// The same as the peer writes it.
    pub(crate) signals: Option<String>,
}

/// What a footer tells.
struct Footer {
    file: ObjectMeta,
    opened: Opened,
    schema: SchemaRef,
    rows: Precision<usize>,
    told: Told,
}

impl ParquetTable {
    /// What all files say alike of their columns.
    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// Reads the footers of the files.
    pub(crate) async fn try_open(
        state: &SessionState,
        buckets: &Buckets,
        files: Vec<FileAt>,
    ) -> Result<Self> {
        let store = store(state.runtime_env(), buckets, &files).await?;
        let format = ParquetFormat::default().with_coerce_int96(Some(INT96_UNIT.to_owned()));
        let below: Vec<String> = files.iter().map(|file| file.below.clone()).collect();
        let footers: Vec<Footer> = stream::iter(files)
            .map(|file| footer(state, &store, &format, file))
            .buffered(FOOTERS_AT_ONCE)
            .try_collect()
            .await?;
        let told = footers.first().map(|one| one.told.clone()).unwrap_or_default();
        let is_alike = footers.iter().all(|one| one.told == told);
        let told = if is_alike { told } else { Told::default() };
        let Folders { columns, values } =
            Folders::of(below.iter().map(String::as_str), |name| told.is_text(name));
        let merged =
            merge::merged(footers.iter().map(|one| (one.opened.path.as_str(), &one.schema)))?;
        let is_folder = |name: &str| columns.iter().any(|column| column.name() == name);
        let fields = merged.fields().iter().filter(|field| !is_folder(field.name())).cloned();
        let schema = TableSchema::new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns);
        let rows = footers
            .iter()
            .fold(Precision::Exact(0), |rows: Precision<usize>, one| rows.add(&one.rows));
        let files = footers.into_iter().zip(values).map(|(one, values)| {
            let mut file = PartitionedFile::new_from_meta(one.file).with_extension(one.opened);
            file.partition_values = values;
            file
        });
        Ok(Self { files: files.collect(), store, format, schema, rows, told })
    }
}

impl Told {
    fn of(file: &FileMetaData) -> Self {
        let pairs = file.key_value_metadata().map_or(&[][..], Vec::as_slice);
        let value = |key: &str| {
            let found = pairs.iter().find(|pair| pair.key == key);
            found.and_then(|pair| pair.value.as_deref())
        };
        let schema = value(SCHEMA_KEY).and_then(schema_of_text);
        Self { schema, signals: value(SIGNALS_KEY).map(str::to_owned) }
    }

    /// Whether a column was text: what looks like a number in the name of a folder is none then.
    fn is_text(&self, name: &str) -> bool {
        let columns = self.schema.as_ref().and_then(|schema| flat_schema(schema).ok());
        columns.is_some_and(|columns| {
            columns.field_with_name(name).is_ok_and(|field| field.data_type().is_string())
        })
    }
}

impl Source for ParquetTable {
    /// The files as they were when the table was opened, if they still are that.
    fn identity(&self) -> Result<SourceIdentity, Reason> {
        let file = |file: &PartitionedFile| {
            let PartitionedFile { object_meta, partition_values: folders, .. } = file;
            let Some(opened) = file.extension::<Opened>() else {
                return Err(format!("what `{}` is cannot be told", object_meta.location));
            };
            opened.check().map_err(|error| error.to_string())?;
            let (e_tag, folders) = (object_meta.e_tag.clone(), folders.clone());
            Ok(FileIdentity { e_tag, folders, ..opened.identity() })
        };
        Ok(SourceIdentity::Files(self.files.iter().map(file).collect::<Result<_, _>>()?))
    }
}

/// Everything in it is on this machine, as its own plans say; what is in buckets is read through the store beside.
fn url() -> ObjectStoreUrl {
    ObjectStoreUrl::local_filesystem()
}

async fn store(
    runtime: &RuntimeEnv,
    buckets: &Buckets,
    files: &[FileAt],
) -> Result<Arc<dyn ObjectStore>> {
    let mut opened = Vec::new();
    for uri in files.iter().filter_map(|file| file.uri.as_ref()) {
        opened.push(buckets.open(uri).await?);
    }
    let local = runtime.object_store(url())?;
    if opened.is_empty() {
        return Ok(Arc::new(WithinFiles(local)));
    }
    Ok(Arc::new(WithinFiles(Arc::new(BucketFiles::new(local, opened)))))
}

/// Stores know no `..`.
fn location(path: &str) -> StoreResult<Path> {
    if path.split('/').any(|step| step == "..") {
        return Ok(Path::from_filesystem_path(path)?);
    }
    Ok(Path::from_absolute_path(path)?)
}

/// A file as it is now.
async fn look(store: &Arc<dyn ObjectStore>, file: FileAt) -> Result<(Opened, ObjectMeta)> {
    let FileAt { path, uri, .. } = file;
    let failed = |error: StoreError| match error {
        StoreError::NotFound { .. } => Error::PathNotFound { path: path.clone() },
        error => of_bucket("read", &path, &error)
            .unwrap_or_else(|| refused("read", &path, io::Error::other(error))),
    };
    if let Some(uri) = uri {
        let found = store.head(&BucketFiles::location(&uri)?).await.map_err(failed)?;
        return Ok((Opened::object(&uri, &found), found));
    }
    let opened = Opened::now(&path)?;
    let location =
        location(&path).map_err(|error| refused("read", &path, io::Error::other(error)))?;
    Ok((opened, store.head(&location).await.map_err(failed)?))
}

async fn footer(
    state: &SessionState,
    store: &Arc<dyn ObjectStore>,
    format: &ParquetFormat,
    file: FileAt,
) -> Result<Footer> {
    let (opened, file) = look(store, file).await?;
    let path = opened.path.clone();
    let (twice, schema, rows, told) = of_file(&path, async {
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let written = DFParquetMetadata::new(store, &file)
            .with_metadata_size_hint(Some(FOOTER_BYTES))
            .with_file_metadata_cache(Some(cache));
        let metadata = written.fetch_metadata().await?;
        let told = Told::of(metadata.file_metadata());
        // It is at hand now.
        let written = written.with_page_index_policy(Some(PageIndexPolicy::Skip));
        let twice = doubled(&written.fetch_schema().await?).map(str::to_owned);
        let schema = format.infer_schema(state, store, std::slice::from_ref(&file)).await?;
        let rows: i64 = metadata.row_groups().iter().map(RowGroupMetaData::num_rows).sum();
        let rows = usize::try_from(rows).map_or(Precision::Absent, Precision::Exact);
        Ok((twice, schema, rows, told))
    })
    .await
    .map_err(|error| opened.reason(error))?;
    opened.check()?;
    if let Some(name) = twice {
        // Readers that know columns by name would lose one of two.
        return Err(Error::NotSupported {
            what: format!("two columns `{name}` in `{path}`"),
            instead: "rename one of them".to_owned(),
        });
    }
    Ok(Footer { file, opened, schema, rows, told })
}

#[async_trait]
impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
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
        // How many rows there are may be all that is asked for: then no file is opened.
        self.files
            .iter()
            .filter_map(PartitionedFile::extension::<Opened>)
            .try_for_each(Opened::check)?;
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(Arc::clone(&self.store), cache);
        let source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(self.format.options().clone())
            .with_parquet_file_reader_factory(Arc::new(NanAwareReaders(readers)));
        let columns = vec![ColumnStatistics::new_unknown(); self.schema().fields().len()];
        let statistics = Statistics {
            num_rows: self.rows,
            total_byte_size: Precision::Absent,
            column_statistics: columns,
        };
        let config = FileScanConfigBuilder::new(url(), Arc::new(NamedFiles(Arc::new(source))))
            .with_file_groups(vec![FileGroup::new(self.files.clone())])
            .with_expr_adapter(Some(Arc::new(FitColumns)))
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
