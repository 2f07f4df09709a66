//! [`pin`]: a plan whose sources are fixed, so that what it reads has an identity and stays the same for the whole run.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use catalog::JobId;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::LogicalPlan;

use crate::Result;
use crate::source::{KeepFound, as_table, source_of};

/// The same plan over sources that stay as they are now; `keeper` keeps what is found, for `job` if there is one. Scans of
/// one name are one source.
pub(crate) async fn pin(
    plan: &LogicalPlan,
    keeper: &dyn KeepFound,
    job: Option<&JobId>,
) -> Result<LogicalPlan> {
    let (mut seen, mut sources) = (HashSet::new(), Vec::new());
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Some(source) = source_of(scan)
            && seen.insert(scan.table_name.clone())
        {
            sources.push((scan.table_name.clone(), source));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let mut pinned = HashMap::new();
    for (name, source) in sources {
        if let Some(found) = source.found() {
            pinned.insert(name, as_table(keeper.keep(found, job).await?));
        }
    }
    if pinned.is_empty() {
        return Ok(plan.clone());
    }
    let replace = |node: LogicalPlan| -> PlanResult<Transformed<LogicalPlan>> {
        let LogicalPlan::TableScan(mut scan) = node else {
            return Ok(Transformed::no(node));
        };
        let Some(table) = pinned.get(&scan.table_name) else {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        scan.source = Arc::clone(table);
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    };
    Ok(plan.clone().transform_up_with_subqueries(replace)?.data)
}
