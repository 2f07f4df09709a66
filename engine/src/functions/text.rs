//! `text_split`, `byte_hamming_distance`: text that is taken apart, and how far apart two are.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::items::as_list_type;
use super::simple::{refused, simple};
use super::unfit;
use crate::kind::is_text;

#[cfg(test)]
mod tests;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        simple("text_split", types_of_split, split),
        simple("byte_hamming_distance", types_of_distance, |of| {
            let (left, right) = (of[0].as_string::<i32>(), of[1].as_string::<i32>());
            let pairs = left.iter().zip(right);
            let distances = pairs.map(|(left, right)| distance(left?, right?));
            Ok(Arc::new(distances.collect::<Int64Array>()))
        }),
    ]
}

fn is_text_or_null(kind: &DataType) -> bool {
    is_text(kind) || kind.is_null()
}

fn types_of_split(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [text, separator, limit]
            if is_text_or_null(text)
                && is_text_or_null(separator)
                && (limit.is_integer() || limit.is_null()) =>
        {
            let taken = vec![DataType::Utf8, DataType::Utf8, DataType::Int64];
            Ok((taken, as_list_type(&DataType::Utf8)))
        }
        kinds => refused("text_split", kinds),
    }
}

fn types_of_distance(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    if kinds.len() != 2 || !kinds.iter().all(is_text_or_null) {
        return refused("byte_hamming_distance", kinds);
    }
    Ok((vec![DataType::Utf8; 2], DataType::Int64))
}

/// The parts between separators, of which at most the limit count; null and negative numbers are no limit.
fn split(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let (texts, separators) = (arguments[0].as_string::<i32>(), arguments[1].as_string::<i32>());
    let limits = arguments[2].as_primitive::<Int64Type>();
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..texts.len() {
        if texts.is_null(row) || separators.is_null(row) {
            lists.append_null();
            continue;
        }
        let separator = separators.value(row);
        if separator.is_empty() {
            return unfit("a separator of `split` is empty".to_owned());
        }
        let limit = limits.is_valid(row).then(|| limits.value(row));
        let most = limit.and_then(|limit| usize::try_from(limit).ok());
        let most = most.and_then(|most| most.checked_add(1)).unwrap_or(usize::MAX);
        for part in texts.value(row).splitn(most, separator) {
            lists.values().append_value(part);
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

/// How many characters differ; those that only one of the texts has do.
fn distance(left: &str, right: &str) -> Option<i64> {
    let (mut left, mut right) = (left.chars(), right.chars());
    let mut differing = 0;
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Some(differing),
            (left, right) => differing += i64::from(left != right),
        }
    }
}
