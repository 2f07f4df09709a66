//! [`CsvTable`]: text files with a record on each line as one table, in the order of their paths.
//!
//! Types are what the first values of some files have in common, unless they are given; a later value of another type is
//! an error that names it. A run reads the files that were looked at, and none that was written anew since. A thread for
//! each partition cuts its files into chunks of whole records, which are made columns side by side.

mod chunks;
mod column;
mod infer;
mod sample;
mod scan;
mod split;
mod value;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use blake3::Hasher;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::{FileAt, FileRows, Listing, Source, TableFiles};
use crate::blocking::blocking;
use crate::identity::{Reason, SourceIdentity};
use crate::source::pieces::FileBytes;
use crate::storage::Buckets;
use crate::{Error, Result};
use sample::{Sample, sampled};
use scan::{CsvExec, CsvScan};
use split::Dialect;

/// What files of a folder end with that are CSV.
pub(crate) const ENDINGS: &[&str] = &[".csv", ".csv.gz", ".tsv", ".tsv.gz"];

/// Files that tell the types.
const SAMPLED_FILES: usize = 16;

/// Files that are looked at side by side.
const LOOKED_AT_ONCE: usize = 16;

/// What to read of which files, and how it is written.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "options, by name")]
pub struct CsvRequest {
    /// Where it is.
    pub files: TableFiles,
    /// Between fields; by default what the first file tells.
    pub delimiter: Option<u8>,
    /// Around fields that hold delimiters or line ends; none if quotes are part of the values.
    pub quote: Option<u8>,
    /// Whether two quotes inside of a quoted field are one.
    pub double_quote: bool,
    /// Before a character that is meant as it is.
    pub escape: Option<u8>,
    /// Whether lines without anything are left out.
    pub skip_empty_lines: bool,
    /// Whether the first line has the names of the columns.
    pub header: bool,
    /// Other names for the columns, in order.
    pub names: Option<Vec<String>>,
    /// The types of some columns.
    pub types: Vec<(String, DataType)>,
    /// At most so many rows of each file.
    pub rows: Option<u64>,
    /// Whether there is a column that says which row of which file a row is.
    pub source: bool,
    /// What becomes of records with another number of fields; by default they are an error.
    pub ragged: Option<RaggedRows>,
}

/// A record with another number of fields than there are columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaggedRow {
    /// How many columns there are.
    pub expected: usize,
    /// How many fields it has.
    pub actual: usize,
    /// The record.
    pub text: String,
}

/// Says of a record whether it is left out.
type Leave = dyn Fn(&RaggedRow) -> Result<bool> + Send + Sync;

/// What becomes of records with another number of fields.
#[derive(Clone)]
pub struct RaggedRows(Arc<Leave>);

impl RaggedRows {
    /// Leaves out the records of which this is true.
    pub fn new(leave: impl Fn(&RaggedRow) -> Result<bool> + Send + Sync + 'static) -> Self {
        Self(Arc::new(leave))
    }
}

impl fmt::Debug for RaggedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RaggedRows")
    }
}

/// CSV files, looked at.
#[derive(Debug)]
pub(crate) struct CsvTable {
    read: Arc<Read>,
    schema: SchemaRef,
    found_in: Option<Listing>,
}

/// What it takes to read the files.
#[derive(Debug)]
struct Read {
    files: Vec<FileBytes>,
    dialect: Dialect,
    has_header: bool,
    /// Whether columns have the names of the header, and not others.
    by_name: bool,
    columns: Vec<FieldRef>,
    rows: Option<u64>,
    source: Option<FileRows>,
    ragged: Option<RaggedRows>,
}

impl CsvTable {
    /// Looks at the files, and at the first records of some.
    pub(crate) async fn try_open(
        buckets: &Buckets,
        files: Vec<FileAt>,
        request: CsvRequest,
    ) -> Result<Self> {
        let files: Vec<FileBytes> = stream::iter(files)
            .map(|file| FileBytes::look(buckets, file))
            .buffered(LOOKED_AT_ONCE)
            .try_collect()
            .await?;
        let some: Vec<FileBytes> = files.iter().take(SAMPLED_FILES).cloned().collect();
        let asked = request.clone();
        let Sample { dialect, columns } = blocking(move || sampled(&some, &asked)).await?;
        let source = match request.source {
            true => {
                let files = files.iter().map(|file| (&file.at, &file.opened));
                Some(FileRows::try_new(files, how(&dialect, &request))?)
            }
            false => None,
        };
        let fields = source.iter().map(FileRows::field).chain(columns.iter().cloned());
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let found_in = request.files.listing().cloned();
        let read = Read {
            files,
            dialect,
            has_header: request.header,
            by_name: request.header && request.names.is_none(),
            columns,
            rows: request.rows,
            source,
            ragged: request.ragged,
        };
        Ok(Self { read: Arc::new(read), schema, found_in })
    }
}

