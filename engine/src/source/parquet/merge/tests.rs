//! What files that differ become.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use super::merged;

fn schema(fields: &[(&str, DataType)]) -> SchemaRef {
    Arc::new(Schema::new(columns(fields)))
}

fn columns(fields: &[(&str, DataType)]) -> Fields {
    fields.iter().map(|(name, kind)| Field::new(*name, kind.clone(), false)).collect()
}

fn list(item: DataType) -> DataType {
    DataType::new_list(item, true)
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

/// One column of two types.
#[track_caller]
fn becomes(left: &DataType, right: &DataType, expected: &DataType) {
    let expected = format!("x: {expected}");
    check(&[("x", left.clone())], &[("x", right.clone())], &expected);
    check(&[("x", right.clone())], &[("x", left.clone())], &expected);
}

#[track_caller]
fn refuses(left: &DataType, right: &DataType) {
    let expected = format!(
        "column `x` as {left} in one file and {right} in `2` is not supported; read the files apart and cast the column"
    );
    check(&[("x", left.clone())], &[("x", right.clone())], &expected);
}

#[test]
fn gaps_are_null() {
    use DataType::{Boolean, Int64, Utf8};
    check(
        &[("x", Int64), ("y", Utf8)],
        &[("x", Int64), ("z", Boolean)],
        "x: Int64, y: Utf8?, z: Boolean?",
    );
}

#[test]
fn whole_numbers_widen() {
    use DataType::{Decimal128, Int8, Int16, Int32, Int64, UInt8, UInt32, UInt64};
    becomes(&Int64, &Int64, &Int64);
    becomes(&Int32, &Int64, &Int64);
    becomes(&Int8, &Int16, &Int16);
    becomes(&UInt32, &UInt64, &UInt64);
    becomes(&UInt8, &Int8, &Int64);
    becomes(&UInt64, &Int64, &Decimal128(20, 0));
}

#[test]
fn floats_widen() {
    use DataType::{Decimal128, Float16, Float32, Float64, Int32, Int64, UInt64};
    becomes(&Float16, &Float32, &Float32);
    becomes(&Float32, &Float64, &Float64);
    becomes(&Int32, &Float32, &Float64);
    becomes(&Int64, &Float64, &Float64);
    becomes(&UInt64, &Float32, &Float64);
    refuses(&Decimal128(9, 2), &Float64);
}

#[test]
fn decimals_widen() {
    use DataType::{Decimal128, Decimal256, Int32, Int64};
    becomes(&Decimal128(20, 2), &Decimal128(18, 2), &Decimal128(20, 2));
    becomes(&Decimal128(10, 2), &Decimal128(10, 4), &Decimal128(12, 4));
    becomes(&Decimal128(38, 0), &Decimal256(40, 5), &Decimal256(43, 5));
    refuses(&Decimal128(38, 0), &Decimal128(38, 1));
    becomes(&Decimal128(9, 2), &Int32, &Decimal128(12, 2));
    becomes(&Decimal128(9, 2), &Int64, &Decimal128(21, 2));
    refuses(&Decimal256(76, 0), &Decimal256(76, 1));
}

#[test]
fn times_take_the_finer_unit() {
    use DataType::{Date32, Duration, Time32, Time64, Timestamp};
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    let zoned = |zone: &str| Timestamp(Second, Some(zone.into()));
    becomes(&Timestamp(Second, None), &Timestamp(Nanosecond, None), &Timestamp(Nanosecond, None));
    becomes(&zoned("UTC"), &zoned("Europe/Berlin"), &zoned("UTC"));
    becomes(&Duration(Second), &Duration(Millisecond), &Duration(Millisecond));
    becomes(&Time32(Second), &Time32(Millisecond), &Time32(Millisecond));
    becomes(&Time32(Second), &Time64(Microsecond), &Time64(Microsecond));
    refuses(&Timestamp(Second, None), &zoned("UTC"));
    refuses(&Date32, &Timestamp(Second, None));
}

#[test]
fn texts_and_bytes_are_one_kind() {
    use DataType::{Binary, BinaryView, FixedSizeBinary, Int8, Int32, LargeUtf8, Utf8, Utf8View};
    let coded = |keys: DataType| DataType::Dictionary(Box::new(keys), Box::new(Utf8));
    becomes(&Utf8, &LargeUtf8, &LargeUtf8);
    becomes(&Utf8View, &LargeUtf8, &Utf8View);
    becomes(&coded(Int32), &Utf8View, &Utf8View);
    becomes(&coded(Int32), &coded(Int8), &Utf8);
    becomes(&coded(Int32), &coded(Int32), &coded(Int32));
    becomes(&FixedSizeBinary(4), &BinaryView, &BinaryView);
    becomes(&FixedSizeBinary(4), &FixedSizeBinary(5), &Binary);
    refuses(&Utf8, &Binary);
    refuses(&DataType::Int64, &Utf8);
}

#[test]
fn lists_widen_by_their_items() {
    use DataType::{Int32, Int64, Utf8};
    let three = |item: DataType| DataType::new_fixed_size_list(item, 3, true);
    becomes(&list(Int32), &list(Int64), &list(Int64));
    becomes(&three(Int32), &three(Int64), &three(Int64));
    becomes(&three(Int32), &list(Int32), &list(Int32));
    becomes(
        &list(Int32),
        &DataType::new_large_list(Int32, true),
        &DataType::new_large_list(Int32, true),
    );
    refuses(&list(Int32), &list(Utf8));
}

#[test]
fn models_have_the_fields_of_both() {
    use DataType::{Int32, Int64, Struct, Utf8};
    let (one, other) =
        (columns(&[("a", Int32), ("b", Utf8)]), columns(&[("a", Int64), ("c", Utf8)]));
    let both = vec![
        Field::new("a", Int64, false),
        Field::new("b", Utf8, true),
        Field::new("c", Utf8, true),
    ];
    let seen = merged(
        [("1", &schema(&[("x", Struct(one))])), ("2", &schema(&[("x", Struct(other))]))]
            .into_iter(),
    );
    assert_eq!(seen.unwrap().field(0).data_type(), &Struct(both.into()));
    let (one, other) = (columns(&[("a", Int64)]), columns(&[("a", Utf8)]));
    check(
        &[("x", Struct(one))],
        &[("x", Struct(other))],
        "column `x.a` as Int64 in one file and Utf8 in `2` is not supported; read the files apart and cast the column",
    );
}

#[test]
fn fields_of_what_may_be_null_may_be_null() {
    let model = |fields: Fields, nullable| Field::new("x", DataType::Struct(fields), nullable);
    let required = model(columns(&[("n", DataType::Int64)]), false);
    let given = Schema::new(vec![model(vec![required.clone()].into(), true)]);
    let optional = model(vec![Field::new("n", DataType::Int64, true)].into(), true);
    let seen = merged([("1", &Arc::new(given))].into_iter()).unwrap();
    assert_eq!(seen.field(0).data_type(), &DataType::Struct(vec![optional].into()));
    let seen = merged([("1", &Arc::new(Schema::new(vec![required.clone()])))].into_iter());
    assert_eq!(seen.unwrap().field(0), &required);
}
