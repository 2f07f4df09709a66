//! `typeof(x)`: the type of an expression as a text, which a plan knows before any row is read.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

use crate::type_text::type_text;

/// How it is called.
pub(crate) const TYPE_OF: &str = "typeof";

/// What stands for it until the plan is made.
pub(crate) fn type_of() -> ScalarUDF {
    ScalarUDF::from(TypeOf { signature: Signature::any(1, Volatility::Immutable) })
}

/// The plan with texts in the place of the calls.
pub(crate) fn with_types(plan: LogicalPlan) -> Result<LogicalPlan> {
    let told = plan.transform_up_with_subqueries(|step| {
        let names = NamePreserver::new(&step);
        let mut schema = DFSchema::empty();
        for input in step.inputs() {
            schema.merge(input.schema());
        }
        step.map_expressions(|expr| {
            let name = names.save(&expr);
            let expr = expr.transform_up(|expr| told(expr, &schema))?;
            Ok(expr.update_data(|expr| name.restore(expr)))
        })
    });
    Ok(told?.data)
}

fn told(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match &expr {
        Expr::ScalarFunction(call) if call.func.inner().downcast_ref::<TypeOf>().is_some() => {
            let kind = call.args[0].get_type(schema)?;
            Ok(Transformed::yes(Expr::Literal(ScalarValue::from(type_text(&kind)), None)))
        }
        _ => Ok(Transformed::no(expr)),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TypeOf {
    signature: Signature,
}

impl ScalarUDFImpl for TypeOf {
    fn name(&self) -> &'static str {
        TYPE_OF
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        plan_err!("`typeof` is called in a place where it cannot be")
    }
}
