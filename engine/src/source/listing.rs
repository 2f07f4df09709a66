//! [`Listing`]: the files below some paths or in buckets, as rows of `File`. They are looked for when the query runs.

mod glob;
mod objects;
mod pages;
mod rows;
mod search;
mod walk;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::ObjectMeta;
use udf_runtime::task;

use super::scan::{Batches, Scan, ScanExec};
use super::{FilesFound, Found, ObjectsFound, Source};
use crate::identity::{Reason, SourceIdentity};
use crate::storage::{Buckets, Uri};
use crate::{Error, Result};
use glob::Pattern;
use rows::Batch;

pub(super) use rows::{FileRow, Rows};
pub(super) use walk::etag;

pub(crate) use search::{Scope, Search};

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
    places: Vec<Place>,
    field: FieldRef,
    update: bool,
}

/// Where files are.
#[derive(Clone, Debug)]
enum Place {
    Folder(Pattern),
    Bucket(Search),
}

impl Listing {
    /// The files that `uris` name: local paths or `file://`, buckets as `s3://`; folders or globs with `*`, `?`, `[…]`,
    /// `{a,b}`, `{1..3}` and `**` (any depth, also none). A folder means everything below it, or with `recursive` off
    /// its own files.
    ///
    /// The result has one column, `column`, whose type is the model of `kind`.
    ///
    /// # Errors
    /// A scheme that is not supported, or a malformed pattern.
    pub fn try_new(uris: &[String], recursive: bool, column: &str, kind: FileKind) -> Result<Self> {
        let mut places = Vec::new();
        for uri in uris {
            match Search::parse(uri, recursive)? {
                Some(searches) => places.extend(searches.into_iter().map(Place::Bucket)),
                None => places.push(Place::Folder(Pattern::parse(uri, recursive)?)),
            }
        }
        Ok(Self { places, field: file_field(column, kind), update: false })
    }

    /// The same, with buckets listed anew in each run.
    #[must_use]
    pub fn updated(self) -> Self {
        Self { update: true, ..self }
    }

    /// The buckets, as `s3://name`.
    #[must_use]
    pub fn buckets(&self) -> Vec<String> {
        let mut buckets: Vec<String> = self.searches().map(Search::place).collect();
        buckets.dedup();
        buckets
    }

    fn searches(&self) -> impl Iterator<Item = &Search> {
        self.places.iter().filter_map(|place| match place {
            Place::Bucket(search) => Some(search),
            Place::Folder(_) => None,
        })
    }

    /// The files, found now; of a folder only those whose names end so.
    pub(crate) async fn files(
        &self,
        buckets: &Buckets,
        endings: &'static [&'static str],
    ) -> Result<Vec<FileAt>> {
        let mut files = Vec::new();
        for part in parts(&self.places) {
            match part {
                Part::Folders(patterns) => {
                    let walk = task::spawn_blocking(move || walk::files_of(&patterns, endings));
                    files.extend(walk.await.map_err(|error| Error::internal(error.to_string()))??);
                }
                Part::Bucket(search) => {
                    files.extend(objects::files_of(buckets, &search, endings).await?);
                }
            }
        }
        Ok(files)
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.places))
    }
}

/// A file that was found.
#[derive(Clone, Debug)]
pub(crate) struct FileAt {
    /// Its absolute path, or its URI.
    pub(crate) path: String,
    /// Its path below the folder that was named.
    pub(crate) below: String,
    /// Where it is, unless on this machine.
    pub(crate) uri: Option<Uri>,
    /// What a bucket's listing says of it.
    pub(crate) listed: Option<ObjectMeta>,
}

/// Whether a path has one of these endings.
fn ends_with(path: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| path.ends_with(ending))
}

/// Places that are looked at together.
enum Part {
    Folders(Arc<Vec<Pattern>>),
    Bucket(Box<Search>),
}

