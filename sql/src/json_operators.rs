//! [`JsonOperators`]: `j -> 'a'`, `j ->> 0` and `j #>> '{a,0}'` of text that is JSON, as calls.

use std::sync::Arc;

use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF, lit};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::type_text::is_text;

/// Plans the operators with the functions of a session.
#[derive(Debug)]
pub(crate) struct JsonOperators {
    as_json: Arc<ScalarUDF>,
    as_text: Arc<ScalarUDF>,
}

impl JsonOperators {
    /// `None` where a session has not got the functions.
    pub(crate) fn of(state: &SessionState) -> Option<Self> {
        Some(Self {
            as_json: state.udf("json_extract").ok()?,
            as_text: state.udf("json_extract_string").ok()?,
        })
    }
}

impl ExprPlanner for JsonOperators {
    fn plan_binary_op(
        &self,
        operation: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let function = match operation.op {
            BinaryOperator::Arrow | BinaryOperator::HashArrow => &self.as_json,
            BinaryOperator::LongArrow | BinaryOperator::HashLongArrow => &self.as_text,
            _ => return Ok(PlannerResult::Original(operation)),
        };
        let is_path =
            matches!(operation.op, BinaryOperator::HashArrow | BinaryOperator::HashLongArrow);
        let kind = operation.left.get_type(schema)?;
        if !kind.is_null() && !is_text(&kind) {
            return plan_err!(
                "`{}` looks into text that is JSON; hint: `column['key']` is a field of a model",
                operation.op
            );
        }
        let place = if is_path { lit(pointer(&operation.right)?) } else { operation.right };
        let call = function.call(vec![operation.left, place]);
        Ok(PlannerResult::Planned(call))
    }
}

/// `{a,0}` as `/a/0`.
fn pointer(path: &Expr) -> Result<String> {
    let keys = match path {
        Expr::Literal(ScalarValue::Utf8(Some(path)), _) => {
            path.trim().strip_prefix('{').and_then(|path| path.strip_suffix('}'))
        }
        _ => None,
    };
    match keys {
        Some(keys) if !keys.contains('"') => {
            let step = |key: &str| format!("/{}", key.trim().replace('~', "~0").replace('/', "~1"));
            Ok(keys.split(',').filter(|_| !keys.is_empty()).map(step).collect())
        }
        _ => plan_err!("a path behind `#>` and `#>>` is written as `'{{a,0,b}}'`"),
    }
}
