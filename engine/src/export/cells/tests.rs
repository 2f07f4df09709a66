//! Text of values.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Float64Array, StringArray};
use arrow::datatypes::{DataType, Field};

use super::{json, plain};
use crate::model::TYPE_KEY;

#[track_caller]
fn check(column: &ArrayRef, field: &Field, expected: &[&str]) {
    let text = json(column, field).unwrap();
    let shown = (0..column.len()).map(|row| {
        let mut out = Vec::new();
        text(row, &mut out);
        String::from_utf8(out).unwrap()
    });
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

#[test]
fn bytes_are_in_base64() {
    let values: Vec<&[u8]> = vec![b"", b"a", b"ab", b"abc", b"\xff\xfe\xfd\xfc"];
    let column: ArrayRef = Arc::new(BinaryArray::from(values));
    let field = Field::new("x", DataType::Binary, false);
    check(&column, &field, &["\"\"", "\"YQ==\"", "\"YWI=\"", "\"YWJj\"", "\"//79/A==\""]);
}

#[test]
fn json_stays_json_and_has_no_nan() {
    let values = vec![r#"{"a":NaN}"#, r#"["NaN\"",-Infinity,1]"#, r#"{"Infinity":Infinity}"#];
    let column: ArrayRef = Arc::new(StringArray::from(values));
    let text = Field::new("x", DataType::Utf8, false);
    let kind = [(TYPE_KEY.to_owned(), "json".to_owned())];
    let field = text.with_metadata(kind.into());
    check(&column, &field, &[r#"{"a":null}"#, r#"["NaN\"",null,1]"#, r#"{"Infinity":null}"#]);
}

#[test]
fn numbers_that_json_does_not_have() {
    let column: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), Some(f64::NAN), None]));
    let field = Field::new("x", DataType::Float64, true);
    check(&column, &field, &["1.0", "null", "null"]);
    let mut out = Vec::new();
    plain(&column, &field).unwrap()(1, &mut out);
    assert_eq!(out, b"nan");
}
