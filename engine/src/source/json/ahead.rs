//! [`Ahead`]: files in the order in which they are read, small objects of buckets fetched before it is their turn.

use std::collections::VecDeque;

use futures::executor::block_on;
use udf_runtime::task::{self, Task};

use crate::source::pieces::FileBytes;
use crate::{Error, Result};

/// So many are on their way at once.
const AT_ONCE: usize = 32;

/// Files, of which the next ones are on their way.
pub(super) struct Ahead<I> {
    files: I,
    waiting: VecDeque<Waiting>,
}

enum Waiting {
    Ready(Box<FileBytes>),
    Fetched(Task<Result<FileBytes>>),
}

impl<I: Iterator<Item = FileBytes>> Ahead<I> {
    pub(super) fn new(files: I) -> Self {
        Self { files, waiting: VecDeque::with_capacity(AT_ONCE) }
    }

    /// The next one, on a thread that may wait.
    pub(super) fn next(&mut self) -> Option<Result<FileBytes>> {
        while self.waiting.len() < AT_ONCE
            && let Some(file) = self.files.next()
        {
            self.waiting.push_back(if file.is_small_object() {
                Waiting::Fetched(task::spawn(file.fetched()))
            } else {
                Waiting::Ready(Box::new(file))
            });
        }
        Some(match self.waiting.pop_front()? {
            Waiting::Ready(file) => Ok(*file),
            Waiting::Fetched(task) => match block_on(task) {
                Ok(fetched) => fetched,
                Err(stopped) => Err(Error::internal(stopped.to_string())),
            },
        })
    }
}