/// What reads the files in the same way, for whoever looks one row up again.
fn how(dialect: &Dialect, request: &CsvRequest) -> String {
    let char = |byte: u8| char::from(byte).to_string();
    let mut how = json!({"format": "csv", "delimiter": char(dialect.delimiter)});
    if request.quote != Some(b'"') {
        how["quote_char"] = json!(request.quote.map(char));
    }
    if !request.double_quote {
        how["double_quote"] = json!(false);
    }
    if request.escape.is_some() {
        how["escape_char"] = json!(request.escape.map(char));
    }
    if !request.skip_empty_lines {
        how["ignore_empty_lines"] = json!(false);
    }
    if let Some(names) = &request.names {
        how["column_names"] = json!(names);
        how["header"] = json!(request.header);
    }
    if request.ragged.is_some() {
        how["skip_invalid_rows"] = json!(true);
    }
    how.to_string()
}

impl Source for CsvTable {
    /// The files as they were when the table was opened, if they still are that, and how they are read.
    fn identity(&self) -> Result<SourceIdentity, Reason> {
        let Read { files, dialect, has_header, by_name, columns, rows, source: _, ragged } =
            self.read.as_ref();
        if ragged.is_some() {
            return Err("a function chooses among the rows of its CSV files".to_owned());
        }
        let file = |file: &FileBytes| {
            file.opened.check().map_err(|error| error.to_string())?;
            Ok(file.opened.identity())
        };
        let files = SourceIdentity::Files(files.iter().map(file).collect::<Result<_, Reason>>()?);
        let names: Vec<&str> = columns.iter().map(|column| column.name().as_str()).collect();
        let mut all = Hasher::new();
        all.update(files.digest().as_bytes());
        all.update(format!("{dialect:?} {has_header} {by_name} {names:?} {rows:?}").as_bytes());
        Ok(SourceIdentity::Values { digest: all.finalize().to_hex().to_string() })
    }

    fn read_from(&self) -> Option<&Listing> {
        self.found_in.as_ref()
    }
}

#[async_trait]
impl TableProvider for CsvTable {
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
        let target = state.config().target_partitions();
        let read = Arc::clone(&self.read);
        let scan = CsvScan::try_new(read, &self.schema, projection, (target, limit))?;
        Ok(Arc::new(CsvExec::new(scan)))
    }
}

impl Read {
    /// Where the columns are in a file with this header.
    fn places(&self, path: &str, header: &[String]) -> Result<Vec<usize>> {
        if !self.by_name {
            let (width, names) = (header.len(), self.columns.len());
            if self.has_header && width != names {
                let what = format!("`{path}` has {width} columns for {names} names in `output`");
                return Err(Error::Value { what });
            }
            return Ok((0..names).collect());
        }
        let first = self.files.first().map_or("", FileBytes::path);
        let lacks = |name: &str, which: &str, other: &str| Error::Value {
            what: format!(
                "`{which}` has no column `{name}` as `{other}` has; hint: read files with other \
                 columns apart"
            ),
        };
        let known = |name: &String| self.columns.iter().any(|column| column.name() == name);
        if let Some(extra) = header.iter().find(|name| !known(name)) {
            return Err(lacks(extra, first, path));
        }
        let place = |column: &FieldRef| {
            let place = header.iter().position(|name| name == column.name());
            place.ok_or_else(|| lacks(column.name(), path, first))
        };
        self.columns.iter().map(place).collect()
    }
}

/// A column of values that may be missing.
fn nullable(name: &str, kind: DataType) -> FieldRef {
    Arc::new(Field::new(name, kind, true))
}

#[cfg(test)]
mod tests;
