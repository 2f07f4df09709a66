//! `json_get`, `json_text`: what is inside of JSON, as JSON and as plain text.
//!
//! They are not for users to call by name: `C("meta")["key"]` and its conversions become these.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use serde_json::Value;

use super::simple::{refused, simple};
use crate::kind::is_text;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        simple("json_get", types_of_get, |of| match of[1].data_type() {
            DataType::Int64 => items(of[0].as_string(), of[1].as_primitive()),
            _ => values(of[0].as_string(), of[1].as_string()),
        }),
        simple("json_text", types_of_text, |of| texts(of[0].as_string())),
    ]
}

fn types_of_get(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [json, key] if is_text(json) && is_text(key) => {
            Ok((vec![DataType::Utf8; 2], DataType::Utf8))
        }
        [json, place] if is_text(json) && place.is_integer() => {
            Ok((vec![DataType::Utf8, DataType::Int64], DataType::Utf8))
        }
        kinds => refused("json_get", kinds),
    }
}

fn types_of_text(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [json] if is_text(json) => Ok((vec![DataType::Utf8], DataType::Utf8)),
        kinds => refused("json_text", kinds),
    }
}

fn parsed(json: &str) -> Result<Value> {
    serde_json::from_str(json).map_err(|error| DataFusionError::External(Box::new(error)))
}

/// JSON's null is a null.
fn as_json(value: Option<&Value>) -> Option<String> {
    value.filter(|value| !value.is_null()).map(Value::to_string)
}

fn values(json: &StringArray, keys: &StringArray) -> Result<ArrayRef> {
    let value = |(json, key): (Option<&str>, Option<&str>)| match (json, key) {
        (Some(json), Some(key)) => Ok(as_json(parsed(json)?.get(key))),
        _ => Ok(None),
    };
    Ok(Arc::new(json.iter().zip(keys).map(value).collect::<Result<StringArray>>()?))
}

fn items(json: &StringArray, places: &Int64Array) -> Result<ArrayRef> {
    let item = |(json, at): (Option<&str>, Option<i64>)| {
        let (Some(json), Some(at)) = (json, at) else { return Ok(None) };
        let json = parsed(json)?;
        let Some(items) = json.as_array() else { return Ok(None) };
        let from_end = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
        let at = if at < 0 { items.len().checked_sub(from_end) } else { Some(from_end) };
        Ok(as_json(at.and_then(|at| items.get(at))))
    };
    Ok(Arc::new(json.iter().zip(places).map(item).collect::<Result<StringArray>>()?))
}

fn texts(json: &StringArray) -> Result<ArrayRef> {
    let text = |json: Option<&str>| {
        let Some(json) = json else { return Ok(None) };
        Ok(match parsed(json)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            _ => Some(json.to_owned()),
        })
    };
    Ok(Arc::new(json.iter().map(text).collect::<Result<StringArray>>()?))
}
