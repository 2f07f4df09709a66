//! Types and constants, exactly: floats by their bits, types with the names, the nullability and the metadata of their
//! parts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::{
    ArrowNativeType, DataType, Field, FieldRef, IntervalUnit, Schema, TimeUnit, ToByteSlice,
    UnionFields, UnionMode,
};
use datafusion::common::ScalarValue;

use super::Content;
use super::encoder::Encoder;

impl Encoder {
    pub(super) fn schema(&mut self, schema: &Schema) {
        let Schema { fields, metadata } = schema;
        self.fields(fields);
        self.metadata(metadata);
    }

    pub(super) fn fields(&mut self, fields: &[FieldRef]) {
        self.list(fields, |out, field| out.field(field));
    }

    pub(super) fn field(&mut self, field: &Field) {
        self.text(field.name());
        self.data_type(field.data_type());
        self.flag(field.is_nullable());
        self.metadata(field.metadata());
    }

    /// In the order of the keys.
    pub(super) fn metadata(&mut self, metadata: &HashMap<String, String>) {
        let sorted: BTreeMap<&String, &String> = metadata.iter().collect();
        self.list(sorted, Self::entry);
    }

    pub(super) fn entry(&mut self, (key, value): (&String, &String)) {
        self.text(key);
        self.text(value);
    }

    /// A value and its type.
    pub(super) fn scalar(&mut self, value: &ScalarValue) {
        use ScalarValue as Value;
        self.data_type(&value.data_type());
        match value {
            Value::Null => {}
            Value::Boolean(value) => self.maybe(*value, Self::flag),
            Value::Float16(value) => self.native(*value),
            Value::Float32(value) => self.native(*value),
            Value::Float64(value) => self.native(*value),
            Value::Decimal32(value, _, _) => self.native(*value),
            Value::Decimal64(value, _, _) => self.native(*value),
            Value::Decimal128(value, _, _) => self.native(*value),
            Value::Decimal256(value, _, _) => self.native(*value),
            Value::Int8(value) => self.native(*value),
            Value::Int16(value) => self.native(*value),
            Value::UInt8(value) => self.native(*value),
            Value::UInt16(value) => self.native(*value),
            Value::UInt32(value) => self.native(*value),
            Value::UInt64(value) => self.native(*value),
            Value::Int32(value)
            | Value::Date32(value)
            | Value::Time32Second(value)
            | Value::Time32Millisecond(value)
            | Value::IntervalYearMonth(value) => self.native(*value),
            Value::Int64(value)
            | Value::Date64(value)
            | Value::Time64Microsecond(value)
            | Value::Time64Nanosecond(value)
            | Value::TimestampSecond(value, _)
            | Value::TimestampMillisecond(value, _)
            | Value::TimestampMicrosecond(value, _)
            | Value::TimestampNanosecond(value, _)
            | Value::DurationSecond(value)
            | Value::DurationMillisecond(value)
            | Value::DurationMicrosecond(value)
            | Value::DurationNanosecond(value) => self.native(*value),
            Value::IntervalDayTime(value) => self.native(*value),
            Value::IntervalMonthDayNano(value) => self.native(*value),
            Value::Utf8(value) | Value::Utf8View(value) | Value::LargeUtf8(value) => {
                self.maybe(value.as_deref(), Self::text);
            }
            Value::Binary(value)
            | Value::BinaryView(value)
            | Value::FixedSizeBinary(_, value)
            | Value::LargeBinary(value) => self.maybe(value.as_deref(), Self::bytes),
            Value::FixedSizeList(value) => self.array(value),
            Value::List(value) => self.array(value),
            Value::LargeList(value) => self.array(value),
            Value::ListView(value) => self.array(value),
            Value::LargeListView(value) => self.array(value),
            Value::Struct(value) => self.array(value),
            Value::Map(value) => self.array(value),
            Value::Union(value, _, _) => self.maybe(value.as_ref(), Self::union_value),
            Value::Dictionary(_, value) | Value::RunEndEncoded(_, _, value) => self.scalar(value),
        }
    }

    /// The bytes of a number.
    fn native<T: ArrowNativeType>(&mut self, value: Option<T>) {
        self.maybe(value, |out, value| out.bytes(value.to_byte_slice()));
    }

    fn union_value(&mut self, (kind, value): &(i8, Box<ScalarValue>)) {
        self.signed(i64::from(*kind));
        self.scalar(value);
    }

    fn array<A: Array>(&mut self, array: &Arc<A>) {
        self.text(&Content::of_array(array.as_ref()));
    }

