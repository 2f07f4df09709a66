//! [`PushBelowMap`]: a limit, and a sort that keeps only its first rows, run before a function and not after it.
//!
//! A map neither adds, drops nor reorders rows, so both commute with it as long as the sort's keys are no results of
//! the function. `map(f).order_by("size").limit(3)` calls `f` three times.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::{Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::logical::UdfMap;

#[derive(Debug)]
pub(super) struct PushBelowMap;

impl OptimizerRule for PushBelowMap {
    fn name(&self) -> &'static str {
        "push_below_map"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        match swapped(&plan)? {
            Some(swapped) => Ok(Transformed::yes(swapped)),
            None => Ok(Transformed::no(plan)),
        }
    }
}

fn swapped(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    let inputs = plan.inputs();
    let Some(LogicalPlan::Extension(extension)) = inputs.first() else {
        return Ok(None);
    };
    let Some(map) = extension.node.as_any().downcast_ref::<UdfMap>() else {
        return Ok(None);
    };
    if !commutes(plan, map) {
        return Ok(None);
    }
    let below = plan.with_new_exprs(plan.expressions(), vec![map.input.clone()])?;
    let map = map.with_exprs_and_inputs(map.arguments.clone(), vec![below])?;
    Ok(Some(LogicalPlan::Extension(Extension { node: Arc::new(map) })))
}

fn commutes(plan: &LogicalPlan, map: &UdfMap) -> bool {
    match plan {
        LogicalPlan::Limit(_) => true,
        LogicalPlan::Sort(sort) if sort.fetch.is_some() => {
            let results: HashSet<&str> =
                map.results.iter().map(|field| field.name().as_str()).collect();
            let mut keys = sort.expr.iter().flat_map(|key| key.expr.column_refs());
            !keys.any(|column| column.relation.is_none() && results.contains(column.name.as_str()))
        }
        _ => false,
    }
}
