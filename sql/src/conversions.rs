//! [`with_written_values`]: a timestamp that becomes a text has a space between day and time, as in `DuckDB` and PostgreSQL,
//! where DataFusion (54) puts a `T`; lists, models and maps are written as `DuckDB` shows them.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, ScalarUDF};

/// Changes all conversions of a plan, also those that nobody wrote.
pub(crate) fn with_written_values(plan: LogicalPlan, state: &SessionState) -> Result<LogicalPlan> {
    let written = Written { time: state.udf("timestamp_text")?, parts: state.udf("value_text")? };
    let changed = plan.transform_up_with_subqueries(|step| {
        let names = NamePreserver::new(&step);
        let mut schema = DFSchema::empty();
        step.inputs().iter().for_each(|input| schema.merge(input.schema()));
        step.map_expressions(|expr| {
            let name = names.save(&expr);
            let expr = expr.transform_up(|expr| Ok(written.in_cast(expr, &schema)))?;
            Ok(expr.update_data(|expr| name.restore(expr)))
        })
    });
    Ok(changed?.data)
}

/// What texts are written with.
struct Written {
    time: Arc<ScalarUDF>,
    parts: Arc<ScalarUDF>,
}

impl Written {
    fn in_cast(&self, mut expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
        let (value, to) = match &mut expr {
            Expr::Cast(cast) => (&mut cast.expr, cast.field.data_type()),
            Expr::TryCast(cast) => (&mut cast.expr, cast.field.data_type()),
            _ => return Transformed::no(expr),
        };
        if !matches!(to, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
            return Transformed::no(expr);
        }
        let written = match value.get_type(schema) {
            Ok(DataType::Timestamp(..)) => &self.time,
            Ok(kind) if kind.is_nested() => &self.parts,
            _ => return Transformed::no(expr),
        };
        **value = written.call(vec![value.as_ref().clone()]);
        Transformed::yes(expr)
    }
}
