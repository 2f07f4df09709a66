//! [`PushBelowMap`]: a limit, and a sort that keeps only its first rows, run before a function and not after it.
//!
//! A map neither adds, drops nor reorders rows, so both commute with it as long as the sort's keys are no results of
//! the function; projections and aliases of tables between the two change nothing of that.
//! `map(f).order_by("size").limit(3)` calls `f` three times.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::replace_col;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
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
    if let LogicalPlan::Extension(extension) = below {
        return match extension.node.as_any().downcast_ref::<Udf>() {
            Some(map) if commutes(top, map) => beneath(top, map).map(Some),
            _ => Ok(None),
        };
    }
    let Some((input, passed)) = passing(below) else {
        return Ok(None);
    };
    let Some(keys) = translated(top.expressions(), &passed)? else {
        return Ok(None);
    };
    let top = top.with_new_exprs(keys, vec![input.clone()])?;
    match sunk(&top, input)? {
        Some(input) => Ok(Some(below.with_new_exprs(below.expressions(), vec![input])?)),
        None => Ok(None),
    }
}

fn beneath(top: &LogicalPlan, map: &Udf) -> Result<LogicalPlan> {
    let below = top.with_new_exprs(top.expressions(), vec![map.input.clone()])?;
    let map = map.with_exprs_and_inputs(map.arguments.clone(), vec![below])?;
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(map) }))
}

/// The input of a node that changes columns only, and the input's name of each column that passes through.
fn passing(plan: &LogicalPlan) -> Option<(&LogicalPlan, HashMap<Column, Column>)> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let columns = plan.schema().columns().into_iter().zip(&projection.expr);
            let passed = columns.filter_map(|(name, expr)| match expr.clone().unalias() {
                Expr::Column(column) => Some((name, column)),
                _ => None,
            });
            Some((projection.input.as_ref(), passed.collect()))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let columns = plan.schema().columns().into_iter().zip(alias.input.schema().columns());
            Some((alias.input.as_ref(), columns.collect()))
        }
        _ => None,
    }
}

/// The expressions in the input's names; `None` when one reads a column that is computed on the way.
fn translated(keys: Vec<Expr>, passed: &HashMap<Column, Column>) -> Result<Option<Vec<Expr>>> {
    let mut read = keys.iter().flat_map(Expr::column_refs);
    if !read.all(|column| passed.contains_key(column)) {
        return Ok(None);
    }
    let names = passed.iter().collect();
    keys.into_iter().map(|key| replace_col(key, &names)).collect::<Result<_>>().map(Some)
}

fn commutes(plan: &LogicalPlan, map: &Udf) -> bool {
    // What a key stands for is fixed; and a limit counts rows, of which there must be one for each.
    if map.key.is_some() || !map.is_one_per_row() {
        return false;
    }
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
