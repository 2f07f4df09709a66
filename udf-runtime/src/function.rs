//! [`BatchFunction`]: a user's function, and [`RunningFunction`]: the same after its set-up.

use std::fmt::Debug;

use arrow::record_batch::RecordBatch;

use crate::{FunctionFailure, Stop};

/// A user's function of batches, not yet started.
///
/// It may be started many times, on many threads; every start is an independent [`RunningFunction`].
pub trait BatchFunction: Debug + Send + Sync {
    /// The name that users gave the stage; it stands in messages.
    fn name(&self) -> &str;

    /// Runs the user's set-up on the thread that will make the calls.
    ///
    /// # Errors
    /// What the user's set-up raised.
    fn start(&self) -> Result<Box<dyn RunningFunction>, FunctionFailure>;
}

/// A started function. It stays on the thread that started it.
pub trait RunningFunction {
    /// Computes one result row for each row of `arguments`, in their order.
    ///
    /// Looks at `stop` between rows; once it is set, any result or failure will do, for nobody reads it.
    ///
    /// # Errors
    /// What the user's function raised, with the row inside `arguments`.
    fn call(
        &mut self,
        arguments: &RecordBatch,
        stop: &Stop,
    ) -> Result<RecordBatch, FunctionFailure>;

    /// Runs the user's tear-down, once, after the last call succeeded.
    ///
    /// # Errors
    /// What the user's tear-down raised.
    fn finish(&mut self) -> Result<(), FunctionFailure>;
}
