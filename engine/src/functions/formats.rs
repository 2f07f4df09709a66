//! `printf('%05.1f', x)` and `format('{:>8}', x)`: values in a text, each written as its place says.

mod number;
mod pattern;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::simple::{refused, simple};
use super::unfit;
use crate::kind::is_text;
use pattern::{Part, braces, percents};

#[cfg(test)]
mod tests;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        simple("printf", |kinds| types("printf", kinds), |of| written(of, percents)),
        simple("format", |kinds| types("format", kinds), |of| written(of, braces)),
    ]
}

fn types(name: &str, kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    let Some((pattern, values)) = kinds.split_first() else { return refused(name, kinds) };
    if !is_text(pattern) && !pattern.is_null() {
        return refused(name, kinds);
    }
    let value = |kind: &DataType| match kind {
        kind if kind.is_integer() => DataType::Int64,
        kind if kind.is_numeric() => DataType::Float64,
        DataType::Boolean => DataType::Boolean,
        _ => DataType::Utf8,
    };
    let taken = std::iter::once(DataType::Utf8).chain(values.iter().map(value)).collect();
    Ok((taken, DataType::Utf8))
}

/// A value that is written.
#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Whole(i64),
    Float(f64),
    Bool(bool),
    Text(&'a str),
}

fn value(column: &ArrayRef, row: usize) -> Value<'_> {
    match column.data_type() {
        DataType::Int64 => Value::Whole(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::Float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => Value::Bool(column.as_boolean().value(row)),
        _ => Value::Text(column.as_string::<i32>().value(row)),
    }
}

/// What reads a pattern.
type Read = fn(&str) -> Result<Vec<Part>, String>;

fn written(arguments: &[ArrayRef], read: Read) -> Result<ArrayRef> {
    let patterns = arguments[0].as_string::<i32>();
    let mut last: Option<(&str, Vec<Part>)> = None;
    let mut texts = StringBuilder::new();
    for row in 0..patterns.len() {
        if arguments.iter().any(|argument| argument.is_null(row)) {
            texts.append_null();
            continue;
        }
        let pattern = patterns.value(row);
        let parts = match last.take() {
            Some((before, parts)) if before == pattern => parts,
            _ => match read(pattern) {
                Ok(parts) => parts,
                Err(reason) => return unfit(format!("`{pattern}` is no pattern: {reason}")),
            },
        };
        match filled(&parts, &arguments[1..], row) {
            Ok(text) => texts.append_value(text),
            Err(reason) => return unfit(format!("`{pattern}` does not fit its values: {reason}")),
        }
        last = Some((pattern, parts));
    }
    Ok(Arc::new(texts.finish()))
}

fn filled(parts: &[Part], values: &[ArrayRef], row: usize) -> Result<String, String> {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(fixed) => text.push_str(fixed),
            Part::Value(at, place) => {
                let Some(column) = values.get(*at) else {
                    return Err(format!("there is no value {}", at + 1));
                };
                text.push_str(&place.write(value(column, row))?);
            }
        }
    }
    Ok(text)
}