    pub(super) fn data_type(&mut self, kind: &DataType) {
        match kind {
            DataType::Null => self.tag("null"),
            DataType::Boolean => self.tag("boolean"),
            DataType::Int8 => self.tag("int8"),
            DataType::Int16 => self.tag("int16"),
            DataType::Int32 => self.tag("int32"),
            DataType::Int64 => self.tag("int64"),
            DataType::UInt8 => self.tag("uint8"),
            DataType::UInt16 => self.tag("uint16"),
            DataType::UInt32 => self.tag("uint32"),
            DataType::UInt64 => self.tag("uint64"),
            DataType::Float16 => self.tag("float16"),
            DataType::Float32 => self.tag("float32"),
            DataType::Float64 => self.tag("float64"),
            DataType::Timestamp(unit, zone) => self.timestamp(*unit, zone.as_deref()),
            DataType::Date32 => self.tag("date32"),
            DataType::Date64 => self.tag("date64"),
            DataType::Time32(unit) => self.time("time32", *unit),
            DataType::Time64(unit) => self.time("time64", *unit),
            DataType::Duration(unit) => self.time("duration", *unit),
            DataType::Interval(unit) => self.interval(*unit),
            DataType::Binary => self.tag("binary"),
            DataType::FixedSizeBinary(bytes) => self.sized("fixed size binary", *bytes),
            DataType::LargeBinary => self.tag("large binary"),
            DataType::BinaryView => self.tag("binary view"),
            DataType::Utf8 => self.tag("utf8"),
            DataType::LargeUtf8 => self.tag("large utf8"),
            DataType::Utf8View => self.tag("utf8 view"),
            DataType::List(item) => self.nested("list", item),
            DataType::ListView(item) => self.nested("list view", item),
            DataType::FixedSizeList(item, length) => {
                self.sized("fixed size list", *length);
                self.field(item);
            }
            DataType::LargeList(item) => self.nested("large list", item),
            DataType::LargeListView(item) => self.nested("large list view", item),
            DataType::Struct(fields) => {
                self.tag("struct");
                self.fields(fields);
            }
            DataType::Union(fields, mode) => self.union(fields, *mode),
            DataType::Dictionary(key, value) => self.dictionary(key, value),
            DataType::Decimal32(digits, scale) => self.decimal("decimal32", *digits, *scale),
            DataType::Decimal64(digits, scale) => self.decimal("decimal64", *digits, *scale),
            DataType::Decimal128(digits, scale) => self.decimal("decimal128", *digits, *scale),
            DataType::Decimal256(digits, scale) => self.decimal("decimal256", *digits, *scale),
            DataType::Map(entries, sorted) => {
                self.nested("map", entries);
                self.flag(*sorted);
            }
            DataType::RunEndEncoded(ends, values) => {
                self.nested("run ends", ends);
                self.field(values);
            }
        }
    }

    fn timestamp(&mut self, unit: TimeUnit, zone: Option<&str>) {
        self.time("timestamp", unit);
        self.maybe(zone, Self::text);
    }

    fn time(&mut self, tag: &str, unit: TimeUnit) {
        self.tag(tag);
        self.tag(match unit {
            TimeUnit::Second => "s",
            TimeUnit::Millisecond => "ms",
            TimeUnit::Microsecond => "us",
            TimeUnit::Nanosecond => "ns",
        });
    }

    fn interval(&mut self, unit: IntervalUnit) {
        self.tag("interval");
        self.tag(match unit {
            IntervalUnit::YearMonth => "year month",
            IntervalUnit::DayTime => "day time",
            IntervalUnit::MonthDayNano => "month day nano",
        });
    }

    fn sized(&mut self, tag: &str, size: i32) {
        self.tag(tag);
        self.signed(i64::from(size));
    }

    fn nested(&mut self, tag: &str, item: &Field) {
        self.tag(tag);
        self.field(item);
    }

    fn union(&mut self, fields: &UnionFields, mode: UnionMode) {
        self.tag("union");
        self.flag(mode == UnionMode::Dense);
        self.count(fields.len());
        for (kind, field) in fields.iter() {
            self.signed(i64::from(kind));
            self.field(field);
        }
    }

    fn dictionary(&mut self, key: &DataType, value: &DataType) {
        self.tag("dictionary");
        self.data_type(key);
        self.data_type(value);
    }

    fn decimal(&mut self, tag: &str, digits: u8, scale: i8) {
        self.tag(tag);
        self.number(u64::from(digits));
        self.signed(i64::from(scale));
    }
}
