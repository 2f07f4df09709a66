//! Rows that are sorted hold on to no more than themselves.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};

use super::owned;

fn page() -> RecordBatch {
    let ids: ArrayRef = Arc::new((0..100_000).collect::<Int64Array>());
    let texts = (0..100_000).map(|id| (id % 7 > 0).then(|| format!("a text of {id}")));
    let texts: ArrayRef = Arc::new(texts.collect::<StringArray>());
    RecordBatch::try_from_iter([("id", ids), ("text", texts)]).unwrap()
}

#[test]
fn a_few_rows_of_a_page_are_copied() {
    let few = page().slice(500, 100);
    let copied = owned(few.clone()).unwrap();
    assert_eq!(copied, few);
    assert!(copied.get_array_memory_size() < 8192, "{}", copied.get_array_memory_size());
}

#[test]
fn views_do_not_hold_on_to_the_texts_beside_theirs() {
    let views = cast(&page()["text"], &DataType::Utf8View).unwrap();
    let inside = Arc::new(Field::new("text", DataType::Utf8View, true));
    let model: ArrayRef = Arc::new(StructArray::new(vec![inside].into(), vec![views], None));
    let page = RecordBatch::try_from_iter([("model", model)]).unwrap();
    let few = page.slice(500, 100);
    let copied = owned(few.clone()).unwrap();
    assert_eq!(copied, few);
    assert!(copied.get_array_memory_size() < 8192, "{}", copied.get_array_memory_size());
    let same = owned(page.slice(1, 90_000)).unwrap();
    assert_eq!(same.get_array_memory_size(), page.get_array_memory_size());
}

#[test]
fn most_rows_of_a_page_stay_where_they_are() {
    let page = page();
    let same = owned(page.slice(1, 90_000)).unwrap();
    assert_eq!(same.get_array_memory_size(), page.get_array_memory_size());
}
