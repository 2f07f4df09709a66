//! [`JsonTable`]: JSON documents and files of JSON lines as a table of one column, in the order of their paths.
//!
//! A list is read item by item, lines in ranges of bytes side by side. Types are those of a sample, unless they are
//! given; a value that does not fit them is an error that says where it is. A run reads the files that were there when
//! the table was opened, and none that was written anew since.

mod ahead;
mod column;
mod document;
mod infer;
mod lexer;
mod lines;
mod path;
mod rows;
mod sample;
mod scalar;
mod scan;
mod shape;
#[cfg(test)]
mod tests;
mod within;

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use blake3::Hasher;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, TryStreamExt, stream};

use super::{FileAt, Leaf, Source};
use crate::Result;
use crate::blocking::blocking;
use crate::identity::{Reason, SourceIdentity};
use crate::source::Listing;
use crate::source::pieces::FileBytes;
use crate::storage::Buckets;
use column::{Column, WHOLE};
use path::Expression;
use scan::{JsonExec, JsonScan};

pub use shape::Typed;
pub(crate) use within::{Kind as JsonKind, Part as JsonPart, Within as WithinJson};

/// How files of a folder end that are JSON.
pub(crate) const ENDINGS: &[&str] =
    &[".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz"];

/// Files that are looked at at once.
const FILES_AT_ONCE: usize = 16;

/// The form of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFormat {
    /// One value: the items of a list are rows, any other value is one.
    Document,
    /// A value on each line.
    Lines,
}

/// What of which files is read.
#[derive(Debug)]
pub struct JsonRequest {
    /// The files.
    pub files: Listing,
    /// Their form.
    pub format: JsonFormat,
    /// What is wanted of a document or line, in `JMESPath`.
    pub expression: Option<String>,
    /// At most so many rows of each file.
    pub rows: Option<u64>,
    /// Which column it becomes.
    pub column: JsonColumn,
}

/// A column that is known or to be found.
#[derive(Debug)]
pub enum JsonColumn {
    /// This one.
    Given(Typed),
    /// What fits the values of a sample.
    Sampled {
        /// The files that tell; those that are read, if there are none.
        of: Option<Listing>,
        /// The column's name.
        name: String,
        /// The name of its model.
        model: String,
    },
}

/// How files are read.
#[derive(Debug)]
struct Options {
    format: JsonFormat,
    expression: Option<Expression>,
    rows: Option<u64>,
    is_sampled: bool,
}

/// What it takes to read files.
#[derive(Debug)]
struct Read {
    found_in: Listing,
    files: Arc<Vec<FileBytes>>,
    options: Arc<Options>,
    typed: Arc<Typed>,
}

/// Files of JSON, looked at.
#[derive(Debug)]
pub(crate) struct JsonTable {
    read: Arc<Read>,
    /// The columns, as paths into the one that is read.
    leaves: Vec<Leaf>,
    schema: SchemaRef,
}

impl JsonTable {
    /// Looks at the files, and into some of them where no column is given.
    pub(crate) async fn try_open(
        buckets: &Buckets,
        files: Vec<FileAt>,
        samples: Option<Vec<FileAt>>,
        request: JsonRequest,
    ) -> Result<Self> {
        let files = Arc::new(look(buckets, files).await?);
        let samples = match samples {
            Some(samples) => Arc::new(look(buckets, samples).await?),
            None => Arc::clone(&files),
        };
        let JsonRequest { files: found_in, format, expression, rows, column } = request;
        let expression = expression.as_deref().map(Expression::parse).transpose()?;
        let is_sampled = matches!(column, JsonColumn::Sampled { .. });
        let options = Arc::new(Options { format, expression, rows, is_sampled });
        let typed = match column {
            JsonColumn::Given(typed) => typed,
            JsonColumn::Sampled { name, model, .. } => {
                let options = Arc::clone(&options);
                let found = blocking(move || sample::sampled(&samples, &options)).await?;
                found.column(&name, &model)
            }
        };
        // What cannot be read is refused now.
        Column::of(&typed, WHOLE)?;
        let field = Arc::clone(&typed.field);
        let leaves = vec![Leaf { path: vec![field.name().clone()], field }];
        let typed = Arc::new(typed);
        Ok(Self::seen(Arc::new(Read { found_in, files, options, typed }), leaves))
    }

    fn seen(read: Arc<Read>, leaves: Vec<Leaf>) -> Self {
        let fields: Vec<FieldRef> = leaves.iter().map(|leaf| Arc::clone(&leaf.field)).collect();
        Self { read, leaves, schema: Arc::new(Schema::new(fields)) }
    }
}

async fn look(buckets: &Buckets, files: Vec<FileAt>) -> Result<Vec<FileBytes>> {
    let looked = stream::iter(files).map(|file| FileBytes::look(buckets, file));
    looked.buffered(FILES_AT_ONCE).try_collect().await
}

impl Source for JsonTable {
    /// The files as they were when the table was opened, if they still are that, and how they are read.
    fn identity(&self) -> Result<SourceIdentity, Reason> {
        let file = |file: &FileBytes| {
            file.opened.check().map_err(|error| error.to_string())?;
            Ok::<_, Reason>(file.opened.identity())
        };
        let files = self.read.files.iter().map(file).collect::<Result<_, _>>()?;
        let mut digest = Hasher::new();
        digest.update(SourceIdentity::Files(files).digest().as_bytes());
        let Options { format, expression, rows, is_sampled: _ } = self.read.options.as_ref();
        digest.update(format!("{format:?}{expression:?}{rows:?}").as_bytes());
        self.read.typed.describe(&mut digest);
        for leaf in &self.leaves {
            digest.update(format!("{:?}", leaf.path).as_bytes());
        }
        Ok(SourceIdentity::Values { digest: digest.finalize().to_hex().to_string() })
    }

    fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    fn with_leaves(&self, leaves: Vec<Leaf>) -> Option<Arc<dyn Source>> {
        Some(Arc::new(Self::seen(Arc::clone(&self.read), leaves)))
    }

    fn read_from(&self) -> Option<&Listing> {
        Some(&self.read.found_in)
    }
}

#[async_trait]
impl TableProvider for JsonTable {
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
        self.read.files.iter().try_for_each(|file| file.opened.check())?;
        let scan = JsonScan::new(self, state.config(), projection, limit);
        Ok(Arc::new(JsonExec::new(scan)))
    }
}
