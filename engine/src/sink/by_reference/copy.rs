//! Where few rows are left they are written like any others, with the columns that the version before has, which are
//! read by the rows' places: what the plan gives is computed once.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatchOptions;
use datafusion::error::DataFusionError;
use futures::{StreamExt, TryStreamExt, stream};
use lance::Dataset;

use super::{ByReference, places_of};
use crate::progress::StageProgress;
use crate::sink::fragments::{Columns, Rows};
use crate::sink::saving::{Added, Place};
use crate::sink::vectors::VectorLengths;
use crate::source::{DatasetTable, Leaf, Source};
use crate::{Error, Result};

/// So much is read at once, and so many rows.
const READ_BYTES: u64 = 32 << 20;
const READ_ROWS: u64 = 8192;

/// Where each column of a whole row comes from.
#[derive(Clone, Copy)]
enum Origin {
    Plan(usize),
    Version(usize),
}

/// What makes whole rows of what the plan gives.
struct Completion {
    version: DatasetTable,
    columns: Vec<Origin>,
    schema: SchemaRef,
}

impl ByReference<'_> {
    /// Which of the columns that the plan gives are not the version's: those that are computed, and lists that are
    /// vectors now.
    pub(super) fn new_columns(&self, lengths: &VectorLengths) -> Vec<usize> {
        let is_new = |place: &usize| {
            self.derivation.columns[self.run[*place]].is_none() || lengths.has(*place)
        };
        (0..self.run.len()).filter(is_new).collect()
    }

    /// Writes whole rows.
    pub(super) async fn copied(
        &self,
        place: &Place,
        lengths: &VectorLengths,
        rows: Rows,
        progress: Arc<StageProgress>,
    ) -> Result<Added> {
        let new = self.new_columns(lengths);
        let (mut leaves, mut columns, mut vectors) = (Vec::<Leaf>::new(), Vec::new(), Vec::new());
        for (at, leaf) in self.derivation.columns.iter().enumerate() {
            let given = new.iter().copied().find(|place| self.run[*place] == at);
            vectors.push(given);
            columns.push(match (given, leaf) {
                (Some(place), _) => Origin::Plan(place),
                (None, Some(leaf)) => {
                    leaves.push(leaf.clone());
                    Origin::Version(leaves.len() - 1)
                }
                (None, None) => return Err(Error::internal("a column comes from nowhere")),
            });
        }
        let (version, schema) = (self.derivation.source.with(leaves), self.chain.schema());
        let lengths = lengths.of_columns(vectors.into_iter());
        let stored = Columns::new(lengths, &schema);
        let saved = Arc::clone(&stored.schema);
        let completion = Arc::new(Completion { version, columns, schema });
        let height = rows_at_once(&self.derivation.dataset);
        let rows = rows
            .map_ok(move |batch| {
                stream::iter(slices(&batch, height).into_iter().map(Ok::<_, Error>))
            })
            .try_flatten()
            .and_then(move |part| {
                let completion = Arc::clone(&completion);
                async move { completion.whole(&part).await }
            });
        let destination = Arc::clone(&place.destination);
        let written = destination.write(stored, rows.boxed(), progress, None).await?;
        Ok(Added::new(saved, vec![written]))
    }
}

impl Completion {
    async fn whole(&self, part: &RecordBatch) -> Result<RecordBatch> {
        let places = UInt64Array::from(places_of(part).to_vec());
        let known = match self.version.leaves().is_empty() {
            true => None,
            false => Some(self.version.rows_at(&places).await?),
        };
        let column = |from: &Origin| -> Option<ArrayRef> {
            Some(match from {
                Origin::Plan(at) => Arc::clone(part.column(*at)),
                Origin::Version(at) => Arc::clone(known.as_ref()?.column(*at)),
            })
        };
        let columns = self.columns.iter().filter_map(column).collect();
        let rows = RecordBatchOptions::new().with_row_count(Some(part.num_rows()));
        let whole = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &rows);
        Ok(whole.map_err(DataFusionError::from)?)
    }
}

fn slices(batch: &RecordBatch, height: usize) -> Vec<RecordBatch> {
    let starts = (0..batch.num_rows()).step_by(height);
    starts.map(|at| batch.slice(at, height.min(batch.num_rows() - at))).collect()
}

/// So many rows of the version are read at once.
fn rows_at_once(dataset: &Dataset) -> usize {
    let files = dataset.fragments().iter().flat_map(|fragment| &fragment.files);
    let bytes: u64 = files.filter_map(|file| file.file_size_bytes.get()).map(u64::from).sum();
    let rows: usize = dataset.fragments().iter().filter_map(|part| part.physical_rows).sum();
    let height = READ_BYTES * rows as u64 / bytes.max(1);
    usize::try_from(height.clamp(1, READ_ROWS)).unwrap_or(1)
}
