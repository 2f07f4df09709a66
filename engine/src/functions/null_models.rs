//! `null_models`: a model whose fields are null where it is null itself.
//!
//! It is not for users to call by name: [`NullModels`] puts it around conditions that choose among models. Arrow marks what
//! none was chosen for, and its fields, which are read without the mark (issue 25120), keep their values.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};

use crate::source::nulls_in_fields;

/// Puts the call around conditions.
#[derive(Debug)]
pub(crate) struct NullModels;

impl FunctionRewrite for NullModels {
    fn name(&self) -> &'static str {
        "null_models"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        if !matches!(expr, Expr::Case(_))
            || !matches!(expr.get_type(schema), Ok(DataType::Struct(_)))
        {
            return Ok(Transformed::no(expr));
        }
        let masked = Masked { signature: Signature::any(1, Volatility::Immutable) };
        Ok(Transformed::yes(ScalarUDF::from(masked).call(vec![expr])))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Masked {
    signature: Signature,
}

impl ScalarUDFImpl for Masked {
    fn name(&self) -> &'static str {
        "null_models"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        match kinds {
            [kind] => Ok(kind.clone()),
            _ => internal_err!("null_models takes one argument"),
        }
    }

    fn return_field_from_args(&self, given: ReturnFieldArgs) -> Result<FieldRef> {
        match given.arg_fields {
            [field] => Ok(Arc::clone(field)),
            _ => internal_err!("null_models takes one argument"),
        }
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match call.args.as_slice() {
            [ColumnarValue::Array(models)] => Ok(ColumnarValue::Array(nulls_in_fields(models)?)),
            [ColumnarValue::Scalar(model)] => {
                let models = nulls_in_fields(&model.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&models, 0)?))
            }
            _ => internal_err!("null_models takes one argument"),
        }
    }
}
