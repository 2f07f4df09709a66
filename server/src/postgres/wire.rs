//! [`wire_schema`] and [`wire_batch`]: rows in types that PostgreSQL has. [`told_type`]: values of its clients in ours.
//!
//! `arrow-pg` (0.15) stops the connection at lists that are no plain `List`, and has no form for half floats, maps and
//! lists of lists. The former become lists, half floats become floats, and what has no form becomes JSON.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringBuilder, StructArray,
    make_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, IntervalUnit, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::json::EncoderOptions;
use arrow::json::writer::make_encoder;
use pgwire::api::Type;

/// The columns as they are sent.
pub(crate) fn wire_schema(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().map(|field| wire_field(field)).collect::<Vec<_>>()))
}

/// The rows with those columns.
pub(crate) fn wire_batch(
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns: Vec<ArrayRef> = columns
        .map(|(column, field)| wire_array(column, field.data_type()))
        .collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

/// What a client's value is by the type that it says; `None` for types that leave something open, such as how many
/// digits there are.
pub(crate) fn told_type(kind: &Type) -> Option<DataType> {
    Some(match *kind {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 => DataType::Int32,
        Type::INT8 => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::TEXT | Type::VARCHAR => DataType::Utf8,
        Type::BYTEA => DataType::Binary,
        Type::DATE => DataType::Date32,
        Type::TIME => DataType::Time64(TimeUnit::Microsecond),
        Type::TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::INTERVAL => DataType::Interval(IntervalUnit::MonthDayNano),
        Type::BOOL_ARRAY => DataType::new_list(DataType::Boolean, true),
        Type::INT2_ARRAY => DataType::new_list(DataType::Int16, true),
        Type::INT4_ARRAY => DataType::new_list(DataType::Int32, true),
        Type::INT8_ARRAY => DataType::new_list(DataType::Int64, true),
        Type::FLOAT4_ARRAY => DataType::new_list(DataType::Float32, true),
        Type::FLOAT8_ARRAY => DataType::new_list(DataType::Float64, true),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => DataType::new_list(DataType::Utf8, true),
        _ => return None,
    })
}

fn wire_field(field: &Field) -> Field {
    Field::new(field.name(), wire_type(field.data_type()), true)
}

fn wire_type(kind: &DataType) -> DataType {
    match kind {
        DataType::Null
        | DataType::Interval(_)
        | DataType::Decimal256(..)
        | DataType::Map(..)
        | DataType::Union(..) => DataType::Utf8,
        DataType::Float16 => DataType::Float32,
        // The next with a sign that has room: `arrow-pg` calls them so, and sends fewer bytes.
        DataType::Int8 | DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::FixedSizeBinary(_) => DataType::Binary,
        // A zone has a name; what counts is the instant.
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => match scale {
            0.. => DataType::Decimal128(*precision, *scale),
            _ => DataType::Decimal128(38, 0),
        },
        DataType::Dictionary(_, values) => wire_type(values),
        DataType::RunEndEncoded(_, values) => wire_type(values.data_type()),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => wire_list(item.data_type()),
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| wire_field(field)).collect())
        }
        kind => kind.clone(),
    }
}

fn wire_list(item: &DataType) -> DataType {
    if item.is_nested() || matches!(item, DataType::Interval(_) | DataType::Decimal256(..)) {
        return DataType::Utf8;
    }
    DataType::List(Arc::new(Field::new_list_field(wire_type(item), true)))
}

fn wire_array(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    let from = array.data_type();
    match (from, to) {
        _ if from == to => Ok(Arc::clone(array)),
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let whole = array.as_struct();
            let columns = whole.columns().iter().zip(fields);
            let columns: Vec<ArrayRef> = columns
                .map(|(column, field)| wire_array(column, field.data_type()))
                .collect::<Result<_, _>>()?;
            let rows = whole.len();
            let nulls = whole.nulls().cloned();
            let made = StructArray::try_new_with_length(fields.clone(), columns, nulls, rows)?;
            Ok(Arc::new(made))
        }
        (DataType::Timestamp(..), DataType::Timestamp(..)) => {
            Ok(make_array(array.to_data().into_builder().data_type(to.clone()).build()?))
        }
        (DataType::RunEndEncoded(..), _) => cast(array, to),
        (from, DataType::Utf8) if from.is_nested() => json_text(array),
        _ => cast(array, to),
    }
}

fn json_text(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let field = Arc::new(Field::new("", array.data_type().clone(), true));
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(&field, array, &options)?;
    let (mut texts, mut text) = (StringBuilder::new(), Vec::new());
    for row in 0..array.len() {
        if encoder.is_null(row) {
            texts.append_null();
            continue;
        }
        text.clear();
        encoder.encode(row, &mut text);
        texts.append_value(String::from_utf8_lossy(&text));
    }
    Ok(Arc::new(texts.finish()))
}

#[cfg(test)]
mod tests;
