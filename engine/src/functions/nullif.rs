//! `nullif`: DataFusion's, but the fields of a model that became null are null too.
//!
//! Arrow's kernel marks the model only, and its fields, which are read without it, keep their values.

use datafusion::functions::core::nullif;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF};

use super::mended::mended;
use crate::source::nulls_in_fields;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![mended(nullif(), |theirs, call| match theirs.invoke_with_args(call)? {
        ColumnarValue::Array(values) => Ok(ColumnarValue::Array(nulls_in_fields(&values)?)),
        value => Ok(value),
    })]
}
