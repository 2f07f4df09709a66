//! Rows in groups that are encoded at once.

use arrow::array::Array;
use arrow::record_batch::RecordBatch;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::super::flat::Flat;
use crate::Result;
use crate::chain::BatchStream;

/// A group is closed early when its rows take so much memory.
pub(super) const GROUP_BYTES: usize = 64 << 20;

struct Groups {
    rows: BatchStream,
    flat: Flat,
    group_rows: usize,
    /// Of the batch that the last group ended in.
    left: Option<RecordBatch>,
}

/// Groups of so many rows, but for the last one and those that are large.
pub(super) fn of_rows(
    rows: BatchStream,
    flat: Flat,
    group_rows: usize,
) -> BoxStream<'static, Result<Vec<RecordBatch>>> {
    stream::try_unfold(Groups { rows, flat, group_rows, left: None }, Groups::next).boxed()
}

/// What the rows take, without what else is in their buffers.
pub(super) fn bytes_of(batch: &RecordBatch) -> usize {
    let columns = batch.columns().iter();
    columns.map(|column| column.to_data().get_slice_memory_size().unwrap_or_default()).sum()
}

impl Groups {
    async fn next(mut self) -> Result<Option<(Vec<RecordBatch>, Self)>> {
        let (mut group, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while rows < self.group_rows && bytes < GROUP_BYTES {
            let batch = match self.left.take() {
                Some(batch) => batch,
                None => match self.rows.try_next().await? {
                    Some(batch) => self.flat.batch(&batch)?,
                    None => break,
                },
            };
            let taken = batch.num_rows().min(self.group_rows - rows);
            if taken == 0 {
                continue;
            }
            if taken < batch.num_rows() {
                self.left = Some(batch.slice(taken, batch.num_rows() - taken));
            }
            rows += taken;
            let batch = batch.slice(0, taken);
            bytes += bytes_of(&batch);
            group.push(batch);
        }
        Ok((!group.is_empty()).then_some((group, self)))
    }
}
