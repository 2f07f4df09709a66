//! [`json`] and [`plain`]: the values of a column as text, in JSON and alone.
//!
//! As Pydantic writes JSON, but for bytes: not all are UTF-8, so that all are in base64.

use std::io::Write;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait};
use arrow::datatypes::{
    ArrowNativeType, ArrowPrimitiveType, DataType, Decimal128Type, Field, FieldRef, Fields,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::Serialize;

use super::times::{Look, times};
use crate::model::TYPE_KEY;
use crate::words::first_of_json;
use crate::{Error, Result};

/// Writes the value of a row.
pub(super) type Cell<'a> = Box<dyn Fn(usize, &mut Vec<u8>) + 'a>;

pub(super) fn cell<'a>(write: impl Fn(usize, &mut Vec<u8>) + 'a) -> Cell<'a> {
    Box::new(write)
}

/// Whether the text of a column is JSON.
pub(super) fn is_json(field: &Field) -> bool {
    field.metadata().get(TYPE_KEY).is_some_and(|kind| kind == "json")
        && field.data_type().is_string()
}

/// The values in JSON. What JSON has no number for, as NaN, is null.
pub(super) fn json<'a>(column: &'a ArrayRef, field: &Field) -> Result<Cell<'a>> {
    let value = json_value(column, field)?;
    Ok(match column.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        None => value,
        Some(nulls) => cell(move |row, out| {
            if nulls.is_null(row) {
                out.extend_from_slice(b"null");
            } else {
                value(row, out);
            }
        }),
    })
}

fn json_value<'a>(column: &'a ArrayRef, field: &Field) -> Result<Cell<'a>> {
    let texts =
        if is_json(field) { texts(column, write_json) } else { texts(column, write_quoted) };
    if let Some(texts) = texts {
        return Ok(texts);
    }
    Ok(match column.data_type() {
        DataType::Null => cell(|_, out| out.extend_from_slice(b"null")),
        DataType::Boolean => {
            let values = column.as_boolean();
            cell(move |row, out| write!(out, "{}", values.value(row)).unwrap_or_default())
        }
        DataType::Struct(fields) => object(column.as_struct().columns(), fields)?,
        DataType::List(item) => list(column.as_list::<i32>(), item)?,
        DataType::LargeList(item) => list(column.as_list::<i64>(), item)?,
        DataType::FixedSizeList(item, _) => {
            let lists = column.as_fixed_size_list();
            let (item, length) = (json(lists.values(), item)?, lists.value_length().unsigned_abs());
            let length = length as usize;
            cell(move |row, out| write_items(row * length..(row + 1) * length, &item, out))
        }
        DataType::Map(entries, _) => dict(column, entries)?,
        DataType::Dictionary(..) => {
            let of = column.as_any_dictionary();
            if of.values().is_empty() {
                return Ok(cell(|_, _| {}));
            }
            let (value, keys) =
                (json(of.values(), &plain_field(of.values()))?, of.normalized_keys());
            cell(move |row, out| value(keys[row], out))
        }
        _ => match numbers(column) {
            Some(number) => number,
            None => quoted(scalar(column, Look::Json)?),
        },
    })
}

/// The values as they stand alone, without quotes; what has parts is JSON. Nulls are not looked at.
pub(super) fn plain<'a>(column: &'a ArrayRef, field: &Field) -> Result<Cell<'a>> {
    if let Some(texts) = texts(column, |text, out| out.extend_from_slice(text.as_bytes())) {
        return Ok(texts);
    }
    Ok(match column.data_type() {
        DataType::Boolean => {
            let values = column.as_boolean();
            cell(move |row, out| {
                out.extend_from_slice(if values.value(row) { b"True" } else { b"False" });
            })
        }
        DataType::Float16 => floats::<Float16Type>(column, b""),
        DataType::Float64 => floats::<Float64Type>(column, b""),
        DataType::Float32 => floats::<Float32Type>(column, b""),
        DataType::Dictionary(..) => {
            let of = column.as_any_dictionary();
            if of.values().is_empty() {
                return Ok(cell(|_, _| {}));
            }
            let (value, keys) = (plain(of.values(), field)?, of.normalized_keys());
            cell(move |row, out| value(keys[row], out))
        }
        kind if kind.is_nested() || kind.is_null() => json_value(column, field)?,
        _ => match numbers(column) {
            Some(number) => number,
            None => scalar(column, Look::Plain)?,
        },
    })
}

