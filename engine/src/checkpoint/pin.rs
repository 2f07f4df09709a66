//! [`pin`]: a plan whose listings are taken, so that what it reads has a name and stays the same for the whole run.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{LogicalPlan, TableScan};

use crate::Result;
use crate::source::{ListingTable, ValuesTable};

/// The same plan with the files that its listings find now in place of the listings. The digest of a listing is that of
/// its rows: paths, sizes, times of change.
pub(crate) async fn pin(plan: &LogicalPlan) -> Result<LogicalPlan> {
    let mut listings: Vec<TableScan> = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && source_as_provider(&scan.source)?.downcast_ref::<ListingTable>().is_some()
        {
            listings.push(scan.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let mut taken = HashMap::new();
    for scan in listings {
        if taken.contains_key(&scan.table_name) {
            continue;
        }
        let provider = source_as_provider(&scan.source)?;
        if let Some(table) = provider.downcast_ref::<ListingTable>() {
            let values = ValuesTable::try_new(table.rows_schema(), table.rows().await?)?;
            taken.insert(scan.table_name, provider_as_source(Arc::new(values)));
        }
    }
    if taken.is_empty() {
        return Ok(plan.clone());
    }
    let replace = |node: LogicalPlan| -> PlanResult<Transformed<LogicalPlan>> {
        let LogicalPlan::TableScan(mut scan) = node else {
            return Ok(Transformed::no(node));
        };
        let Some(source) = taken.get(&scan.table_name) else {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        };
        scan.source = Arc::clone(source);
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    };
    Ok(plan.clone().transform_up_with_subqueries(replace)?.data)
}
