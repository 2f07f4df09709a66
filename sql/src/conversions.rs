//! [`with_written_timestamps`]: a timestamp that becomes a text has a space between day and time, as in `DuckDB` and
//! PostgreSQL. DataFusion (54) puts a `T` there.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, ScalarUDF};

/// Changes all conversions of a plan, also those that nobody wrote.
pub(crate) fn with_written_timestamps(
    plan: LogicalPlan,
    state: &SessionState,
) -> Result<LogicalPlan> {
    let written = state.udf("timestamp_text")?;
    let changed = plan.transform_up_with_subqueries(|step| {
        let names = NamePreserver::new(&step);
        let mut schema = DFSchema::empty();
        step.inputs().iter().for_each(|input| schema.merge(input.schema()));
        step.map_expressions(|expr| {
            let name = names.save(&expr);
            let expr = expr.transform_up(|expr| Ok(in_cast(expr, &schema, &written)))?;
            Ok(expr.update_data(|expr| name.restore(expr)))
        })
    });
    Ok(changed?.data)
}

fn in_cast(mut expr: Expr, schema: &DFSchema, written: &ScalarUDF) -> Transformed<Expr> {
    let (value, to) = match &mut expr {
        Expr::Cast(cast) => (&mut cast.expr, cast.field.data_type()),
        Expr::TryCast(cast) => (&mut cast.expr, cast.field.data_type()),
        _ => return Transformed::no(expr),
    };
    let is_text = matches!(to, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    if !is_text || !matches!(value.get_type(schema), Ok(DataType::Timestamp(..))) {
        return Transformed::no(expr);
    }
    **value = written.call(vec![value.as_ref().clone()]);
    Transformed::yes(expr)
}
