//! Where rows go: a chain becomes a version of a dataset.
//!
//! The order is the promise: files, then Lance's commit, then the tag, then the catalog. A version is visible only
//! after the last step; what dies between two steps is invisible and blocks nobody.

mod commit;
mod encoding;
mod found;
mod fragments;
mod preview;
mod save;
mod vectors;

#[cfg(test)]
mod tests;

pub(crate) use found::confirmed;
pub use save::{SaveMode, SaveRequest, Saved};
