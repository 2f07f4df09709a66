//! [`keeps_order`]: after which steps rows come in the same order each time.
//!
//! `docs/adr/0007-order-of-rows.md` says what is promised of rows that do, and of those that do not.

use datafusion::logical_expr::LogicalPlan;

use crate::logical::{has_queries, inputs_first};

/// Whether the plan's rows come in the same order each time.
pub(crate) fn has_fixed_order(plan: &LogicalPlan) -> bool {
    inputs_first(plan).into_iter().all(keeps_order)
}

/// Whether the node's rows come in the same order each time if those of its inputs do.
pub(super) fn keeps_order(node: &LogicalPlan) -> bool {
    let takes_rows_in_turn = matches!(
        node,
        LogicalPlan::TableScan(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::Extension(_)
    );
    // A query inside of an expression becomes a join.
    takes_rows_in_turn && !has_queries(node)
}
