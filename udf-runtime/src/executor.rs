//! [`Executor`]: where the calls are made.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;

use crate::{Answer, BatchFunction, Result};

/// Batches on their way into a function.
pub type BatchStream = BoxStream<'static, Result<RecordBatch>>;

/// Results on their way out.
pub type AnswerStream = BoxStream<'static, Result<Answer>>;

/// Runs a function over a stream of argument batches.
///
/// Contract, checked by [`crate::conformance`] (feature `test-util`):
/// * one answer for each argument batch, in their order; of the same height when the function has one result per row,
///   where it is called in this process, several answers, all but the last with [`Answer::more`], when the function
///   gave its results in parts;
/// * nothing runs before the first poll, and `start` does not run when the input is empty;
/// * the first error ends the stream, within a second or so though calls for rows before it go on; the row in its
///   failure counts from the first row of the stream, the rows in an answer's failures from the first row of their
///   batch;
/// * dropping the stream stops pulling input and ends the function after the call that is under way;
/// * user code never runs on a thread of the async runtime.
pub trait Executor: Debug + Send + Sync {
    /// Starts when the returned stream is first polled.
    fn run(&self, function: Arc<dyn BatchFunction>, input: BatchStream) -> AnswerStream;
}
