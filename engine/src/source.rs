//! Where rows come from. A source promises its schema before any I/O of its scan, exact row counts where it knows
//! them, and partitions that are consecutive ranges of its rows: partition 0 first. What else it may be asked is
//! [`Source`]; [`source_of`] is the one way from a plan to it.

mod any_version;
mod apart;
mod batch_rows;
mod csv;
mod dataset;
mod dataset_scan;
mod file_row;
mod filtered_scan;
mod fragments;
mod json;
mod listed;
mod listing;
mod memory;
mod narrow;
mod parquet;
mod pieces;
mod plain;
mod ranges;
mod row_range;
mod samples;
mod scan;
mod several;
mod some_rows;
mod table_files;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::UInt64Array;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use catalog::{DatasetVersion, JobId};
use chrono::{DateTime, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Statistics, not_impl_err};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{
    Expr, TableProviderFilterPushDown, TableScan, TableSource, TableType,
};
use datafusion::physical_plan::ExecutionPlan;
use futures::stream::BoxStream;
use lance::Dataset;

use crate::identity::{Reason, SourceIdentity};

pub(crate) use any_version::AnyVersion;
pub(crate) use apart::Shared;
pub(crate) use batch_rows::{own_bytes, read_bytes};
pub use csv::{CsvRequest, RaggedRow, RaggedRows};
pub(crate) use csv::{CsvTable, ENDINGS as CSV_ENDINGS};
pub(crate) use dataset::{DatasetTable, Leaf};
pub(crate) use file_row::FileRows;
pub(crate) use filtered_scan::filtered_scan;
pub(crate) use json::{ENDINGS as JSON_ENDINGS, JsonKind, JsonPart, JsonTable, WithinJson};
pub use json::{JsonColumn, JsonFormat, JsonRequest, Typed};
pub(crate) use listed::ListedTable;
pub(crate) use listing::{FileAt, ListingTable, Scope, Search};
pub use listing::{FileKind, Listing};
pub(crate) use memory::{ValuesTable, nulls_in_fields, nulls_reach_fields};
pub(crate) use narrow::Narrow;
pub use parquet::ParquetRequest;
pub(crate) use parquet::{ParquetTable, fitted};
pub(crate) use plain::{plain, plain_schema};
pub(crate) use samples::Samples;
pub(crate) use several::SeveralTables;
pub(crate) use some_rows::scan_of_fragments;
pub use table_files::TableFiles;

/// Where rows come from, as far as more than their columns is asked for.
#[async_trait]
pub(crate) trait Source: TableProvider {
    /// What the rows are, or why that cannot be told.
    fn identity(&self) -> Result<SourceIdentity, Reason>;

    /// The version of a dataset that it is.
    fn version(&self) -> Option<catalog::Dependency> {
        None
    }

    /// What a dataset that is made of the rows depends on.
    fn dependencies(&self) -> Vec<Dependency> {
        Vec::new()
    }

    /// The rows that it has now, part by part, which are kept before anybody reads them; none where they stay the same
    /// anyway.
    fn found(&self) -> Vec<Found> {
        Vec::new()
    }

    /// The same of other versions of the datasets that it depends on, whose rows have the same columns; none where there
    /// are no such.
    fn over(&self, _versions: &[(DatasetVersion, Arc<Dataset>)]) -> Option<Arc<dyn Source>> {
        None
    }

    /// Where the files were looked for that it reads, if it reads files.
    fn read_from(&self) -> Option<&Listing> {
        None
    }

    /// The columns as paths into what is stored, where parts of them can be read.
    fn leaves(&self) -> &[Leaf] {
        &[]
    }

    /// The same rows seen through other leaves; none where there are no leaves.
    fn with_leaves(&self, _leaves: Vec<Leaf>) -> Option<Arc<dyn Source>> {
        None
    }

    /// How many rows there are at most; none where that is not known.
    fn height(&self) -> Option<usize> {
        None
    }

