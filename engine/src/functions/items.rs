//! `get_item`, `slice_of`: items and parts of lists and text, counted from 0, or from the end where they are negative.
//!
//! As in Python, but an item that is not there is null.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StringArray, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::simple::{needs, refused, simple};

#[cfg(test)]
mod tests;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        simple("get_item", types_of_item, |of| get_item(&of[0], of[1].as_primitive())),
        simple("slice_of", types_of_slice, |of| {
            slice_of(&of[0], of[1].as_primitive(), of[2].as_primitive())
        }),
    ]
}

/// What the items of a list are.
pub(super) fn list_item(kind: &DataType) -> Option<&FieldRef> {
    match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item)
        }
        _ => None,
    }
}

/// The type of lists of such items.
pub(super) fn as_list_type(item: &DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item.clone(), true)))
}

/// The plain list that a list becomes whose items are wanted as another type.
pub(super) fn list_with(item: &FieldRef, wanted: &DataType) -> DataType {
    // WHY: where the items stay as they are, Arrow's conversion of vectors leaves also whether they may be null.
    if item.data_type() == wanted {
        return DataType::List(Arc::clone(item));
    }
    as_list_type(wanted)
}

/// A list of any kind as a plain one, text as plain text.
fn plain(name: &str, kind: &DataType) -> Result<DataType> {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(DataType::Utf8),
        DataType::Null => Ok(DataType::Null),
        kind => match list_item(kind) {
            Some(item) => Ok(DataType::List(Arc::clone(item))),
            None => needs(name, "a list or str", kind),
        },
    }
}

fn check_places(name: &str, kinds: &[DataType]) -> Result<()> {
    match kinds.iter().find(|kind| !kind.is_integer() && !kind.is_null()) {
        Some(other) => needs(name, "whole numbers as places", other),
        None => Ok(()),
    }
}

fn types_of_item(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    let [value, place] = kinds else {
        return refused("get_item", kinds);
    };
    check_places("get_item", std::slice::from_ref(place))?;
    let value = plain("get_item", value)?;
    let item = list_item(&value).map_or_else(|| value.clone(), |item| item.data_type().clone());
    Ok((vec![value, DataType::Int64], item))
}

fn types_of_slice(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    let [value, places @ ..] = kinds else {
        return refused("slice_of", kinds);
    };
    check_places("slice_of", places)?;
    let value = plain("slice_of", value)?;
    Ok((vec![value.clone(), DataType::Int64, DataType::Int64], value))
}

fn get_item(values: &ArrayRef, places: &Int64Array) -> Result<ArrayRef> {
    let at = |row: usize| places.is_valid(row).then(|| places.value(row));
    match values.data_type() {
        DataType::Utf8 => {
            let texts = values.as_string::<i32>();
            let item = |row: usize| {
                let text = texts.is_valid(row).then(|| texts.value(row))?;
                let at = place(at(row)?, text.chars().count())?;
                let (start, c) = text.char_indices().nth(at)?;
                text.get(start..start + c.len_utf8())
            };
            Ok(Arc::new((0..texts.len()).map(item).collect::<StringArray>()))
        }
        DataType::List(_) => {
            let lists = values.as_list::<i32>();
            let item = |row: usize| {
                let items = items(lists, row)?;
                let at = place(at(row)?, items.len())?;
                u64::try_from(items.start + at).ok()
            };
            let found: UInt64Array = (0..lists.len()).map(item).collect();
            Ok(take(lists.values(), &found, None)?)
        }
        _ => Ok(Arc::clone(values)),
    }
}

/// Where the items of a list are among those of all.
pub(super) fn items(lists: &ListArray, row: usize) -> Option<Range<usize>> {
    let (start, end) = (lists.value_offsets()[row], lists.value_offsets()[row + 1]);
    let there = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
    lists.is_valid(row).then_some(there)
}

/// The place of an item of so many.
fn place(at: i64, len: usize) -> Option<usize> {
    let at = if at < 0 { at.checked_add_unsigned(len as u64)? } else { at };
    usize::try_from(at).ok().filter(|at| *at < len)
}

/// The items of so many that a slice takes.
fn between(start: Option<i64>, end: Option<i64>, len: usize) -> Range<usize> {
    let bound = |at: i64| match usize::try_from(at) {
        Ok(at) => at.min(len),
        Err(_) => len.saturating_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    let (start, end) = (start.map_or(0, bound), end.map_or(len, bound));
    start..end.max(start)
}

fn slice_of(values: &ArrayRef, starts: &Int64Array, ends: &Int64Array) -> Result<ArrayRef> {
    let bound = |bounds: &Int64Array, row| bounds.is_valid(row).then(|| bounds.value(row));
    let range = |row, len| between(bound(starts, row), bound(ends, row), len);
    match values.data_type() {
        DataType::Utf8 => {
            let texts = values.as_string::<i32>();
            let part = |row: usize| {
                let text = texts.is_valid(row).then(|| texts.value(row))?;
                // Whatever is not ASCII has characters of several bytes.
                if text.is_ascii() {
                    return text.get(range(row, text.len())).map(str::to_owned);
                }
                let taken = range(row, text.chars().count());
                Some(text.chars().skip(taken.start).take(taken.len()).collect())
            };
            Ok(Arc::new((0..texts.len()).map(part).collect::<StringArray>()))
        }
        DataType::List(item) => {
            let lists = values.as_list::<i32>();
            let (mut taken, mut lengths) = (Vec::new(), Vec::with_capacity(lists.len()));
            for row in 0..lists.len() {
                let there = items(lists, row).unwrap_or(0..0);
                let part = range(row, there.len());
                lengths.push(part.len());
                taken.extend(part.map(|at| (there.start + at) as u64));
            }
            let values = take(lists.values(), &UInt64Array::from(taken), None)?;
            let (offsets, nulls) = (OffsetBuffer::from_lengths(lengths), lists.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls)?))
        }
        _ => Ok(Arc::clone(values)),
    }
}
