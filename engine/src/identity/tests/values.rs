//! Types and constants.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeListArray, Int32Array, Int32Builder, Int64Array, LargeListArray, ListArray,
    MapArray, MapBuilder, StringBuilder, StructArray,
};
use arrow::array::{LargeListViewArray, ListViewArray};
use arrow::datatypes::{
    DataType, Field, Fields, Int32Type, IntervalDayTime, IntervalMonthDayNano, IntervalUnit,
    TimeUnit, UnionFields, UnionMode, i256,
};
use datafusion::common::ScalarValue as Value;

use super::check_distinct;
use crate::identity::encoder::Encoder;
use crate::identity::{FileIdentity, SourceIdentity};

fn field(kind: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", kind, true))
}

fn union_fields() -> UnionFields {
    [(0, field(DataType::Int32)), (1, field(DataType::Utf8))].into_iter().collect()
}

fn simple_types() -> Vec<DataType> {
    let units = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond];
    let mut types = vec![
        DataType::Null,
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
        DataType::Date32,
        DataType::Date64,
        DataType::Binary,
        DataType::LargeBinary,
        DataType::BinaryView,
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::FixedSizeBinary(2),
        DataType::FixedSizeBinary(3),
        DataType::Interval(IntervalUnit::YearMonth),
        DataType::Interval(IntervalUnit::DayTime),
        DataType::Interval(IntervalUnit::MonthDayNano),
    ];
    for unit in units.into_iter().chain([TimeUnit::Nanosecond]) {
        types.extend([
            DataType::Timestamp(unit, None),
            DataType::Timestamp(unit, Some("UTC".into())),
        ]);
        types.extend([DataType::Time32(unit), DataType::Time64(unit), DataType::Duration(unit)]);
    }
    for (digits, scale) in [(5, 1), (6, 1), (5, 2)] {
        types.extend([DataType::Decimal32(digits, scale), DataType::Decimal64(digits, scale)]);
        types.extend([DataType::Decimal128(digits, scale), DataType::Decimal256(digits, scale)]);
    }
    types
}

fn nested_types() -> Vec<DataType> {
    let mut types = Vec::new();
    let metadata = HashMap::from([("lakebed.type".to_owned(), "json".to_owned())]);
    let item = Field::new("item", DataType::Int32, true);
    let parts = [
        item.clone(),
        item.clone().with_name("other"),
        item.clone().with_nullable(false),
        item.clone().with_data_type(DataType::Utf8),
        item.with_metadata(metadata),
    ];
    for part in parts.into_iter().map(Arc::new) {
        let part = || Arc::clone(&part);
        types.extend([
            DataType::List(part()),
            DataType::ListView(part()),
            DataType::LargeList(part()),
        ]);
        types.extend([DataType::LargeListView(part()), DataType::Struct(vec![part()].into())]);
        types.extend([DataType::FixedSizeList(part(), 2), DataType::FixedSizeList(part(), 3)]);
        types.extend([DataType::Map(part(), false), DataType::Map(part(), true)]);
        types.extend([
            DataType::RunEndEncoded(part(), field(DataType::Int64)),
            DataType::RunEndEncoded(field(DataType::Int64), part()),
        ]);
    }
    let three =
        Fields::from(vec![field(DataType::Int32), field(DataType::Int32), field(DataType::Int32)]);
    types.push(DataType::Struct(three));
    types.push(DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)));
    types.push(DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8)));
    types.push(DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Binary)));
    types.push(DataType::Union(union_fields(), UnionMode::Dense));
    types.push(DataType::Union(union_fields(), UnionMode::Sparse));
    let swapped = [(1, field(DataType::Int32)), (0, field(DataType::Utf8))];
    types.push(DataType::Union(swapped.into_iter().collect(), UnionMode::Dense));
    types
}

#[test]
fn types() {
    let types = simple_types().into_iter().chain(nested_types());
    check_distinct(types.map(|kind| {
        let mut out = Encoder::new("type");
        out.data_type(&kind);
        (format!("{kind:?}"), out.finish().to_hex().to_string())
    }));
}

