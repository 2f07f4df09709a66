//! [`bytes_of`]: how large rows are, without what else is in the memory that they are a slice of.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait, RecordBatch};
use arrow::datatypes::DataType;

pub(crate) fn bytes_of(rows: &RecordBatch) -> usize {
    rows.columns().iter().map(of_column).sum()
}

fn of_column(column: &ArrayRef) -> usize {
    match column.data_type() {
        DataType::Struct(_) => column.as_struct().columns().iter().map(of_column).sum(),
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            of_items(lists.values(), lists.offsets())
        }
        DataType::LargeList(_) => {
            let lists = column.as_list::<i64>();
            of_items(lists.values(), lists.offsets())
        }
        DataType::Map(..) => {
            let maps = column.as_map();
            let entries: ArrayRef = Arc::new(maps.entries().clone());
            of_items(&entries, maps.offsets())
        }
        DataType::FixedSizeList(..) => of_column(column.as_fixed_size_list().values()),
        _ => column.to_data().get_slice_memory_size().unwrap_or_default(),
    }
}

/// The items of lists that begin and end at these offsets.
fn of_items<O: OffsetSizeTrait>(items: &ArrayRef, offsets: &[O]) -> usize {
    let first = offsets.first().map_or(0, |at| at.as_usize());
    let last = offsets.last().map_or(0, |at| at.as_usize());
    size_of_val(offsets) + of_column(&items.slice(first, last - first))
}
