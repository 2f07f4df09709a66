//! [`pin`]: a plan whose sources are fixed, so that what it reads has an identity and stays the same for the whole run.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::Utc;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::LogicalPlan;
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::Result;
use crate::source::{Found, KeepFound, Purpose, SeveralTables, as_table, source_of};

/// So many places are looked at side by side.
const AT_ONCE: usize = 8;

/// The same plan over sources that stay as they are now, as far as the purpose asks for it; `keeper` keeps what is found.
/// Scans of one name are one source.
pub(crate) async fn pin(
    plan: &LogicalPlan,
    keeper: &dyn KeepFound,
    purpose: Purpose<'_>,
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
    let began = Utc::now();
    let mut pinned = HashMap::new();
    for (name, source) in sources {
        let found = source.found();
        let are_objects = found.iter().any(|part| matches!(part, Found::Objects(_)));
        if found.is_empty() || (matches!(purpose, Purpose::Rows) && !are_objects) {
            continue;
        }
        let kept = stream::iter(found).map(|part| keeper.keep(part, purpose, began));
        let kept = kept.buffered(AT_ONCE).try_collect().await?;
        pinned.insert(name, as_table(SeveralTables::of(&source.schema(), kept)));
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
