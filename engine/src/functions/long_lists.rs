//! `array_repeat` and `array_resize`: DataFusion's, which refuse lists that are too long.
//!
//! WHY: DataFusion (54) asks for the room of all values at once, and panics where there cannot be so much.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::Result;
use datafusion::functions_nested::repeat::array_repeat_udf;
use datafusion::functions_nested::resize::array_resize_udf;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use super::unfit;

/// How many values the lists of a batch may have.
const MOST: i64 = 1 << 27;

pub(super) fn functions() -> Vec<ScalarUDF> {
    [array_repeat_udf(), array_resize_udf()].map(|made| ScalarUDF::from(Bounded(made))).into()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded(Arc<ScalarUDF>);

impl Bounded {
    /// Refuses lengths of lists that are negative, and too many values in all.
    fn check(&self, lengths: &ColumnarValue, rows: usize) -> Result<()> {
        let lengths = cast(&lengths.to_array(rows)?, &DataType::Int64)?;
        let lengths = lengths.as_primitive::<Int64Type>();
        let name = self.0.name();
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
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn aliases(&self) -> &[String] {
        self.0.aliases()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.0.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        self.0.return_field_from_args(arguments)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let Some(lengths) = call.args.get(1) {
            self.check(lengths, call.number_rows)?;
        }
        self.0.invoke_with_args(call)
    }
}
