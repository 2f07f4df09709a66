//! `there_is`: the same values, of which none is null, although the query engine cannot know.
//!
//! It is not for users to call by name: it stands around values that are null only where something else would be.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr as PlanExpr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

/// Functions that the query engine takes for null at any time, and that are only where an argument is.
const NULL_OF_NULLS: &[&str] = &[
    "btrim",
    "character_length",
    "lower",
    "lpad",
    "ltrim",
    "path_file_ext",
    "path_file_stem",
    "path_name",
    "path_parent",
    "repeat",
    "replace",
    "reverse",
    "rpad",
    "rtrim",
    "upper",
];

/// Whether a function is null only where an argument is.
pub(crate) fn is_null_of_nulls(function: &str) -> bool {
    NULL_OF_NULLS.contains(&function)
}

/// `value`, which is never null.
pub(crate) fn there_is(value: PlanExpr) -> PlanExpr {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::from(ThereIs { signature }).call(vec![value])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ThereIs {
    signature: Signature,
}

impl ScalarUDFImpl for ThereIs {
    fn name(&self) -> &'static str {
        "there_is"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [only] => Ok(only.clone()),
            _ => internal_err!("there_is takes one argument"),
        }
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        match arguments.arg_fields {
            [only] => Ok(Arc::new(Field::clone(only).with_nullable(false))),
            _ => internal_err!("there_is takes one argument"),
        }
    }

    fn invoke_with_args(&self, mut call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match call.args.pop() {
            Some(value) => Ok(value),
            None => internal_err!("there_is takes one argument"),
        }
    }
}
