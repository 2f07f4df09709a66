//! Which rows have one key.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    StringViewArray, UInt64Array,
};
use arrow::array::{Int64Builder, MapBuilder, StringBuilder, TimestampMicrosecondArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type};

use super::{Key, RowKeys};

fn keys(columns: &[ArrayRef]) -> Vec<Key> {
    let kinds: Vec<DataType> = columns.iter().map(|column| column.data_type().clone()).collect();
    let named = columns.iter().enumerate().map(|(at, column)| (at.to_string(), Arc::clone(column)));
    let rows = RecordBatch::try_from_iter(named).unwrap();
    RowKeys::try_new(&kinds, None).unwrap().of(&rows).unwrap()
}

fn integers(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

#[test]
fn equal_values_have_one_key_and_others_another() {
    let numbers = keys(&[integers([Some(1), Some(2), None, Some(1), None, Some(0)])]);
    assert_eq!((numbers[0], numbers[2]), (numbers[3], numbers[4]));
    let different: std::collections::HashSet<Key> = numbers.into_iter().collect();
    assert_eq!(different.len(), 4);
}

#[test]
fn how_rows_are_cut_does_not_matter() {
    let all = integers((0..100).map(|at| (at % 7 != 0).then_some(at)));
    let whole = keys(&[Arc::clone(&all)]);
    let parts: Vec<Key> = [(0, 13), (13, 1), (14, 86)]
        .iter()
        .flat_map(|(at, n)| keys(&[all.slice(*at, *n)]))
        .collect();
    assert_eq!(whole, parts);
    let batch = |at, n| RecordBatch::try_from_iter([("x", all.slice(at, n))]).unwrap();
    let joined = concat_batches(&batch(0, 1).schema(), &[batch(0, 50), batch(50, 50)]).unwrap();
    assert_eq!(keys(joined.columns()), whole);
}

#[test]
fn floats_count_by_their_bits() {
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, f64::NAN]));
    let found = keys(&[floats]);
    assert_ne!(found[0], found[1]);
    assert_eq!(found[2], found[3]);
}

#[test]
fn types_count_but_not_how_texts_are_stored() {
    let number: ArrayRef = Arc::new(Int64Array::from(vec![0]));
    let time: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![0]));
    // As rows are compared, these have the same bytes.
    let large: ArrayRef = Arc::new(UInt64Array::from(vec![1 << 63]));
    let found = [keys(&[number])[0], keys(&[time])[0], keys(&[large])[0]];
    assert!(found[0] != found[1] && found[0] != found[2]);
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a", "a longer text than fits inside"]));
    let view: ArrayRef =
        Arc::new(StringViewArray::from(vec!["a", "a longer text than fits inside"]));
    assert_eq!(keys(&[text]), keys(&[view]));
}

#[test]
fn which_argument_has_a_value_counts() {
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    assert_ne!(keys(&[text("ab"), text("c")]), keys(&[text("a"), text("bc")]));
    assert_ne!(keys(&[text("a"), text("b")]), keys(&[text("b"), text("a")]));
}

#[test]
fn lists_and_maps_have_keys() {
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
        Some(vec![Some(1), None]),
        Some(vec![]),
        None,
        Some(vec![Some(1), None]),
    ]);
    let found = keys(&[Arc::new(lists)]);
    assert_eq!(found[0], found[3]);
    assert!(found[0] != found[1] && found[1] != found[2]);
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for value in [1, 2, 1] {
        maps.keys().append_value("key");
        maps.values().append_value(value);
        maps.append(true).unwrap();
    }
    let found = keys(&[Arc::new(maps.finish())]);
    assert_eq!(found[0], found[2]);
    assert_ne!(found[0], found[1]);
}

#[test]
fn without_arguments_all_rows_have_one_key() {
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(3));
    let rows = RecordBatch::try_new_with_options(
        Arc::new(arrow::datatypes::Schema::empty()),
        vec![],
        &options,
    );
    let found = RowKeys::try_new(&[], None).unwrap().of(&rows.unwrap()).unwrap();
    assert_eq!(found, [found[0]; 3]);
}
