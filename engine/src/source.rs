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

use arrow::datatypes::{DataType, FieldRef, Fields};

pub(crate) use dataset::{DatasetTable, Leaf};
pub(crate) use listing::{FileAt, ListingTable};
pub use listing::{FileKind, Listing};
pub(crate) use memory::{ValuesTable, nulls_in_fields, nulls_reach_fields};
pub(crate) use parquet::ParquetTable;
pub(crate) use plain::{plain, plain_schema};

/// The first name that two columns have, or two fields of one column: then the path of it.
pub(crate) fn doubled(fields: &Fields) -> Option<String> {
    let mut seen = HashSet::new();
    let within =
        |field: &FieldRef| Some(format!("{}.{}", field.name(), doubled_in(field.data_type())?));
    let mut names = fields.iter().map(|field| field.name());
    names.find(|name| !seen.insert(*name)).cloned().or_else(|| fields.iter().find_map(within))
}

fn doubled_in(kind: &DataType) -> Option<String> {
    match kind {
        DataType::Struct(fields) => doubled(fields),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) => pair.iter().find_map(|side| doubled_in(side.data_type())),
            _ => None,
        },
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => doubled_in(item.data_type()),
        _ => None,
    }
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