    /// Its rows and those of another source without what they share; none where they are no versions of one dataset, or
    /// share nothing. The rows that are left keep their order and their `sys.id`.
    fn apart_from(
        &self,
        _other: &Arc<dyn Source>,
        _shared: Shared,
    ) -> Option<[Arc<dyn Source>; 2]> {
        None
    }

    /// Only the rows at these places, which grow: some `sys.id` of its rows. None where that is not known.
    fn at_places(&self, _places: Arc<[u64]>) -> Option<Arc<dyn Source>> {
        None
    }

    /// The same rows without so many at the beginning; none where a scan would read these all the same.
    fn without_first(&self, _rows: usize) -> Option<Arc<dyn Source>> {
        None
    }

    /// The same rows, which stay in memory when they are read again; none where they do, or cannot.
    fn searched(&self) -> Option<Arc<dyn Source>> {
        None
    }

    /// About how many bytes of the leaves a scan reads, where rows can be read by their places too: their `sys.id`.
    fn bytes(&self) -> Option<usize> {
        None
    }

    /// Looks at a few rows of these columns, or of all, to guess what the others are like.
    async fn look(&self, _samples: &Samples, _columns: Option<&[usize]>) -> PlanResult<()> {
        Ok(())
    }

    /// The rows at these places, in their order.
    async fn rows_at(&self, _places: &UInt64Array) -> PlanResult<RecordBatch> {
        not_impl_err!("rows by their places")
    }
}

/// Rows that are others each time that somebody looks.
pub(crate) enum Found {
    Files(FilesFound),
    Objects(Box<ObjectsFound>),
}

/// Files of this machine.
pub(crate) struct FilesFound {
    /// Where they were looked for, for users: URIs.
    pub(crate) places: String,
    /// One column.
    pub(crate) column: FieldRef,
    pub(crate) look: LookForFiles,
}

/// Looks for files: rows of them as they are found.
pub(crate) type LookForFiles =
    Box<dyn Fn() -> BoxStream<'static, crate::Result<RecordBatch>> + Send + Sync>;

/// Objects of a bucket, which nobody has looked for yet.
pub(crate) struct ObjectsFound {
    pub(crate) search: Search,
    /// One column.
    pub(crate) column: FieldRef,
    /// Whether what was found before this run does not count.
    pub(crate) update: bool,
}

/// What a run wants to know of its sources.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose<'a> {
    /// Their rows, once. What tells the same each time that it is asked may be asked then.
    Rows,
    /// What they are, too, so that they must stay that; for a job, if there is one.
    Identity(Option<&'a JobId>),
}

/// Keeps what was found, so that it stays the same for a run and can be told from what is found later.
#[async_trait]
pub(crate) trait KeepFound: Send + Sync {
    /// What reads it, for a run that began then.
    async fn keep(
        &self,
        found: Found,
        purpose: Purpose<'_>,
        began: DateTime<Utc>,
    ) -> crate::Result<Arc<dyn Source>>;
}

/// What rows were made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dependency {
    /// A version of a dataset.
    Version(catalog::Dependency),
}

/// A source as the query engine sees it. All our scans read one, so that a plan leads back to its sources.
#[derive(Debug)]
struct Table(Arc<dyn Source>);

/// What a scan of the source reads.
pub(crate) fn as_table(source: Arc<dyn Source>) -> Arc<dyn TableSource> {
    provider_as_source(Arc::new(Table(source)))
}

/// What a scan reads, if it is ours.
pub(crate) fn source_of(scan: &TableScan) -> Option<Arc<dyn Source>> {
    let provider = source_as_provider(&scan.source).ok()?;
    provider.downcast_ref::<Table>().map(|table| Arc::clone(&table.0))
}

#[async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        self.0.table_type()
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> PlanResult<Vec<TableProviderFilterPushDown>> {
        self.0.supports_filters_pushdown(filters)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.0.statistics()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        self.0.scan(state, projection, filters, limit).await
    }
}

/// The first name that two columns have.
pub(crate) fn doubled(schema: &Schema) -> Option<&str> {
    let mut seen = HashSet::new();
    schema.fields().iter().map(|field| field.name().as_str()).find(|name| !seen.insert(*name))
}