/// The object of each row.
pub(super) fn object<'a>(columns: &'a [ArrayRef], fields: &Fields) -> Result<Cell<'a>> {
    let mut members: Vec<(Vec<u8>, Cell<'a>)> = Vec::with_capacity(fields.len());
    for (column, field) in columns.iter().zip(fields) {
        let mut before = if members.is_empty() { vec![] } else { vec![b','] };
        write_quoted(field.name(), &mut before);
        before.push(b':');
        members.push((before, json(column, field)?));
    }
    Ok(cell(move |row, out| {
        out.push(b'{');
        for (before, value) in &members {
            out.extend_from_slice(before);
            value(row, out);
        }
        out.push(b'}');
    }))
}

fn list<'a, O: OffsetSizeTrait>(
    lists: &'a arrow::array::GenericListArray<O>,
    item: &FieldRef,
) -> Result<Cell<'a>> {
    let (item, offsets) = (json(lists.values(), item)?, lists.value_offsets());
    Ok(cell(move |row, out| {
        write_items(offsets[row].as_usize()..offsets[row + 1].as_usize(), &item, out);
    }))
}

fn write_items(rows: Range<usize>, item: &Cell<'_>, out: &mut Vec<u8>) {
    out.push(b'[');
    let first = rows.start;
    for row in rows {
        if row > first {
            out.push(b',');
        }
        item(row, out);
    }
    out.push(b']');
}

/// Objects whose keys are text.
fn dict<'a>(column: &'a ArrayRef, entries: &FieldRef) -> Result<Cell<'a>> {
    let (map, DataType::Struct(fields)) = (column.as_map(), entries.data_type()) else {
        return Err(Error::internal("a map without entries"));
    };
    let key = match numbers(map.keys()) {
        Some(number) => quoted(number),
        None if map.keys().data_type() == &DataType::Boolean => {
            quoted(json(map.keys(), &fields[0])?)
        }
        None => json(map.keys(), &fields[0])?,
    };
    let (value, offsets) = (json(map.values(), &fields[1])?, map.value_offsets());
    Ok(cell(move |row, out| {
        let (start, end) = (offsets[row].as_usize(), offsets[row + 1].as_usize());
        out.push(b'{');
        for entry in start..end {
            if entry > start {
                out.push(b',');
            }
            key(entry, out);
            out.push(b':');
            value(entry, out);
        }
        out.push(b'}');
    }))
}

fn quoted(inside: Cell<'_>) -> Cell<'_> {
    cell(move |row, out| {
        out.push(b'"');
        inside(row, out);
        out.push(b'"');
    })
}

/// The values of a column of text; `None` for other columns.
fn texts<'a>(column: &'a ArrayRef, write: impl Fn(&str, &mut Vec<u8>) + 'a) -> Option<Cell<'a>> {
    Some(match column.data_type() {
        DataType::Utf8 => {
            let values = column.as_string::<i32>();
            cell(move |row, out| write(values.value(row), out))
        }
        DataType::LargeUtf8 => {
            let values = column.as_string::<i64>();
            cell(move |row, out| write(values.value(row), out))
        }
        DataType::Utf8View => {
            let values = column.as_string_view();
            cell(move |row, out| write(values.value(row), out))
        }
        _ => return None,
    })
}

fn numbers(column: &ArrayRef) -> Option<Cell<'_>> {
    Some(match column.data_type() {
        DataType::Int8 => whole::<Int8Type>(column),
        DataType::Int16 => whole::<Int16Type>(column),
        DataType::Int32 => whole::<Int32Type>(column),
        DataType::Int64 => whole::<Int64Type>(column),
        DataType::UInt8 => whole::<UInt8Type>(column),
        DataType::UInt16 => whole::<UInt16Type>(column),
        DataType::UInt32 => whole::<UInt32Type>(column),
        DataType::UInt64 => whole::<UInt64Type>(column),
        DataType::Float16 => floats::<Float16Type>(column, b"null"),
        DataType::Float32 => floats::<Float32Type>(column, b"null"),
        DataType::Float64 => floats::<Float64Type>(column, b"null"),
        _ => return None,
    })
}

fn whole<T>(column: &ArrayRef) -> Cell<'_>
where
    T: ArrowPrimitiveType<Native: Serialize>,
{
    let values = column.as_primitive::<T>().values();
    cell(move |row, out| serde_json::to_writer(out, &values[row]).unwrap_or_default())
}

