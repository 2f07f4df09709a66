//! `nullable`: the same values, of which any may be null.
//!
//! It is not for users to call by name: [`crate::optimizer`] puts it around what a query gives as a value. It goes away
//! where the value has become one that may be null by itself.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr as PlanExpr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

/// `value`, which may be null.
pub(crate) fn nullable(value: PlanExpr) -> PlanExpr {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::from(Nullable { signature }).call(vec![value])
}

/// Whether the expression says this of its argument.
pub(crate) fn is_nullable(expr: &PlanExpr) -> bool {
    matches!(expr, PlanExpr::ScalarFunction(call)
        if call.func.inner().downcast_ref::<Nullable>().is_some())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Nullable {
    signature: Signature,
}

impl ScalarUDFImpl for Nullable {
    fn name(&self) -> &'static str {
        "nullable"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [only] => Ok(only.clone()),
            _ => internal_err!("nullable takes one argument"),
        }
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        match arguments.arg_fields {
            [only] => Ok(Arc::new(only.as_ref().clone().with_nullable(true))),
            _ => internal_err!("nullable takes one argument"),
        }
    }

    fn simplify(&self, args: Vec<PlanExpr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match <[PlanExpr; 1]>::try_from(args) {
            // A query may turn out to have a column without nulls, and still have no row.
            Ok([value]) if !value.contains_scalar_subquery() && info.nullable(&value)? => {
                Ok(ExprSimplifyResult::Simplified(value))
            }
            Ok([value]) => Ok(ExprSimplifyResult::Original(vec![value])),
            Err(args) => Ok(ExprSimplifyResult::Original(args)),
        }
    }

    fn invoke_with_args(&self, mut call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match call.args.pop() {
            Some(value) => Ok(value),
            None => internal_err!("nullable takes one argument"),
        }
    }
}
