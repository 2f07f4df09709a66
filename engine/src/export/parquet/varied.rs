//! [`varied`]: columns of which a dictionary would have about as many values as they have rows.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use datafusion::common::hash_utils::{RandomState, create_hashes};

/// So many values tell.
const LOOKED_AT: usize = 4096;

/// A dictionary pays if no more of them, in percent, are others: a fifth of a group's values are about so many.
const OTHERS_PERCENT: usize = 90;

/// Of each stored column whether its values are mostly others. Runs of rows are looked at all over the group: what is
/// equal may be near or far.
pub(super) fn varied(rows: &[RecordBatch]) -> Vec<bool> {
    let run = LOOKED_AT.div_ceil(rows.len().max(1));
    let mut hashes: Vec<Vec<u64>> = Vec::new();
    for batch in rows {
        let mut stored = Vec::new();
        batch.columns().iter().for_each(|column| add_stored(column, &mut stored));
        hashes.resize(stored.len(), Vec::new());
        for (column, hashes) in stored.into_iter().zip(&mut hashes) {
            let values = column.slice(0, run.min(column.len()));
            let mut found = vec![0; values.len()];
            if create_hashes([&values], &RandomState::default(), &mut found).is_ok() {
                // Nulls are not stored.
                let there = (0..values.len()).filter(|row| values.is_valid(*row));
                hashes.extend(there.map(|row| found[row]));
            }
        }
    }
    hashes.into_iter().map(are_mostly_others).collect()
}

fn are_mostly_others(mut hashes: Vec<u64>) -> bool {
    let all = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    hashes.len() * 100 > all * OTHERS_PERCENT
}

/// The columns that one is stored in, in their order.
fn add_stored<'a>(column: &'a ArrayRef, stored: &mut Vec<&'a ArrayRef>) {
    match column.data_type() {
        DataType::Struct(_) => {
            column.as_struct().columns().iter().for_each(|field| add_stored(field, stored));
        }
        DataType::List(_) => add_stored(column.as_list::<i32>().values(), stored),
        DataType::LargeList(_) => add_stored(column.as_list::<i64>().values(), stored),
        DataType::FixedSizeList(..) => add_stored(column.as_fixed_size_list().values(), stored),
        DataType::Map(..) => {
            add_stored(column.as_map().keys(), stored);
            add_stored(column.as_map().values(), stored);
        }
        _ => stored.push(column),
    }
}

#[cfg(test)]
mod tests;