fn plain_values() -> Vec<Value> {
    let zone: Option<Arc<str>> = Some("UTC".into());
    let mut values = vec![Value::Null];
    values.extend([None, Some(true), Some(false)].map(Value::Boolean));
    let floats = [0.0, -0.0, 1.5, f64::NAN, -f64::NAN, f64::INFINITY];
    values.extend(floats.map(|value| Value::Float64(Some(value))));
    values.extend([0.0, -0.0, 1.5].map(|value| Value::Float32(Some(value))));
    values.push(Value::Float16(None));
    for value in [None, Some(1_u8), Some(2)] {
        values.extend([
            Value::UInt8(value),
            Value::Int8(value.map(|value| i8::try_from(value).unwrap())),
        ]);
        values.extend([Value::UInt16(value.map(u16::from)), Value::Int16(value.map(i16::from))]);
        values.extend([Value::UInt32(value.map(u32::from)), Value::UInt64(value.map(u64::from))]);
        values.push(Value::Decimal128(value.map(i128::from), 5, 1));
        let wide = value.map(|value| i256::from_i128(value.into()));
        values.push(Value::Decimal256(wide, 5, 1));
        let (value, long) = (value.map(i32::from), value.map(i64::from));
        values.extend([Value::Int32(value), Value::Date32(value), Value::Time32Second(value)]);
        values.extend([Value::Time32Millisecond(value), Value::IntervalYearMonth(value)]);
        values.extend([Value::Decimal32(value, 5, 1), Value::Decimal32(value, 5, 2)]);
        values.extend([Value::Int64(long), Value::Date64(long), Value::Decimal64(long, 5, 1)]);
        values.extend([Value::Time64Microsecond(long), Value::Time64Nanosecond(long)]);
        values.push(Value::TimestampSecond(long, None));
        values.push(Value::TimestampSecond(long, zone.clone()));
        values.push(Value::TimestampMillisecond(long, None));
        values.push(Value::TimestampMicrosecond(long, None));
        values.push(Value::TimestampNanosecond(long, None));
        values.extend([Value::DurationSecond(long), Value::DurationMillisecond(long)]);
        values.extend([Value::DurationMicrosecond(long), Value::DurationNanosecond(long)]);
    }
    for (days, rest) in [(1, 2), (2, 1)] {
        values.push(Value::IntervalDayTime(Some(IntervalDayTime::new(days, rest))));
        let moment = IntervalMonthDayNano::new(days, rest, 0);
        values.push(Value::IntervalMonthDayNano(Some(moment)));
    }
    values
}

fn nested_values() -> Vec<Value> {
    let mut values = Vec::new();
    for text in [None, Some(""), Some("a"), Some("ab")] {
        let (owned, bytes) = (text.map(str::to_owned), text.map(|text| text.as_bytes().to_vec()));
        values.extend([Value::Utf8(owned.clone()), Value::LargeUtf8(owned.clone())]);
        values.extend([Value::Utf8View(owned), Value::Binary(bytes.clone())]);
        values.extend([Value::LargeBinary(bytes.clone()), Value::BinaryView(bytes.clone())]);
        values.push(Value::FixedSizeBinary(2, bytes));
        let inner = Value::Utf8(text.map(str::to_owned));
        values.push(Value::Dictionary(Box::new(DataType::Int8), Box::new(inner.clone())));
        let ends = Arc::new(Field::new("ends", DataType::Int32, false));
        values.push(Value::RunEndEncoded(ends, field(DataType::Utf8), Box::new(inner.clone())));
        let choice = Some((1, Box::new(inner)));
        values.push(Value::Union(choice, union_fields(), UnionMode::Dense));
    }
    values.push(Value::Union(None, union_fields(), UnionMode::Dense));
    let lists: [Option<Vec<Option<i32>>>; 4] =
        [None, Some(vec![]), Some(vec![Some(1), None]), Some(vec![None, Some(1)])];
    for list in lists {
        let one = || vec![list.clone()];
        values
            .push(Value::List(Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(one()))));
        let large = LargeListArray::from_iter_primitive::<Int32Type, _, _>(one());
        values.push(Value::LargeListView(Arc::new(LargeListViewArray::from(large.clone()))));
        values.push(Value::LargeList(Arc::new(large)));
        let view = ListArray::from_iter_primitive::<Int32Type, _, _>(one());
        values.push(Value::ListView(Arc::new(ListViewArray::from(view))));
    }
    for pair in [[Some(1), Some(2)], [Some(2), Some(1)], [None, Some(1)]] {
        let list = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>([Some(pair)], 2);
        values.push(Value::FixedSizeList(Arc::new(list)));
    }
    for (number, other) in [(1, 2), (2, 1)] {
        let columns: Vec<(Arc<Field>, ArrayRef)> = vec![
            (field(DataType::Int32), Arc::new(Int32Array::from(vec![number]))),
            (
                Arc::new(Field::new("b", DataType::Int64, true)),
                Arc::new(Int64Array::from(vec![other])),
            ),
        ];
        values.push(Value::Struct(Arc::new(StructArray::from(columns))));
        values.push(Value::Map(Arc::new(map("k", number))));
        values.push(Value::Map(Arc::new(map("l", number))));
    }
    values
}

