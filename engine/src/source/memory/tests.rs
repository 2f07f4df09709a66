//! What is below a null is null.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};

use super::nulls_below;

#[test]
fn nulls_reach_leaves_through_two_structs() {
    let leaf: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let inner_fields = Fields::from(vec![Field::new("x", DataType::Int64, false)]);
    let inner_nulls = NullBuffer::from(vec![true, true, false]);
    let inner = StructArray::new(inner_fields.clone(), vec![leaf], Some(inner_nulls));
    let outer_fields = Fields::from(vec![Field::new("i", DataType::Struct(inner_fields), true)]);
    let outer_nulls = NullBuffer::from(vec![true, false, true]);
    let outer: ArrayRef =
        Arc::new(StructArray::new(outer_fields, vec![Arc::new(inner)], Some(outer_nulls)));
    let outer = nulls_below(&outer.slice(0, 3), None).unwrap();
    let inner = outer.as_struct().column(0);
    let leaf = inner.as_struct().column(0);
    let seen: Vec<bool> = (0..3).map(|row| leaf.is_valid(row)).collect();
    assert_eq!(seen, [true, false, false]);
}
