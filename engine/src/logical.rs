//! Our plan nodes. They are data: no handle, no I/O; two equal nodes hash equal.

mod first_rows;
mod group_rows;
mod top_k;
mod udf;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
pub(crate) use first_rows::FirstRows;
pub(crate) use group_rows::{GroupRows, KEY_ROW};
pub(crate) use top_k::{PLACE, TopK};
pub use udf::UdfOptions;
pub(crate) use udf::{FunctionId, Keep, Reuse, StageKey, Udf, UdfCall};

/// The nodes of a plan, without queries inside of expressions: inputs before the nodes that read them, in their order.
///
/// WHY: what recursed would have to fit, with all that it calls, into stacks that are small when plans are deep.
pub(crate) fn inputs_first(plan: &LogicalPlan) -> Vec<&LogicalPlan> {
    let (mut pending, mut nodes) = (vec![plan], Vec::new());
    while let Some(node) = pending.pop() {
        nodes.push(node);
        pending.extend(node.inputs());
    }
    nodes.reverse();
    nodes
}

/// Whether there are queries inside of the node's expressions.
pub(crate) fn has_queries(node: &LogicalPlan) -> bool {
    let end = node.apply_subqueries(|_| Ok(TreeNodeRecursion::Stop));
    // Nothing here fails.
    !matches!(end, Ok(TreeNodeRecursion::Continue))
}
