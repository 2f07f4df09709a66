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
mod leaves;
mod merge;
mod nan;
mod numbered;
mod unchanged;
mod within;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, FileSource, ParquetSource,
};
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
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, RowGroupMetaData};
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, TryStreamExt, stream};

use crate::error::{of_bucket, refused};
use crate::identity::{FileIdentity, Reason, SourceIdentity};
use crate::schema_text::{SCHEMA_KEY, schema_of_text, type_at};
use crate::source::{FileAt, FileRows, Leaf, Listing, Source, TableFiles, doubled};
use crate::storage::Buckets;
use crate::{Error, Result};
use bucket_files::BucketFiles;
use damage::{NamedFiles, of_file};
use fit::FitColumns;
pub(crate) use fit::fitted;
use folders::Folders;
use nan::NanAwareReaders;
use numbered::NumberedRowsExec;
use within::WithinFiles;

pub(super) use unchanged::Opened;

/// What a store's bytes are; their own crate is none of our dependencies.
type Bytes = <PutPayload as IntoIterator>::Item;

/// Footers that are read at once.
const FOOTERS_AT_ONCE: usize = 16;

/// The unit of timestamps that are stored in twelve bytes. In nanoseconds, which they count, no year after 2262 fits;
/// those who still write them count in microseconds.
const INT96_UNIT: &str = "us";

/// What is read from the end of a file at first; most footers fit.
const FOOTER_BYTES: usize = 64 << 10;

/// The columns that say below [`NumberedRowsExec`] which file and row group a row is of.
const FILE_NUMBER: &str = "lakebed.file_number";
const FIRST_ROW: &str = "lakebed.first_row";

/// What to read of which files.
#[derive(Clone, Debug)]
pub struct ParquetRequest {
    /// Where it is.
    pub files: TableFiles,
    /// Whether folders called `key=value` are columns.
    pub folders: bool,
    /// Whether there is a column that says which row of which file a row is.
    pub source: bool,
}

/// Parquet files, opened.
#[derive(Clone, Debug)]
pub(crate) struct ParquetTable {
    files: Vec<PartitionedFile>,
    store: Arc<dyn ObjectStore>,
    format: Arc<ParquetFormat>,
    schema: TableSchema,
    rows: Precision<usize>,
    /// The row groups of each file: where they are, and how many rows they have.
    groups: Vec<Vec<(i64, i64)>>,
    source: Option<Arc<FileRows>>,
    /// The source and the columns of `schema`, or parts of these.
    leaves: Vec<Leaf>,
    notes: HashMap<String, String>,
    found_in: Option<Listing>,
}

/// What a footer tells.
struct Footer {
    file: ObjectMeta,
    opened: Opened,
    schema: SchemaRef,
    rows: Precision<usize>,
    groups: Vec<(i64, i64)>,
    notes: HashMap<String, String>,
}