/// The shortest text that reads back as the same number; of what is none, `not_finite` or its name.
fn floats<'a, T>(column: &'a ArrayRef, not_finite: &'static [u8]) -> Cell<'a>
where
    T: ArrowPrimitiveType<Native: Into<f64> + std::fmt::Debug>,
{
    let values = column.as_primitive::<T>().values();
    let is_double = T::DATA_TYPE == DataType::Float64;
    cell(move |row, out| {
        let value: f64 = values[row].into();
        if is_double && (value == 0.0 || DECIMAL.contains(&value.abs())) {
            serde_json::to_writer(out, &value).unwrap_or_default();
        } else if value.is_finite() {
            write!(out, "{:?}", values[row]).unwrap_or_default();
        } else if not_finite.is_empty() {
            let name = if value.is_nan() {
                "nan"
            } else if value > 0.0 {
                "inf"
            } else {
                "-inf"
            };
            out.extend_from_slice(name.as_bytes());
        } else {
            out.extend_from_slice(not_finite);
        }
    })
}

/// What is neither text nor a number nor made of parts; needs no escapes.
fn scalar<'a>(column: &'a ArrayRef, look: Look) -> Result<Cell<'a>> {
    if let Some(times) = times(column.as_ref(), look) {
        return Ok(times);
    }
    Ok(match column.data_type() {
        DataType::Decimal128(..) => {
            let values = column.as_primitive::<Decimal128Type>();
            cell(move |row, out| {
                let text = values.value_as_string(row);
                // As Python shows what it reads back.
                let text = match text.contains('.') {
                    true => text.trim_end_matches('0').trim_end_matches('.'),
                    false => &text[..],
                };
                out.extend_from_slice(text.as_bytes());
            })
        }
        DataType::Binary => {
            let values = column.as_binary::<i32>();
            cell(move |row, out| write_base64(values.value(row), out))
        }
        DataType::LargeBinary => {
            let values = column.as_binary::<i64>();
            cell(move |row, out| write_base64(values.value(row), out))
        }
        DataType::BinaryView => {
            let values = column.as_binary_view();
            cell(move |row, out| write_base64(values.value(row), out))
        }
        DataType::FixedSizeBinary(_) => {
            let values = column.as_fixed_size_binary();
            cell(move |row, out| write_base64(values.value(row), out))
        }
        _ => {
            let shown = FormatOptions::new();
            let shown = ArrayFormatter::try_new(column.as_ref(), &shown)
                .map_err(|error| Error::internal(error.to_string()))?;
            let texts: Vec<String> =
                (0..column.len()).map(|row| shown.value(row).to_string()).collect();
            cell(move |row, out| out.extend_from_slice(texts[row].as_bytes()))
        }
    })
}

fn plain_field(values: &ArrayRef) -> Field {
    Field::new("", values.data_type().clone(), true)
}

fn write_quoted(text: &str, out: &mut Vec<u8>) {
    if first_of_json(text.as_bytes(), 0) < text.len() {
        return serde_json::to_writer(out, text).unwrap_or_default();
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// JSON as it is stored, where NaN and infinities have their names.
fn write_json(text: &str, out: &mut Vec<u8>) {
    if !text.contains("NaN") && !text.contains("Infinity") {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let (mut rest, mut in_text) = (text, false);
    while let Some(first) = rest.chars().next() {
        let name = ["NaN", "Infinity", "-Infinity"].into_iter().find(|name| rest.starts_with(name));
        let length = match (in_text, first, name) {
            (true, '\\', _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            (false, _, Some(name)) => {
                out.extend_from_slice(b"null");
                rest = &rest[name.len()..];
                continue;
            }
            _ => first.len_utf8(),
        };
        in_text ^= first == '"';
        out.extend_from_slice(&rest.as_bytes()[..length]);
        rest = &rest[length..];
    }
}

/// Numbers that are written without an exponent, which what writes JSON does in the same way but faster.
const DECIMAL: Range<f64> = 1e-4..1e16;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let at = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = (at(0) << 16) | (at(1) << 8) | at(2);
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = BASE64[((bits >> shift) & 0x3f) as usize];
            out.push(if place > group.len() { b'=' } else { digit });
        }
    }
}

#[cfg(test)]
mod tests;
