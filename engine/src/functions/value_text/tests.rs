//! Values within others, as text and as JSON.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, ListArray, StringArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};

use super::{Look, needs_quotes, texts};

fn list_of(items: ArrayRef) -> ArrayRef {
    let item = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths([items.len()]);
    Arc::new(ListArray::new(item, offsets, items, None))
}

fn check(value: &ArrayRef, sql: &str, json: &str) {
    assert_eq!(texts(value, Look::Sql).unwrap().value(0), sql);
    assert_eq!(texts(value, Look::Json).unwrap().value(0), json);
}

#[test]
fn values_within_others() {
    let names = StringArray::from(vec![Some("a b"), None, Some("it's"), Some("")]);
    check(&list_of(Arc::new(names)), r"[a b, NULL, 'it\'s', '']", r#"["a b",null,"it's",""]"#);
    let numbers = Float64Array::from(vec![1.5, f64::NAN]);
    check(&list_of(Arc::new(numbers)), "[1.5, NaN]", "[1.5,null]");
    let field = Arc::new(Field::new("x\"", DataType::Utf8, true));
    let model =
        StructArray::from(vec![(field, Arc::new(StringArray::from(vec!["{"])) as ArrayRef)]);
    check(&(Arc::new(model) as ArrayRef), "{'x\"': '{'}", r#"{"x\"":"{"}"#);
}

#[test]
fn what_is_told_from_its_surroundings() {
    for text in ["", " a", "NULL", "null", "a,b", "a:b", "[", "a=b", "\\"] {
        assert!(needs_quotes(text), "{text}");
    }
    for text in ["a b", "a-b", "a/b;c", "ä", "1"] {
        assert!(!needs_quotes(text), "{text}");
    }
}
