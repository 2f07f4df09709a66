//! [`Listing`]: the files below some paths, as rows of `File`. The folders are read when the query runs.

mod glob;
mod walk;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};

use udf_runtime::task;

use super::{Found, Source};
use crate::identity::{Reason, SourceIdentity};
use crate::storage::Uri;
use crate::{Error, Result};
use glob::Pattern;

/// Which model the rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `File`
    Binary,
    /// `TextFile`
    Text,
    /// `ImageFile`
    Image,
    /// `VideoFile`
    Video,
    /// `AudioFile`
    Audio,
}

impl FileKind {
    /// The registered name of the model.
    #[must_use]
    pub fn model(self) -> &'static str {
        match self {
            Self::Binary => "File@v1",
            Self::Text => "TextFile@v1",
            Self::Image => "ImageFile@v1",
            Self::Video => "VideoFile@v1",
            Self::Audio => "AudioFile@v1",
        }
    }
}

/// Which files to list.
#[derive(Clone, Debug)]
pub struct Listing {
    patterns: Vec<Pattern>,
    field: FieldRef,
}

impl Listing {
    /// The files that `uris` name: local paths or `file://`, folders or globs with `*`, `?`, `[…]`, `{a,b}`, `{1..3}`
    /// and `**` (any depth, also none). A folder means everything below it, or with `recursive` off its own files.
    ///
    /// The result has one column, `column`, whose type is the model of `kind`.
    ///
    /// # Errors
    /// A scheme that is not supported, or a malformed pattern.
    pub fn try_new(uris: &[String], recursive: bool, column: &str, kind: FileKind) -> Result<Self> {
        let mut patterns = Vec::new();
        for uri in uris {
            patterns.push(Pattern::parse(uri, recursive)?);
        }
        Ok(Self { patterns, field: file_field(column, kind) })
    }
}

/// A file that was found.
#[derive(Debug)]
pub(crate) struct FileAt {
    /// Its absolute path.
    pub(crate) path: String,
    /// Its path below the folder that was named.
    pub(crate) below: String,
    /// Where it is, if not on this machine.
    pub(crate) uri: Option<Uri>,
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns: Vec<String> = self.patterns.iter().map(ToString::to_string).collect();
        f.write_str(&patterns.join(", "))
    }
}

impl Listing {
    /// The files, found now; of a folder only those with this extension.
    pub(crate) async fn files(&self, extension: &'static str) -> Result<Vec<FileAt>> {
        let patterns = self.patterns.clone();
        task::spawn_blocking(move || walk::files_of(&patterns, extension))
            .await
            .map_err(|error| Error::internal(error.to_string()))?
    }
}

/// The `File` model's type; the order of the fields is part of the format.
fn file_field(column: &str, kind: FileKind) -> FieldRef {
    let modified = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let json = Field::new("location", DataType::Utf8, true)
        .with_metadata([("lakebed.type".to_owned(), "json".to_owned())].into());
    let fields = vec![
        Field::new("source", DataType::Utf8, false),
        Field::new("path", DataType::Utf8, false),
        Field::new("size", DataType::Int64, false),
        Field::new("version", DataType::Utf8, false),
        Field::new("etag", DataType::Utf8, false),
        Field::new("is_latest", DataType::Boolean, false),
        Field::new("last_modified", modified, false),
        json,
    ];
    let metadata = [
        ("lakebed.type".to_owned(), format!("model:{}", kind.model())),
        (
            "lakebed.hidden".to_owned(),
            "source,version,etag,is_latest,last_modified,location".to_owned(),
        ),
    ];
    let field = Field::new(column, DataType::Struct(fields.into()), false);
    Arc::new(field.with_metadata(metadata.into()))
}

/// A listing as a table of one column.
#[derive(Debug)]
pub(crate) struct ListingTable {
    patterns: Arc<Vec<Pattern>>,
    schema: SchemaRef,
}

impl ListingTable {
    pub(crate) fn new(listing: Listing) -> Self {
        let schema = Arc::new(Schema::new(vec![listing.field]));
        Self { patterns: Arc::new(listing.patterns), schema }
    }
}

impl Source for ListingTable {
    fn identity(&self) -> Result<SourceIdentity, Reason> {
        Err("the files that its listing finds may be others each time".to_owned())
    }

    /// The files that are there now: paths, sizes, times of change.
    fn found(&self) -> Option<Found> {
        let patterns: Vec<String> = self.patterns.iter().map(Pattern::uri).collect();
        Some(Found {
            places: patterns.join(", "),
            column: Arc::clone(&self.schema.fields()[0]),
            rows: walk::batches(Arc::clone(&self.patterns), Arc::clone(&self.schema)),
        })
    }
}

#[async_trait]
impl TableProvider for ListingTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let scan = Arc::new(StorageListingExec::new(self));
        match projection {
            Some(chosen) if chosen.is_empty() => {
                let nothing: Vec<(Arc<dyn PhysicalExpr>, String)> = vec![];
                Ok(Arc::new(ProjectionExec::try_new(nothing, scan)?))
            }
            _ => Ok(scan),
        }
    }
}

/// Walks the folders, in the order of the paths.
#[derive(Debug)]
struct StorageListingExec {
    patterns: Arc<Vec<Pattern>>,
    properties: Arc<PlanProperties>,
}

impl StorageListingExec {
    fn new(table: &ListingTable) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&table.schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { patterns: Arc::clone(&table.patterns), properties: Arc::new(properties) }
    }
}

impl DisplayAs for StorageListingExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns: Vec<String> = self.patterns.iter().map(ToString::to_string).collect();
        write!(f, "StorageListingExec: [{}]", patterns.join(", "))
    }
}

impl ExecutionPlan for StorageListingExec {
    fn name(&self) -> &'static str {
        "StorageListingExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        _partition: usize,
        _context: Arc<TaskContext>,
    ) -> PlanResult<SendableRecordBatchStream> {
        let schema = self.schema();
        let batches = walk::batches(Arc::clone(&self.patterns), Arc::clone(&schema));
        let batches =
            futures::StreamExt::map(batches, |batch| batch.map_err(DataFusionError::from));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}
