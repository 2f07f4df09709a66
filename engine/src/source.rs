//! Where rows come from. A source promises its schema before any I/O of its scan, exact row counts where it knows
//! them, and partitions that are consecutive ranges of its rows: partition 0 first.

mod batch_rows;
mod dataset;
mod dataset_scan;
mod listing;
mod memory;
mod parquet;
mod plain;
mod ranges;

use datafusion::catalog::TableProvider;

use std::collections::HashSet;

use arrow::datatypes::Schema;

pub(crate) use dataset::{DatasetTable, Leaf};
pub(crate) use listing::{FileAt, ListingTable};
pub use listing::{FileKind, Listing};
pub(crate) use memory::{ValuesTable, nulls_in_fields, nulls_reach_fields};
pub(crate) use parquet::ParquetTable;
pub(crate) use plain::{plain, plain_schema};

/// The first name that two columns have.
pub(crate) fn doubled(schema: &Schema) -> Option<&str> {
    let mut seen = HashSet::new();
    schema.fields().iter().map(|field| field.name().as_str()).find(|name| !seen.insert(*name))
}

/// What a table holds, in a word that changes with its rows, or why it has none.
pub(crate) fn identity_of(table: &dyn TableProvider) -> Result<String, String> {
    if let Some(table) = table.downcast_ref::<DatasetTable>() {
        return Ok(table.identity());
    }
    if let Some(table) = table.downcast_ref::<ValuesTable>() {
        return Ok(table.identity());
    }
    if let Some(table) = table.downcast_ref::<ParquetTable>() {
        return Ok(table.identity());
    }
    Err("what its source holds cannot be told".to_owned())
}