impl ParquetTable {
    /// Reads the footers of the files.
    pub(crate) async fn try_open(
        state: &SessionState,
        buckets: &Buckets,
        files: Vec<FileAt>,
        request: &ParquetRequest,
    ) -> Result<Self> {
        let store = store(state.runtime_env(), buckets, &files).await?;
        let format = ParquetFormat::default().with_coerce_int96(Some(INT96_UNIT.to_owned()));
        let format = Arc::new(format);
        let below =
            |file: &FileAt| if request.folders { file.below.clone() } else { String::new() };
        let below: Vec<String> = files.iter().map(below).collect();
        let at = files.clone();
        let footers: Vec<Footer> = stream::iter(files)
            .map(|file| footer(state, &store, &format, file))
            .buffered(FOOTERS_AT_ONCE)
            .try_collect()
            .await?;
        let notes = noted(&footers);
        let written = notes.get(SCHEMA_KEY).and_then(|text| schema_of_text(text));
        let is_text = |name: &str| {
            let kind = written.as_ref().and_then(|schema| type_at(schema.fields(), name));
            kind.is_some_and(DataType::is_string)
        };
        let Folders { columns, values } = Folders::of(below.iter().map(String::as_str), is_text);
        let merged =
            merge::merged(footers.iter().map(|one| (one.opened.path.as_str(), &one.schema)))?;
        let is_folder = |name: &str| columns.iter().any(|column| column.name() == name);
        let fields = merged.fields().iter().filter(|field| !is_folder(field.name())).cloned();
        let schema = TableSchema::new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns);
        let rows = footers
            .iter()
            .fold(Precision::Exact(0), |rows: Precision<usize>, one| rows.add(&one.rows));
        let source = match request.source {
            true => {
                let files = at.iter().zip(footers.iter().map(|one| &one.opened));
                Some(Arc::new(FileRows::try_new(files, r#"{"format": "parquet"}"#.to_owned())?))
            }
            false => None,
        };
        let groups = footers.iter().map(|one| one.groups.clone()).collect();
        let files = footers.into_iter().zip(values).map(|(one, values)| {
            let mut file = PartitionedFile::new_from_meta(one.file).with_extension(one.opened);
            file.partition_values = values;
            file
        });
        let files = files.collect();
        let own = schema.table_schema().fields().iter().cloned();
        let columns = source.iter().map(|source| source.field()).chain(own);
        let leaves = columns.map(Leaf::whole).collect();
        let found_in = request.files.listing().cloned();
        Ok(Self { files, store, format, schema, rows, groups, source, leaves, notes, found_in })
    }

    /// Keys and texts that all of the files have in their schemas.
    pub(crate) fn notes(&self) -> &HashMap<String, String> {
        &self.notes
    }

    /// The row groups one by one, cut for partitions, each with the numbers of its file and first row.
    fn pieces(&self, target: usize) -> Vec<FileGroup> {
        let mut pieces = Vec::new();
        for (number, (file, groups)) in (0_i64..).zip(self.files.iter().zip(&self.groups)) {
            let mut first = 0;
            for (offset, rows) in groups {
                let mut piece = file.clone().with_range(*offset, offset + 1);
                let numbers = [number, first].map(|number| ScalarValue::Int64(Some(number)));
                piece.partition_values.extend(numbers);
                pieces.push((piece, *rows));
                first += rows;
            }
        }
        let all: i64 = pieces.iter().map(|(_, rows)| rows).sum();
        let share = (all / i64::try_from(target).unwrap_or(1).max(1)).max(1);
        let (mut cut, mut before): (Vec<Vec<PartitionedFile>>, i64) = (vec![vec![]], 0);
        for (piece, rows) in pieces {
            if before >= share * i64::try_from(cut.len()).unwrap_or(i64::MAX) && cut.len() < target
            {
                cut.push(vec![]);
            }
            before += rows;
            if let Some(partition) = cut.last_mut() {
                partition.push(piece);
            }
        }
        cut.into_iter().map(FileGroup::new).collect()
    }

    /// A scan of these parts of `schema`, of whole files or of pieces with their numbers.
    fn read(
        &self,
        state: &dyn Session,
        (schema, groups): (TableSchema, Vec<FileGroup>),
        leaves: &[Leaf],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(Arc::clone(&self.store), cache);
        let width = schema.table_schema().fields().len();
        let read = leaves::read(leaves, schema.table_schema(), state.config_options())?;
        let source: Arc<dyn FileSource> = Arc::new(
            ParquetSource::new(schema)
                .with_table_parquet_options(self.format.options().clone())
                .with_parquet_file_reader_factory(Arc::new(NanAwareReaders(readers))),
        );
        let source = source.try_pushdown_projection(&read)?.unwrap_or(source);
        let config = FileScanConfigBuilder::new(url(), Arc::new(NamedFiles(source)))
            .with_file_groups(groups)
            .with_expr_adapter(Some(Arc::new(FitColumns)))
            .with_statistics(self.statistics(width))
            .with_limit(limit)
            // A partition that has nothing left to do takes no files of the others.
            .with_preserve_order(true)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn statistics(&self, width: usize) -> Statistics {
        Statistics {
            num_rows: self.rows,
            total_byte_size: Precision::Absent,
            column_statistics: vec![ColumnStatistics::new_unknown(); width],
        }
    }

    /// A scan with the source at this place of the leaves.
    fn numbered(
        &self,
        state: &dyn Session,
        (rows, at): (&Arc<FileRows>, usize),
        mut leaves: Vec<Leaf>,
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let schema = leaves::columns(&leaves);
        leaves.remove(at);
        let numbers = [FILE_NUMBER, FIRST_ROW];
        let numbers = numbers.map(|name| Arc::new(Field::new(name, DataType::Int64, false)));
        leaves.extend(numbers.iter().cloned().map(Leaf::whole));
        let folders = self.schema.table_partition_cols().iter().cloned().chain(numbers).collect();
        let table = TableSchema::new(Arc::clone(self.schema.file_schema()), folders);
        let pieces = self.pieces(state.config().target_partitions());
        let scan = self.read(state, (table, pieces), &leaves, limit)?;
        let statistics = self.statistics(schema.fields().len());
        let numbered = NumberedRowsExec::new(scan, Arc::clone(rows), (schema, at), statistics);
        Ok(Arc::new(numbered))
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
        let files = SourceIdentity::Files(self.files.iter().map(file).collect::<Result<_, _>>()?);
        Ok(leaves::identity(files, &self.leaves))
    }

    fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    fn with_leaves(&self, leaves: Vec<Leaf>) -> Option<Arc<dyn Source>> {
        let source = self.source.as_ref().map(|source| source.field());
        let is_part = |leaf: &Leaf| leaf.path.len() > 1;
        let of_source = |leaf: &Leaf| source.as_ref().is_some_and(|it| *it.name() == leaf.path[0]);
        // No file has it.
        let is_made = leaves.iter().any(|leaf| is_part(leaf) && of_source(leaf));
        (!is_made).then(|| Arc::new(Self { leaves, ..self.clone() }) as _)
    }

    fn read_from(&self) -> Option<&Listing> {
        self.found_in.as_ref()
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
    let (twice, notes, schema, groups) = of_file(&path, async {
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let written = DFParquetMetadata::new(store, &file)
            .with_metadata_size_hint(Some(FOOTER_BYTES))
            .with_file_metadata_cache(Some(cache));
        let metadata = written.fetch_metadata().await?;
        // It is at hand now.
        let written = written.with_page_index_policy(Some(PageIndexPolicy::Skip));
        let own = written.fetch_schema().await?;
        let (twice, notes) = (doubled(&own).map(str::to_owned), own.metadata().clone());
        let schema = format.infer_schema(state, store, std::slice::from_ref(&file)).await?;
        let groups: Vec<(i64, i64)> =
            metadata.row_groups().iter().map(|group| (start(group), group.num_rows())).collect();
        Ok((twice, notes, schema, groups))
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
    let rows: i64 = groups.iter().map(|(_, rows)| rows).sum();
    let rows = usize::try_from(rows).map_or(Precision::Absent, Precision::Exact);
    Ok(Footer { file, opened, schema, rows, groups, notes })
}

/// Where a row group begins; its reader is chosen by this byte.
fn start(group: &RowGroupMetaData) -> i64 {
    let pages = group.columns().first();
    let start = |pages: &ColumnChunkMetaData| {
        pages.dictionary_page_offset().unwrap_or_else(|| pages.data_page_offset())
    };
    pages.map_or(0, start)
}

/// What all files say.
fn noted(footers: &[Footer]) -> HashMap<String, String> {
    let Some((first, rest)) = footers.split_first() else { return HashMap::new() };
    let mut notes = first.notes.clone();
    notes.retain(|key, text| rest.iter().all(|other| other.notes.get(key) == Some(text)));
    notes
}

#[async_trait]
impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        leaves::columns(&self.leaves)
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
        let leaves: Vec<Leaf> = match projection {
            Some(chosen) => chosen.iter().map(|at| self.leaves[*at].clone()).collect(),
            None => self.leaves.clone(),
        };
        if let Some(rows) = &self.source {
            let source = rows.field();
            let at = leaves.iter().position(|leaf| leaf.path[..] == [source.name().as_str()]);
            if let Some(at) = at {
                return self.numbered(state, (rows, at), leaves, limit);
            }
        }
        let files = (self.schema.clone(), vec![FileGroup::new(self.files.clone())]);
        let scan = self.read(state, files, &leaves, limit)?;
        // Consecutive ranges of bytes, so that the partitions stay in the order of the rows.
        let options = state.config();
        let cut = scan.repartitioned(options.target_partitions(), options.options())?;
        Ok(cut.unwrap_or(scan))
    }
}
