//! Text of values.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field};
use proptest::prelude::any;
use proptest::proptest;

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

#[test]
fn text_is_escaped_where_json_asks_for_it() {
    let column: ArrayRef =
        Arc::new(StringArray::from(vec!["plain, ü", "a\"b\\c\n", "long enough \u{1f}", ""]));
    let field = Field::new("x", DataType::Utf8, false);
    let expected = ["\"plain, ü\"", r#""a\"b\\c\n""#, r#""long enough \u001f""#, "\"\""];
    check(&column, &field, &expected);
}

proptest! {
    #[test]
    fn floats_are_short_and_read_back(
        bits in any::<u64>(),
        part in -1e6..1e6,
        exponent in -7..18,
    ) {
        let power = 10_f64.powi(exponent);
        for value in [f64::from_bits(bits), part, part.trunc(), power, part * power, 0.0, -0.0] {
            let column: ArrayRef = Arc::new(Float64Array::from(vec![value]));
            let mut out = Vec::new();
            let field = Field::new("x", DataType::Float64, false);
            json(&column, &field).unwrap()(0, &mut out);
            let text = String::from_utf8(out).unwrap();
            if !value.is_finite() {
                assert_eq!(text, "null");
                continue;
            }
            // Of two that are as near, Rust takes another one than Python.
            let shown = format!("{value:?}");
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
            assert_eq!(text.len(), shown.len(), "{text} {shown}");
        }
    }

    #[test]
    fn whole_numbers_are_as_rust_shows_them(value in any::<i64>()) {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![value, i64::MIN, 0]));
        let field = Field::new("x", DataType::Int64, false);
        check(&column, &field, &[&value.to_string(), &i64::MIN.to_string(), "0"]);
    }
}
