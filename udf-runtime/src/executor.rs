//! [`Executor`]: where the calls are made.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;

use crate::{BatchFunction, Result};

/// Batches on their way into or out of a function.
pub type BatchStream = BoxStream<'static, Result<RecordBatch>>;

/// Runs a function over a stream of argument batches.
///
/// Contract, checked by [`crate::conformance`] (feature `test-util`):
/// * one result batch for each argument batch, same height, same order;
/// * nothing runs before the first poll, and `start` does not run when the input is empty;
/// * the first error ends the stream; a row in a failure counts from the first row of the stream;
/// * dropping the stream stops pulling input and ends the function after the call that is under way;
/// * user code never runs on a thread of the async runtime.
pub trait Executor: Debug + Send + Sync {
    /// Starts when the returned stream is first polled.
    fn run(&self, function: Arc<dyn BatchFunction>, input: BatchStream) -> BatchStream;
}
