//! Where rows go: a chain becomes a version of a dataset.
//!
//! The order is the promise: files, then Lance's commit, then the tag, then the catalog. A version is visible only
//! after the last step; what dies between two steps is invisible and blocks nobody.

mod begun;
mod by_reference;
mod change;
mod commit;
mod compact;
mod destination;
mod encoding;
mod found;
mod fragments;
mod of_results;
mod preview;
mod row_addresses;
mod save;
mod saving;
mod update;
mod vectors;
mod write;
mod written;

#[cfg(test)]
mod tests;

pub use change::RowChange;
pub(crate) use compact::{compact, scattered};
pub(crate) use found::confirmed;
pub use row_addresses::RowAddresses;
pub use save::{SaveMode, SaveRequest, Saved};
