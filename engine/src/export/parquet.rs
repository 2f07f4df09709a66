//! [`Plan`]: rows as Parquet, in one file or in folders called after values.
//!
//! Models become columns called `model.field`, as other readers expect it; what they are stands in the footer.
//! Groups of rows are encoded on all cores; columns have a dictionary where values come again, unless options say which.

mod file;
mod folders;
mod groups;
mod options;
mod schema_type;
mod varied;

use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::KeyValue;
use futures::{StreamExt, TryStreamExt};

use arrow::datatypes::SchemaRef;

use super::flat::{Flat, Tags};
use super::target::Uploads;
use super::{cores, on_a_core};
use crate::chain::BatchStream;
use crate::schema_text::{SCHEMA_KEY, schema_text};
use crate::{Error, ObjectInfo, Objects, Result};
use file::{File, Shape};
use folders::Folders;

/// How Parquet is written.
#[derive(Clone, Debug, Default)]
pub struct ParquetStyle {
    /// Rows of a group; at least one.
    pub group_rows: usize,
    /// `compression`, `level`, `dictionary`, `statistics`, `page_bytes`, `page_version`, `batch_rows`,
    /// `dictionary_bytes`; the first four also for one column, as `compression:name`.
    pub options: Vec<(String, String)>,
    /// What else stands in the footer.
    pub metadata: Vec<(String, String)>,
    /// Columns that become folders, outermost first; then the target is a folder.
    pub partition_by: Vec<String>,
    /// `{i}` becomes a number: what files in folders are called.
    pub file_name: String,
    /// What happens to files that are in the folder.
    pub others: Others,
}

/// What happens to files that are there already, of other names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Others {
    /// They stay.
    #[default]
    Stay,
    /// Those in folders that are written to go.
    Go,
    /// There must be none.
    Refused,
}

/// Where files go.
#[derive(Clone, Copy)]
pub(super) struct Sink<'a> {
    pub(super) objects: &'a Objects,
    pub(super) uri: &'a str,
    pub(super) uploads: &'a Uploads,
}

/// What will be written.
pub(super) struct Plan {
    flat: Flat,
    shape: Arc<Shape>,
    folders: Option<Folders>,
}

impl Plan {
    pub(super) fn try_new(style: &ParquetStyle, schema: &SchemaRef) -> Result<Self> {
        if style.group_rows == 0 {
            return Err(Error::InvalidArgument {
                argument: "number of rows of a group",
                given: "0".to_owned(),
                accepted: "1 or more".to_owned(),
            });
        }
        let flat = Flat::try_new(schema, Tags::WhereNeeded)?;
        let folders = match style.partition_by.is_empty() {
            true => None,
            false => Some(Folders::try_new(style, &flat.schema)?),
        };
        let inside = folders.as_ref().map_or_else(|| Arc::clone(&flat.schema), |f| f.inside(&flat));
        let mut metadata = vec![KeyValue::new(SCHEMA_KEY.to_owned(), schema_text(schema)?)];
        metadata.extend(style.metadata.iter().map(|(k, v)| KeyValue::new(k.clone(), v.clone())));
        let shape = Arc::new(Shape::try_new(&inside, style, metadata)?);
        Ok(Self { flat, shape, folders })
    }

    /// Writes the rows; of one file it tells what it is.
    pub(super) async fn write(
        self,
        rows: BatchStream,
        sink: Sink<'_>,
    ) -> Result<Option<ObjectInfo>> {
        if let Some(folders) = self.folders {
            return folders.write(&self.flat, &self.shape, rows, sink).await.map(|()| None);
        }
        let mut file = File::open(&self.shape, sink).await?;
        let groups = groups::of_rows(rows, self.flat, self.shape.group_rows);
        let encoder = file.encoder();
        let mut encoded = groups
            .map(|group| {
                let encoder = Arc::clone(&encoder);
                on_a_core(move || encoder.encode(&group?))
            })
            .buffered(cores());
        while let Some(group) = encoded.try_next().await? {
            file.append(group).await?;
        }
        file.finish().await.map(Some)
    }
}

fn failed(error: ParquetError) -> Error {
    DataFusionError::from(error).into()
}
