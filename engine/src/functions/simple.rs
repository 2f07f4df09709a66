//! [`simple`]: a function of columns, given as the type of its result and what it computes.

use std::hash::{Hash, Hasher};

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::kind::{kind_name, kind_names};

/// The types that the arguments are converted to, and that of the result.
pub(super) type Types = fn(&[DataType]) -> Result<(Vec<DataType>, DataType)>;

/// A result from columns of these types, all as long as the first.
pub(super) type Compute = fn(&[ArrayRef]) -> Result<ArrayRef>;

/// A function that gives the same for the same arguments.
pub(super) fn simple(name: &'static str, types: Types, compute: Compute) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::from(Simple { name, types, compute, signature })
}

/// What is said of arguments that a function does not take.
pub(super) fn refused<T>(name: &str, kinds: &[DataType]) -> Result<T> {
    plan_err!("`{name}` does not take {}", kind_names(kinds))
}

/// What is said of an argument that is not what it should be.
pub(super) fn needs<T>(name: &str, wanted: &str, kind: &DataType) -> Result<T> {
    plan_err!("`{name}` needs {wanted}, this is {}", kind_name(kind))
}

#[derive(Debug)]
struct Simple {
    name: &'static str,
    types: Types,
    compute: Compute,
    signature: Signature,
}

/// A name has one meaning.
impl PartialEq for Simple {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Simple {}

impl Hash for Simple {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Simple {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok((self.types)(arguments)?.0)
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok((self.types)(arguments)?.1)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = |value: &ColumnarValue| matches!(value, ColumnarValue::Scalar(_));
        if call.args.iter().all(is_constant) {
            let one = |value: &ColumnarValue| value.to_array(1);
            let arguments = call.args.iter().map(one).collect::<Result<Vec<_>>>()?;
            let result = (self.compute)(&arguments)?;
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        let all = |value: &ColumnarValue| value.to_array(call.number_rows);
        let arguments = call.args.iter().map(all).collect::<Result<Vec<_>>>()?;
        Ok(ColumnarValue::Array((self.compute)(&arguments)?))
    }
}
