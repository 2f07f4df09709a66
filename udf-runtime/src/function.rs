//! [`BatchFunction`]: a user's function, and [`RunningFunction`]: the same after its set-up.

use std::fmt::Debug;

use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

use crate::{Answer, FunctionFailure, Stop};

/// A user's function of batches, not yet started.
///
/// It may be started many times, on many threads and in many processes; every start is an independent
/// [`RunningFunction`].
pub trait BatchFunction: Debug + Send + Sync {
    /// The name that users gave the stage; it stands in messages.
    fn name(&self) -> &str;

    /// How many result rows there are for an argument row.
    fn shape(&self) -> Shape {
        Shape::OnePerRow
    }

    /// Whether a tear-down may fail, so that it belongs to each run that made calls. Else set-ups are kept for later
    /// runs where that is possible.
    fn tears_down(&self) -> bool {
        false
    }

    /// How many batches a running function wants to have begun at once: 1, unless rows of several batches are
    /// computed at the same time.
    fn depth(&self) -> usize {
        1
    }

    /// What the function is, for telling whether its kept results are still its results.
    ///
    /// # Errors
    /// Why that cannot be told, for users: "`model` is an open file".
    fn identity(&self) -> Result<Identity, String> {
        Err(format!("`{}` has no identity", self.name()))
    }

    /// The function as bytes for a worker process, whose loader makes the same function of them.
    ///
    /// # Errors
    /// What stands in the way, such as an object that cannot be copied to another process.
    fn ship(&self) -> Result<Vec<u8>, FunctionFailure> {
        let message = format!("`{}` cannot run in another process", self.name());
        Err(FunctionFailure::new("NotSupportedError", message))
    }

    /// The function as bytes that are stored, for a process on any machine: with all code of the user's, and without what
    /// belongs to this process alone, such as its environment.
    ///
    /// # Errors
    /// As for [`ship`](Self::ship).
    fn ship_anywhere(&self) -> Result<Vec<u8>, FunctionFailure> {
        let message = format!("`{}` cannot run on another machine", self.name());
        Err(FunctionFailure::new("NotSupportedError", message))
    }

    /// Runs the user's set-up on the thread that will make the calls.
    ///
    /// # Errors
    /// What the user's set-up raised.
    fn start(&self) -> Result<Box<dyn RunningFunction>, FunctionFailure>;
}

/// How many result rows a function has for an argument row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Shape {
    /// Exactly one, in the order of the arguments.
    OnePerRow,
    /// Any number; [`Answer::origins`] tells which is whose.
    Any,
}

/// What a function is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// What stays when the code is repaired: the function's name and the types of its results, as a digest.
    pub stage: String,
    /// All that decides the results of rows that do not fail: code, constants, what it refers to, set-ups; as a digest.
    pub code: String,
    /// What decides which rows fail and what becomes of these, such as limits and retries, as a digest. The results of
    /// rows that do not fail are the same.
    pub failing: String,
    /// Where the code stands, as a digest: code that stands elsewhere is not a repair of this one.
    pub origin: String,
    /// What is written as code, without values that the function was made with, as a digest: code of the same text is not
    /// a repair of this one either.
    pub text: String,
}

/// A started function. It stays on the thread that started it.
///
/// Each batch is begun, then completed, in the same order; at most [`BatchFunction::depth`] batches are begun and not
/// yet completed.
pub trait RunningFunction {
    /// Takes a batch of arguments; a function that computes one batch at a time only remembers it. What goes wrong is
    /// told when the batch is completed.
    fn begin(&mut self, arguments: RecordBatch);

    /// Computes the oldest batch that was begun; or, never in a worker process, a part of its results, and the next call
    /// goes on with it ([`Answer::more`]).
    ///
    /// Looks at `stop` between rows; once it is set, any answer or failure will do, for nobody reads it.
    ///
    /// # Errors
    /// What the user's function raised, with the row inside the batch.
    fn complete(&mut self, stop: &Stop) -> Result<Answer, FunctionFailure>;

    /// Runs the user's tear-down, once, after the last call succeeded.
    ///
    /// # Errors
    /// What the user's tear-down raised.
    fn finish(&mut self) -> Result<(), FunctionFailure>;
}
