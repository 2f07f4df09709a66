//! [`OwnedByProcess`]: a value that is let go of by the process that made it, and by no forked child.

use std::ops::{Deref, DerefMut};
use std::process;

/// A value behind which is something outside of memory: a lock, a folder, another process.
///
/// A forked child has a copy, but no say over it. Dropping the value lets go of what is behind it only in the process
/// that made it; the child drops its copy, such as a file that is open in both.
#[derive(Debug)]
pub struct OwnedByProcess<T> {
    value: T,
    process: u32,
    let_go: fn(&mut T),
}

impl<T> OwnedByProcess<T> {
    /// A value of this process, and what its end does.
    #[must_use]
    pub fn new(value: T, let_go: fn(&mut T)) -> Self {
        Self { value, process: process::id(), let_go }
    }

    /// Whether this process made it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.process == process::id()
    }
}

impl<T> Deref for OwnedByProcess<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for OwnedByProcess<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for OwnedByProcess<T> {
    fn drop(&mut self) {
        if self.is_ours() {
            (self.let_go)(&mut self.value);
        }
    }
}

#[cfg(test)]
mod tests;
