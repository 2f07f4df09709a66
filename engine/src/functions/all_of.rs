//! `all_of`: `&` between many conditions, for more of them than the query engine's own operator can take.
//!
//! It is not for users to call by name: filters put it into plans.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::and_kleene;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr as PlanExpr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

/// Whether all conditions are true; false if one is false, and else null if one is null.
pub(crate) fn all_of(conditions: Vec<PlanExpr>) -> PlanExpr {
    let signature = Signature::variadic(vec![DataType::Boolean], Volatility::Immutable);
    ScalarUDF::from(AllOf { signature }).call(conditions)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AllOf {
    signature: Signature,
}

impl ScalarUDFImpl for AllOf {
    fn name(&self) -> &'static str {
        "all_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut all = BooleanArray::from(vec![true; call.number_rows]);
        for condition in &call.args {
            all = and_kleene(&all, condition.to_array(call.number_rows)?.as_boolean())?;
        }
        Ok(ColumnarValue::Array(Arc::new(all)))
    }
}
