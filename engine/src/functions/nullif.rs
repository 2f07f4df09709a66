//! `nullif`: DataFusion's, but the fields of a model that became null are null too.
//!
//! Arrow's kernel marks the model only, and its fields, which are read without it, keep their values.

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::functions::core::nullif::NullIfFunc;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::source::nulls_in_fields;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![ScalarUDF::from(NullIf(NullIfFunc::new()))]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NullIf(NullIfFunc);

impl ScalarUDFImpl for NullIf {
    fn name(&self) -> &str {
        self.0.name()
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
        match self.0.invoke_with_args(call)? {
            ColumnarValue::Array(values) => Ok(ColumnarValue::Array(nulls_in_fields(&values)?)),
            value => Ok(value),
        }
    }
}
