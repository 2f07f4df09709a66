//! [`PushBelowMap`]: a limit, and a sort that keeps only its first rows, run before a function and not after it.
//!
//! A map neither adds, drops nor reorders rows, so both commute with it as long as the sort's keys are no results of
//! the function. Projections between the two change nothing of that.
//! `map(f).order_by("size").limit(3)` calls `f` three times.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::replace_col;
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, Projection, UserDefinedLogicalNodeCore,
};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::logical::Udf;

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
        let sunk = match (&plan, plan.inputs().first()) {
            (LogicalPlan::Limit(_) | LogicalPlan::Sort(_), Some(below)) => sunk(&plan, below)?,
            _ => None,
        };
        Ok(sunk.map_or_else(|| Transformed::no(plan), Transformed::yes))
    }
}

/// `below` with `top` beneath the first map in it; `None` where there is none, or `top` cannot pass.
fn sunk(top: &LogicalPlan, below: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    match below {
        LogicalPlan::Extension(extension) => match extension.node.as_any().downcast_ref::<Udf>() {
            Some(map) if commutes(top, map) => beneath(top, map).map(Some),
            _ => Ok(None),
        },
        LogicalPlan::Projection(projection) => {
            let Some(keys) = translated(top.expressions(), projection)? else {
                return Ok(None);
            };
            let top = top.with_new_exprs(keys, vec![projection.input.as_ref().clone()])?;
            let Some(input) = sunk(&top, &projection.input)? else {
                return Ok(None);
            };
            below.with_new_exprs(below.expressions(), vec![input]).map(Some)
        }
        _ => Ok(None),
    }
}

fn beneath(top: &LogicalPlan, map: &Udf) -> Result<LogicalPlan> {
    let below = top.with_new_exprs(top.expressions(), vec![map.input.clone()])?;
    let map = map.with_exprs_and_inputs(map.call.arguments.clone(), vec![below])?;
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(map) }))
}

/// The keys over the projection's input; `None` when one reads a column that the projection computes.
fn translated(keys: Vec<Expr>, projection: &Projection) -> Result<Option<Vec<Expr>>> {
    let columns = projection.schema.columns().into_iter().zip(&projection.expr);
    let passed = columns.filter_map(|(name, expr)| match expr.clone().unalias() {
        Expr::Column(column) => Some((name, column)),
        _ => None,
    });
    let passed: HashMap<Column, Column> = passed.collect();
    let mut read = keys.iter().flat_map(Expr::column_refs);
    if !read.all(|column| passed.contains_key(column)) {
        return Ok(None);
    }
    let names = passed.iter().collect();
    keys.into_iter().map(|key| replace_col(key, &names)).collect::<Result<_>>().map(Some)
}

fn commutes(plan: &LogicalPlan, map: &Udf) -> bool {
    // A limit counts rows, of which there must be one for each.
    if !map.is_one_per_row() {
        return false;
    }
    match plan {
        LogicalPlan::Limit(_) => true,
        LogicalPlan::Sort(sort) if sort.fetch.is_some() => {
            let results: HashSet<&str> =
                map.call.results.iter().map(|field| field.name().as_str()).collect();
            let mut keys = sort.expr.iter().flat_map(|key| key.expr.column_refs());
            !keys.any(|column| column.relation.is_none() && results.contains(column.name.as_str()))
        }
        _ => false,
    }
}
