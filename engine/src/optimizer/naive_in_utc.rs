//! [`NaiveInUtc`]: what has no time zone is in UTC, also where it is converted to a type with another zone so that both
//! sides of an operation are of one type.
//!
//! WHY: the query engine's conversions take it for local time of that zone.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use super::compare_floats::input_schema;

const UTC: &str = "UTC";

#[derive(Debug)]
pub(super) struct NaiveInUtc;

impl AnalyzerRule for NaiveInUtc {
    fn name(&self) -> &'static str {
        "naive_in_utc"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(rewritten)?.data)
    }
}

fn rewritten(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = input_schema(&plan);
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_up(|expr| Ok(by_way_of_utc(expr, &schema)))?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })
}

fn by_way_of_utc(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::Cast(mut cast) = expr else {
        return Transformed::no(expr);
    };
    let DataType::Timestamp(unit, Some(zone)) = cast.field.data_type() else {
        return Transformed::no(Expr::Cast(cast));
    };
    if zone.as_ref() == UTC || !cast.expr.get_type(schema).is_ok_and(|kind| is_naive(&kind)) {
        return Transformed::no(Expr::Cast(cast));
    }
    let utc = DataType::Timestamp(*unit, Some(UTC.into()));
    cast.expr = Box::new(Expr::Cast(Cast::new(cast.expr, utc)));
    Transformed::yes(Expr::Cast(cast))
}

fn is_naive(kind: &DataType) -> bool {
    use DataType::{Date32, Date64, LargeUtf8, Timestamp, Utf8, Utf8View};
    matches!(kind, Timestamp(_, None) | Date32 | Date64 | Utf8 | LargeUtf8 | Utf8View)
}
