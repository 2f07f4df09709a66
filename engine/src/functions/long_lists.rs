//! `array_repeat` and `array_resize`: DataFusion's, which refuse lists that are too long. `array_repeat`, `array_append` and
//! `array_prepend` do not see what lies behind a list that is null.
//!
//! WHY: DataFusion (54) asks for the room of all values at once, and panics where there cannot be so much. It appends to
//! what a condition made null (issue 25222).

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::functions_nested::concat::{array_append_udf, array_prepend_udf};
use datafusion::functions_nested::repeat::array_repeat_udf;
use datafusion::functions_nested::resize::array_resize_udf;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};

use super::mended::mended;
use super::unfit;

/// How many values the lists of a batch may have.
const MOST: i64 = 1 << 27;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        mended(array_append_udf(), with_empty_nulls),
        mended(array_prepend_udf(), with_empty_nulls),
        mended(array_repeat_udf(), |theirs, call| {
            check(theirs.name(), &call)?;
            with_empty_nulls(theirs, call)
        }),
        mended(array_resize_udf(), |theirs, call| {
            check(theirs.name(), &call)?;
            theirs.invoke_with_args(call)
        }),
    ]
}

/// Refuses lengths of lists that are negative, and too many values in all.
fn check(name: &str, call: &ScalarFunctionArgs) -> Result<()> {
    let Some(lengths) = call.args.get(1) else { return Ok(()) };
    let lengths = cast(&lengths.to_array(call.number_rows)?, &DataType::Int64)?;
    let lengths = lengths.as_primitive::<Int64Type>();
    let mut values = 0_i64;
    for length in lengths.iter().flatten() {
        if length < 0 && name == "array_resize" {
            return unfit(format!("`{name}` makes no list of {length} values"));
        }
        values = values.saturating_add(length.max(0));
    }
    match values {
        ..=MOST => Ok(()),
        _ => unfit(format!(
            "`{name}` makes lists of {values} values; at most {MOST} are made at once"
        )),
    }
}

fn with_empty_nulls(theirs: &ScalarUDF, mut call: ScalarFunctionArgs) -> Result<ColumnarValue> {
    for argument in &mut call.args {
        if let ColumnarValue::Array(values) = argument {
            *values = empty_nulls(values)?;
        }
    }
    theirs.invoke_with_args(call)
}

/// The lists, of which those that are null have no items.
fn empty_nulls(lists: &ArrayRef) -> Result<ArrayRef> {
    if lists.null_count() == 0
        || !matches!(lists.data_type(), DataType::List(_) | DataType::LargeList(_))
    {
        return Ok(Arc::clone(lists));
    }
    let there = (0..lists.len()).map(|row| lists.is_valid(row).then_some(row as u64));
    Ok(take(lists, &there.collect::<UInt64Array>(), None)?)
}
