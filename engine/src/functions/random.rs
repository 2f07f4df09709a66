//! `rand`: random whole numbers of 64 bits, others each time.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

pub(super) fn functions() -> Vec<ScalarUDF> {
    let signature = Signature::nullary(Volatility::Volatile);
    vec![ScalarUDF::from(Rand { signature })]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Rand {
    signature: Signature,
}

impl ScalarUDFImpl for Rand {
    fn name(&self) -> &'static str {
        "rand"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // The system seeds every state anew; rows are told apart by their number.
        let state = RandomState::new();
        let number = |row: usize| {
            let mut hasher = state.build_hasher();
            hasher.write_usize(row);
            hasher.finish().cast_signed()
        };
        let numbers = (0..call.number_rows).map(number);
        Ok(ColumnarValue::Array(Arc::new(Int64Array::from_iter_values(numbers))))
    }
}
