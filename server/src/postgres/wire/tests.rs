//! Types that PostgreSQL does not have become some that it has.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, Int32Array, Int32Builder, LargeListArray,
    ListArray, MapBuilder, RecordBatch, StringArray, StringBuilder, StructArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Int32Type};
use arrow::util::display::array_value_to_string;

use super::{wire_batch, wire_schema};

/// Sends a column; its type, and its rows as text.
fn sent(column: ArrayRef) -> (DataType, Vec<String>) {
    let batch = RecordBatch::try_from_iter([("x", column)]).unwrap();
    let sent = wire_batch(&batch, &wire_schema(&batch.schema())).unwrap();
    let column = sent.column(0);
    let text = |row| array_value_to_string(column, row).unwrap();
    (column.data_type().clone(), (0..column.len()).map(text).collect())
}

fn list(of: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(of, true)))
}

#[test]
fn lists_of_all_kinds_are_lists() {
    let rows = || vec![Some(vec![Some(1), None]), None];
    let large = LargeListArray::from_iter_primitive::<Int32Type, _, _>(rows());
    let expected = vec!["[1, ]".to_owned(), String::new()];
    assert_eq!(sent(Arc::new(large)), (list(DataType::Int32), expected.clone()));
    let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(rows(), 2);
    assert_eq!(sent(Arc::new(fixed)), (list(DataType::Int32), expected));
}

#[test]
fn half_floats_are_floats_also_in_lists() {
    let fixed =
        FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>([Some([Some(1.5)])], 1);
    let halves =
        DataType::FixedSizeList(Arc::new(Field::new_list_field(DataType::Float16, true)), 1);
    let halves = cast(&fixed, &halves).unwrap();
    assert_eq!(sent(halves), (list(DataType::Float32), vec!["[1.5]".to_owned()]));
}

#[test]
fn lists_of_lists_and_maps_are_json() {
    let inner = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), None])]);
    let field = Arc::new(Field::new_list_field(inner.data_type().clone(), true));
    let nested = FixedSizeListArray::new(field, 1, Arc::new(inner), None);
    assert_eq!(sent(Arc::new(nested)), (DataType::Utf8, vec!["[[1,null]]".to_owned()]));
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    maps.keys().append_value("a");
    maps.values().append_value(1);
    maps.append(true).unwrap();
    assert_eq!(sent(Arc::new(maps.finish())), (DataType::Utf8, vec![r#"{"a":1}"#.to_owned()]));
}

#[test]
fn zones_are_offsets_and_dictionaries_their_values() {
    let times = TimestampMicrosecondArray::from(vec![Some(0), None]).with_timezone("Europe/Berlin");
    let (kind, rows) = sent(Arc::new(times));
    assert_eq!(kind.to_string(), "Timestamp(µs, \"+00:00\")");
    assert_eq!(rows, ["1970-01-01T00:00:00Z", ""]);
    let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let words = cast(&StringArray::from(vec!["a", "b", "a"]), &kind).unwrap();
    assert_eq!(sent(words), (DataType::Utf8, ["a", "b", "a"].map(str::to_owned).to_vec()));
}

#[test]
fn fields_are_sent_as_columns_are() {
    let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(7)])], 1);
    let whole = StructArray::try_from(vec![
        ("vec", Arc::new(fixed) as ArrayRef),
        ("n", Arc::new(Int32Array::from(vec![1])) as ArrayRef),
    ]);
    let batch = RecordBatch::try_from_iter([("x", Arc::new(whole.unwrap()) as ArrayRef)]).unwrap();
    let sent = wire_batch(&batch, &wire_schema(&batch.schema())).unwrap();
    let field = sent.column(0).as_struct().column(0);
    assert_eq!(field.data_type(), &list(DataType::Int32));
}