fn parts(places: &[Place]) -> Vec<Part> {
    let mut parts = Vec::new();
    let is_folder = |place: &Place| matches!(place, Place::Folder(_));
    for run in places.chunk_by(|one, next| is_folder(one) && is_folder(next)) {
        let mut patterns = Vec::new();
        for place in run {
            match place {
                Place::Folder(pattern) => patterns.push(pattern.clone()),
                Place::Bucket(search) => parts.push(Part::Bucket(Box::new(search.clone()))),
            }
        }
        if !patterns.is_empty() {
            parts.push(Part::Folders(Arc::new(patterns)));
        }
    }
    parts
}

fn shown(places: &[Place]) -> String {
    let shown = places.iter().map(|place| match place {
        Place::Folder(pattern) => pattern.to_string(),
        Place::Bucket(search) => search.to_string(),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// The `File` model's type; the order of the fields is part of the format.
pub(super) fn file_field(column: &str, kind: FileKind) -> FieldRef {
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
    schema: SchemaRef,
    update: bool,
    look: Arc<Look>,
}

/// What it takes to find the files.
#[derive(Debug)]
struct Look {
    places: Vec<Place>,
    buckets: Arc<Buckets>,
}

impl Look {
    /// Rows of the files that are there now, in the order of their places.
    fn batches(&self, schema: &SchemaRef) -> BoxStream<'static, Batch> {
        let parts = parts(&self.places).into_iter().map(|part| match part {
            Part::Folders(patterns) => walk::batches(patterns, Arc::clone(schema)),
            Part::Bucket(search) => objects::batches(&self.buckets, *search, schema),
        });
        stream::iter(parts.collect::<Vec<_>>()).flatten().boxed()
    }
}

impl ListingTable {
    pub(crate) fn new(listing: Listing, buckets: &Arc<Buckets>) -> Self {
        let Listing { places, field, update } = listing;
        let look = Arc::new(Look { places, buckets: Arc::clone(buckets) });
        Self { schema: Arc::new(Schema::new(vec![field])), update, look }
    }
}

impl Source for ListingTable {
    fn identity(&self) -> Result<SourceIdentity, Reason> {
        Err("the files that its listing finds may be others each time".to_owned())
    }

    /// The files of this machine that are there now: paths, sizes, times of change; and what is asked of buckets.
    fn found(&self) -> Vec<Found> {
        let column = &self.schema.fields()[0];
        let found = parts(&self.look.places).into_iter().map(|part| match part {
            Part::Folders(patterns) => {
                let places: Vec<String> = patterns.iter().map(Pattern::uri).collect();
                let schema = Arc::clone(&self.schema);
                Found::Files(FilesFound {
                    places: places.join(", "),
                    column: Arc::clone(column),
                    look: Box::new(move || walk::batches(Arc::clone(&patterns), Arc::clone(&schema))),
                })
            }
            Part::Bucket(search) => {
                let (column, update) = (Arc::clone(column), self.update);
                Found::Objects(Box::new(ObjectsFound { search: *search, column, update }))
            }
        });
        found.collect()
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
        let (look, schema) = (Arc::clone(&self.look), Arc::clone(&self.schema));
        let scan = Arc::new(StorageListingExec::new(StorageListing { look, schema }));
        match projection {
            Some(chosen) if chosen.is_empty() => {
                let nothing: Vec<(Arc<dyn PhysicalExpr>, String)> = vec![];
                Ok(Arc::new(ProjectionExec::try_new(nothing, scan)?))
            }
            _ => Ok(scan),
        }
    }
}

/// Looks for the files, in the order of the paths.
type StorageListingExec = ScanExec<StorageListing>;

#[derive(Debug)]
struct StorageListing {
    look: Arc<Look>,
    schema: SchemaRef,
}

impl fmt::Display for StorageListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: [{}]", Self::NAME, shown(&self.look.places))
    }
}

impl Scan for StorageListing {
    const NAME: &'static str = "StorageListingExec";

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn rows(self: Arc<Self>, _partition: usize, _context: &TaskContext) -> Batches {
        self.look.batches(&self.schema).map(|batch| batch.map_err(DataFusionError::from)).boxed()
    }
}
