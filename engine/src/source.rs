//! Where rows come from. A source promises its schema before any I/O of its scan, exact row counts where it knows
//! them, and partitions that are consecutive ranges of its rows: partition 0 first.

mod dataset;
mod dataset_scan;
mod listing;
mod memory;
mod parquet;

pub(crate) use dataset::{DatasetTable, Leaf};
pub(crate) use listing::ListingTable;
pub use listing::{FileKind, Listing};
pub(crate) use memory::nulls_reach_fields;
pub(crate) use parquet::ParquetTable;
