//! Where rows go: a chain becomes a version of a dataset.
//!
//! The order is the promise: files, then Lance's commit, then the tag, then the catalog. A version is visible only
//! after the last step; what dies between two steps is invisible and blocks nobody.

mod encoding;
mod fragments;
mod lance;
mod preview;
mod vectors;

pub use lance::{SaveRequest, Saved};
