//! `len`: how many characters a text has, or how many items a list.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::items::list_item;
use super::simple::{refused, simple};
use crate::kind::is_text;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![simple("len", types, |of| Ok(Arc::new(lengths(&of[0]))))]
}

fn types(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [kind] if is_text(kind) || kind.is_null() => Ok((vec![DataType::Utf8], DataType::Int64)),
        [kind] if let Some(item) = list_item(kind) => {
            Ok((vec![DataType::List(Arc::clone(item))], DataType::Int64))
        }
        kinds => refused("len", kinds),
    }
}

fn lengths(values: &ArrayRef) -> Int64Array {
    if let Some(texts) = values.as_string_opt::<i32>() {
        return texts.iter().map(|text| Some(text?.chars().count() as i64)).collect();
    }
    let lists = values.as_list::<i32>();
    let length = |row| lists.is_valid(row).then(|| i64::from(lists.value_length(row)));
    (0..lists.len()).map(length).collect()
}