fn map(key: &str, value: i32) -> MapArray {
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    map.keys().append_value(key);
    map.values().append_value(value);
    map.append(true).unwrap();
    map.finish()
}

#[test]
fn constants() {
    let values = plain_values().into_iter().chain(nested_values());
    check_distinct(values.map(|value| {
        let mut out = Encoder::new("value");
        out.scalar(&value);
        (format!("{value:?}: {}", value.data_type()), out.finish().to_hex().to_string())
    }));
}

#[test]
fn what_follows_is_told_from_what_came_before() {
    let digests =
        [&["ab", "c"][..], &["a", "bc"], &["abc"], &["abc", ""], &["", "abc"]].map(|texts| {
            let mut out = Encoder::new("texts");
            texts.iter().for_each(|text| out.text(text));
            out.finish()
        });
    for (at, digest) in digests.iter().enumerate() {
        assert!(!digests[..at].contains(digest), "{at}");
    }
}

#[test]
fn metadata_has_no_order() {
    let pairs =
        [("b", "1"), ("a", "2"), ("c", "3")].map(|(key, text)| (key.to_owned(), text.to_owned()));
    let digest = |pairs: Vec<(String, String)>| {
        let mut out = Encoder::new("metadata");
        out.metadata(&pairs.into_iter().collect());
        out.finish()
    };
    assert_eq!(digest(pairs.to_vec()), digest(pairs.into_iter().rev().collect()));
}

#[test]
fn sources() {
    let version = |uuid: &str, paths: &[&[&str]]| SourceIdentity::Version {
        uuid: uuid.to_owned(),
        paths: paths
            .iter()
            .map(|path| path.iter().map(|&step| step.to_owned()).collect())
            .collect(),
    };
    let apart = |other: &str, is_start| SourceIdentity::Apart {
        uuid: "1".to_owned(),
        paths: vec![],
        other: other.to_owned(),
        is_start,
    };
    let at = |places: &str| SourceIdentity::At {
        uuid: "1".to_owned(),
        paths: vec![],
        places: places.to_owned(),
    };
    let base = FileIdentity {
        path: "a".to_owned(),
        bytes: 1,
        modified: 1,
        e_tag: None,
        changed: Some((1, 2)),
        folders: vec![],
    };
    let files = [
        FileIdentity { path: "b".to_owned(), ..base.clone() },
        FileIdentity { bytes: 2, ..base.clone() },
        FileIdentity { modified: 2, ..base.clone() },
        FileIdentity { e_tag: Some(String::new()), ..base.clone() },
        FileIdentity { e_tag: Some("1".to_owned()), ..base.clone() },
        FileIdentity { changed: None, ..base.clone() },
        FileIdentity { changed: Some((2, 1)), ..base.clone() },
        FileIdentity { folders: vec![Value::Utf8(None)], ..base.clone() },
        FileIdentity { folders: vec![Value::Int64(Some(1))], ..base.clone() },
        base.clone(),
    ];
    let mut sources: Vec<_> =
        files.iter().map(|file| SourceIdentity::Files(vec![file.clone()])).collect();
    sources.extend([files.to_vec(), vec![], vec![base; 2]].map(SourceIdentity::Files));
    sources.extend([version("1", &[]), version("2", &[]), version("1", &[&["a", "b"]])]);
    sources.extend([version("1", &[&["a"], &["b"]]), version("1", &[&["b"], &["a"]])]);
    sources.extend([apart("2", true), apart("2", false), apart("3", false)]);
    sources.extend(["1", "2"].map(at));
    sources.extend(["1", "2"].map(|digest| SourceIdentity::Values { digest: digest.to_owned() }));
    check_distinct(
        sources.iter().map(|source| (format!("{source:?}"), source.digest().to_hex().to_string())),
    );
}
