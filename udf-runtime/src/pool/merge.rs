//! [`Parts`]: a batch that was computed in pieces becomes one answer again.

use arrow::array::{UInt32Array, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use crate::{Answer, RowFailure, Spent};

/// The answers for pieces of a batch, and the rows that have none.
#[derive(Debug, Default)]
pub(super) struct Parts {
    answers: Vec<Part>,
    lost: Vec<RowFailure>,
    /// Rows among them whose results are null.
    nulls: Vec<usize>,
}

#[derive(Debug)]
struct Part {
    start: usize,
    rows: usize,
    answer: Answer,
}

impl Parts {
    /// An answer for `rows` rows of the batch, from `start` on.
    pub(super) fn push(&mut self, start: usize, rows: usize, answer: Answer) {
        self.answers.push(Part { start, rows, answer });
    }

    /// A row without results.
    pub(super) fn lose(&mut self, failure: RowFailure) {
        self.lost.push(failure);
    }

    /// A row with null results.
    pub(super) fn make_null(&mut self, row: usize, failure: RowFailure) {
        self.nulls.push(row);
        self.lose(failure);
    }

    /// Whether there is no answer that tells the columns.
    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// All of it.
    pub(super) fn merge(mut self) -> Result<Answer, ArrowError> {
        if self.lost.is_empty() && self.answers.len() == 1 {
            return Ok(self.answers.remove(0).answer);
        }
        let Some(first) = self.answers.first() else {
            return Err(ArrowError::ComputeError("nothing to merge".to_owned()));
        };
        let schema = first.answer.rows.schema();
        for start in &self.nulls {
            let answer = Answer::one_per_row(one_null_row(&schema)?);
            self.answers.push(Part { start: *start, rows: 1, answer });
        }
        self.answers.sort_by_key(|part| part.start);
        let rows = concat_batches(&schema, self.answers.iter().map(|part| &part.answer.rows))?;
        let is_whole = self.lost.len() == self.nulls.len();
        let one_each = is_whole && self.answers.iter().all(|part| part.answer.origins.is_none());
        let origins = self.answers.iter().flat_map(Part::origins);
        let origins = (!one_each).then(|| UInt32Array::from_iter_values(origins));
        let spent = self.answers.iter().map(|part| part.answer.spent).fold(Spent::default(), add);
        Ok(Answer { rows, origins, failures: self.failures(), spent, more: false })
    }

    fn failures(self) -> Vec<RowFailure> {
        let recorded = self.answers.into_iter().flat_map(|part| {
            let start = part.start;
            part.answer.failures.into_iter().map(move |RowFailure { attempts, failure }| {
                RowFailure { attempts, failure: failure.offset_by(start) }
            })
        });
        let mut failures: Vec<RowFailure> = recorded.chain(self.lost).collect();
        failures.sort_by_key(|failure| failure.failure.row);
        failures
    }
}

impl Part {
    /// For each result row the row of the batch.
    #[expect(clippy::cast_possible_truncation, reason = "a batch has fewer rows than that")]
    fn origins(&self) -> Vec<u32> {
        let start = self.start as u32;
        match &self.answer.origins {
            Some(origins) => origins.values().iter().map(|origin| start + origin).collect(),
            None => (start..start + self.rows as u32).collect(),
        }
    }
}

fn one_null_row(schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let nulls = schema.fields().iter().map(|field| new_null_array(field.data_type(), 1));
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    RecordBatch::try_new_with_options(SchemaRef::clone(schema), nulls.collect(), &options)
}

fn add(left: Spent, right: Spent) -> Spent {
    Spent { converting: left.converting + right.converting, calling: left.calling + right.calling }
}
