//! The names of types in messages, as Python's users know them, and which types can meet in an expression.

use arrow::datatypes::DataType;

/// What users call a type.
pub(crate) fn kind_name(kind: &DataType) -> String {
    match kind {
        DataType::Null => "None".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "str".to_owned(),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "bytes".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "time".to_owned(),
        DataType::Timestamp(..) => "datetime".to_owned(),
        DataType::Duration(_) | DataType::Interval(_) => "timedelta".to_owned(),
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "Decimal".to_owned(),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => format!("list[{}]", kind_name(item.data_type())),
        DataType::Struct(_) => "model".to_owned(),
        DataType::Map(..) => "dict".to_owned(),
        DataType::Union(..) => "union".to_owned(),
        DataType::Dictionary(_, value) => kind_name(value),
        DataType::RunEndEncoded(_, value) => {
            format!("run-end encoded {}", kind_name(value.data_type()))
        }
        number => number.to_string().to_lowercase(),
    }
}

/// The names of several types, in a row.
pub(crate) fn kind_names(kinds: &[DataType]) -> String {
    kinds.iter().map(kind_name).collect::<Vec<_>>().join(", ")
}

/// The type of the values, however they are encoded.
fn plain(kind: &DataType) -> &DataType {
    match kind {
        DataType::Dictionary(_, value) => plain(value),
        DataType::RunEndEncoded(_, value) => plain(value.data_type()),
        kind => kind,
    }
}

pub(crate) fn is_text(kind: &DataType) -> bool {
    plain(kind).is_string()
}

pub(crate) fn is_number(kind: &DataType) -> bool {
    plain(kind).is_numeric()
}

/// A point in time or a part of one; text can say which.
pub(crate) fn is_temporal(kind: &DataType) -> bool {
    plain(kind).is_temporal()
}

/// Whether one is text and the other something else.
pub(crate) fn mixes_text(left: &DataType, right: &DataType) -> bool {
    !left.is_null() && !right.is_null() && is_text(left) != is_text(right)
}
