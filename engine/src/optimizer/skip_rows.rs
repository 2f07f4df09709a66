//! [`SkipRows`]: rows that an offset leaves out are not read, where a source can begin at a later row.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::{Limit, LogicalPlan, SkipType, TableScan};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::source::{as_table, source_of};

#[derive(Debug)]
pub(super) struct SkipRows;

impl OptimizerRule for SkipRows {
    fn name(&self) -> &'static str {
        "skip_rows"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Limit(limit) = &plan else {
            return Ok(Transformed::no(plan));
        };
        let SkipType::Literal(rows) = limit.get_skip_type()? else {
            return Ok(Transformed::no(plan));
        };
        let Some(input) = without_first(&limit.input, rows)? else {
            return Ok(Transformed::no(plan));
        };
        Ok(Transformed::yes(match &limit.fetch {
            Some(_) => {
                let (fetch, input) = (limit.fetch.clone(), Arc::new(input));
                LogicalPlan::Limit(Limit { skip: None, fetch, input })
            }
            None => input,
        }))
    }
}

/// The plan without its first rows; `None` where they are read all the same.
fn without_first(plan: &LogicalPlan, rows: usize) -> Result<Option<LogicalPlan>> {
    match plan {
        _ if rows == 0 => Ok(None),
        LogicalPlan::TableScan(scan) => scanned(scan, rows),
        // One row for each of the input.
        LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) => {
            let [input] = plan.inputs()[..] else {
                return Ok(None);
            };
            let Some(input) = without_first(input, rows)? else {
                return Ok(None);
            };
            plan.with_new_exprs(plan.expressions(), vec![input]).map(Some)
        }
        _ => Ok(None),
    }
}

fn scanned(scan: &TableScan, rows: usize) -> Result<Option<LogicalPlan>> {
    let source = source_of(scan).filter(|_| scan.filters.is_empty());
    let Some(source) = source.and_then(|source| source.without_first(rows)) else {
        return Ok(None);
    };
    let (name, columns) = (scan.table_name.clone(), scan.projection.clone());
    let fetch = scan.fetch.map(|fetch| fetch.saturating_sub(rows));
    let scan = TableScan::try_new(name, as_table(source), columns, vec![], fetch)?;
    Ok(Some(LogicalPlan::TableScan(scan)))
}
