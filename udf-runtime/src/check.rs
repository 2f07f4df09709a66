//! [`Check`]: what an executor makes sure of before it hands an answer on.

use std::collections::VecDeque;

use crate::{Answer, BatchFunction, Error, FunctionFailure, Result, Shape};

/// Follows the batches of one stream: their heights, and the rows before them.
pub(crate) struct Check {
    name: String,
    shape: Shape,
    begun: VecDeque<usize>,
    rows: usize,
}

impl Check {
    pub(crate) fn new(function: &dyn BatchFunction) -> Self {
        Self {
            name: function.name().to_owned(),
            shape: function.shape(),
            begun: VecDeque::new(),
            rows: 0,
        }
    }

    /// A batch of this height was handed to the function.
    pub(crate) fn begun(&mut self, rows: usize) {
        self.begun.push_back(rows);
    }

    /// An outcome for the oldest batch; a failure gets the row of the stream.
    pub(crate) fn completed(&mut self, outcome: Result<Answer, FunctionFailure>) -> Result<Answer> {
        let name = || self.name.clone();
        let answer = outcome.map_err(|failure| Error::Function {
            name: name(),
            failure: Box::new(failure.offset_by(self.rows)),
        })?;
        let given = self.begun.front().copied().unwrap_or_default();
        let returned = answer.rows.num_rows();
        let fits = match &answer.origins {
            None => returned == given && !answer.more,
            Some(origins) => {
                self.shape == Shape::Any
                    && origins.len() == returned
                    && origins.values().last().is_none_or(|last| (*last as usize) < given)
            }
        };
        if !fits {
            return Err(Error::RowCount { name: name(), given, returned });
        }
        if !answer.more {
            self.begun.pop_front();
            self.rows += given;
        }
        Ok(answer)
    }
}
