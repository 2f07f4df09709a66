//! `all_of`: `&` between conditions that are all looked at for every row.
//!
//! The query engine's own operator cannot take very many; and where the left side is seldom true it copies these rows out
//! of the whole batch and puts what the right side says back one by one, which costs more than to compare all numbers. It
//! is not for users to call by name: filters and [`crate::optimizer`] put it into plans.

use std::sync::{Arc, LazyLock};

use arrow::array::{AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::and_kleene;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// Whether all conditions are true; false if one is false, and else null if one is null.
pub(crate) static ALL_OF: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let signature = Signature::variadic(vec![DataType::Boolean], Volatility::Immutable);
    Arc::new(ScalarUDF::from(AllOf { signature }))
});

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

    /// Nothing of a condition is computed before those that stand before it: `x < 5` says for which rows `x * 2` may be.
    fn short_circuits(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut all = BooleanArray::new(BooleanBuffer::new_set(call.number_rows), None);
        for condition in &call.args {
            all = and_kleene(&all, condition.to_array(call.number_rows)?.as_boolean())?;
        }
        Ok(ColumnarValue::Array(Arc::new(all)))
    }
}
