//! Which scalar type holds the values of two others, exactly; and which list holds those of two lists.

use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, FieldRef, TimeUnit,
};

/// The field of a list's items.
pub(super) fn list_item(kind: &DataType) -> Option<&FieldRef> {
    match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item)
        }
        _ => None,
    }
}

/// A list of such items that holds both lists.
pub(super) fn list(left: &DataType, right: &DataType, item: FieldRef) -> DataType {
    match (left, right) {
        (DataType::FixedSizeList(_, length), DataType::FixedSizeList(_, other))
            if length == other =>
        {
            DataType::FixedSizeList(item, *length)
        }
        (DataType::LargeList(_), _) | (_, DataType::LargeList(_)) => DataType::LargeList(item),
        _ => DataType::List(item),
    }
}

/// The type of both, or of the wider of two units; none where values would change.
pub(super) fn scalar(left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType::{Duration, Time32, Time64, Timestamp};
    match (left, right) {
        (Timestamp(one, zone), Timestamp(other, zone_of_other)) => {
            if zone.is_some() != zone_of_other.is_some() {
                return None;
            }
            let same = zone == zone_of_other;
            let zone = if same { zone.clone() } else { Some("UTC".into()) };
            Some(Timestamp(finer(*one, *other), zone))
        }
        (Duration(one), Duration(other)) => Some(Duration(finer(*one, *other))),
        (Time32(one) | Time64(one), Time32(other) | Time64(other)) => {
            Some(match finer(*one, *other) {
                unit @ (TimeUnit::Second | TimeUnit::Millisecond) => Time32(unit),
                unit => Time64(unit),
            })
        }
        _ => text(left, right).or_else(|| bytes(left, right)).or_else(|| number(left, right)),
    }
}

fn finer(one: TimeUnit, other: TimeUnit) -> TimeUnit {
    one.max(other)
}

fn text(left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType::{LargeUtf8, Utf8, Utf8View};
    match (left, right) {
        (Utf8View, Utf8 | LargeUtf8) | (Utf8 | LargeUtf8, Utf8View) => Some(Utf8View),
        (Utf8, LargeUtf8) | (LargeUtf8, Utf8) => Some(LargeUtf8),
        _ => None,
    }
}

fn bytes(left: &DataType, right: &DataType) -> Option<DataType> {
    use DataType::{Binary, BinaryView, FixedSizeBinary, LargeBinary};
    let is_bytes =
        |kind| matches!(kind, &Binary | &BinaryView | &FixedSizeBinary(_) | &LargeBinary);
    if !is_bytes(left) || !is_bytes(right) {
        return None;
    }
    let either = |kind: DataType| (*left == kind || *right == kind).then_some(kind);
    either(BinaryView).or_else(|| either(LargeBinary)).or(Some(Binary))
}

fn number(left: &DataType, right: &DataType) -> Option<DataType> {
    if !left.is_numeric() || !right.is_numeric() {
        return None;
    }
    match (left.is_floating(), right.is_floating()) {
        (true, true) => Some(wider(left, right)),
        // Values beyond 2^53 are refused when they are read.
        (true, false) => right.is_integer().then_some(DataType::Float64),
        (false, true) => left.is_integer().then_some(DataType::Float64),
        (false, false) if left.is_integer() && right.is_integer() => Some(integer(left, right)),
        (false, false) => {
            let is_wide = |kind| matches!(kind, &DataType::Decimal256(..));
            let most = match is_wide(left) || is_wide(right) {
                true => DECIMAL256_MAX_PRECISION,
                false => DECIMAL128_MAX_PRECISION,
            };
            decimal(digits(left)?, digits(right)?, most)
        }
    }
}

fn integer(left: &DataType, right: &DataType) -> DataType {
    if left.is_signed_integer() == right.is_signed_integer() {
        return wider(left, right);
    }
    match (left, right) {
        (DataType::UInt64, _) | (_, DataType::UInt64) => DataType::Decimal128(20, 0),
        _ => DataType::Int64,
    }
}

fn wider(left: &DataType, right: &DataType) -> DataType {
    if left.primitive_width() >= right.primitive_width() { left.clone() } else { right.clone() }
}

/// Digits before and after the point.
fn digits(kind: &DataType) -> Option<(i16, i16)> {
    use DataType::{
        Decimal32, Decimal64, Decimal128, Decimal256, Int8, Int16, Int32, Int64, UInt8, UInt16,
        UInt32, UInt64,
    };
    Some(match kind {
        Int8 | UInt8 => (3, 0),
        Int16 | UInt16 => (5, 0),
        Int32 | UInt32 => (10, 0),
        Int64 => (19, 0),
        UInt64 => (20, 0),
        Decimal32(precision, scale)
        | Decimal64(precision, scale)
        | Decimal128(precision, scale)
        | Decimal256(precision, scale) => {
            (i16::from(*precision) - i16::from(*scale), i16::from(*scale))
        }
        _ => return None,
    })
}

/// A decimal of at most so many digits.
fn decimal(left: (i16, i16), right: (i16, i16), most: u8) -> Option<DataType> {
    let (before, after) = (left.0.max(right.0), left.1.max(right.1));
    let precision = u8::try_from(before + after).ok().filter(|precision| *precision <= most)?;
    let scale = i8::try_from(after).ok()?;
    Some(match precision {
        ..=DECIMAL128_MAX_PRECISION => DataType::Decimal128(precision, scale),
        _ => DataType::Decimal256(precision, scale),
    })
}
