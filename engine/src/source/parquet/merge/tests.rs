//! What files that differ become.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::merged;

fn schema(fields: &[(&str, DataType)]) -> SchemaRef {
    let fields = fields.iter().map(|(name, kind)| Field::new(*name, kind.clone(), false));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

#[track_caller]
fn check(left: &[(&str, DataType)], right: &[(&str, DataType)], expected: &str) {
    let (left, right) = (schema(left), schema(right));
    let seen = match merged([("1", &left), ("2", &right)].into_iter()) {
        Ok(schema) => {
            let shown = schema.fields().iter().map(|field| {
                let optional = if field.is_nullable() { "?" } else { "" };
                format!("{}: {}{optional}", field.name(), field.data_type())
            });
            shown.collect::<Vec<_>>().join(", ")
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(seen, expected);
}

#[test]
fn columns_widen_and_gaps_are_null() {
    use DataType::{Boolean, Float64, Int32, Int64, Utf8};
    check(&[("x", Int64)], &[("x", Int64)], "x: Int64");
    check(&[("x", Int64)], &[("x", Float64)], "x: Float64");
    check(&[("x", Int32)], &[("x", Int64)], "x: Int64");
    check(
        &[("x", Int64), ("y", Utf8)],
        &[("x", Int64), ("z", Boolean)],
        "x: Int64, y: Utf8?, z: Boolean?",
    );
    check(
        &[("x", Int64)],
        &[("x", Utf8)],
        "column `x` as Int64 in one file and Utf8 in `2` is not supported; read the files apart and cast the column",
    );
}
