//! Chains over two versions of a dataset, without the rows that both have.
//!
//! A row that lies in the same place of both versions has the same values in both chains where these make the same
//! columns of it: by projections and filters, which look at each row by itself.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, TableReference, internal_err};
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, TableScan};

use super::sides::Pair;
use crate::logical::has_queries;
use crate::source::{Leaf, Shared, Source, as_table, source_of};
use crate::{Chain, Result};

/// The left chain without rows that are in the right one too, and agree there with themselves on all pairs.
pub(super) fn without_shared_rows(
    left: &Chain,
    right: &Chain,
    pairs: &[Pair],
) -> Result<Option<Chain>> {
    let Some((ours, theirs)) = alike(left, right, pairs) else {
        return Ok(None);
    };
    if !theirs.filters.is_subset(&ours.filters) {
        return Ok(None);
    }
    let apart = ours.source.apart_from(&theirs.source, Shared::Rows);
    apart.map(|[fewer, _]| reading(left, &fewer)).transpose()
}

/// Both chains without rows that both begin with, and that agree there with themselves on all pairs. What is left keeps
/// its places among rows that agree with it, counted from the first one that is left.
pub(super) fn without_shared_start(
    left: &Chain,
    right: &Chain,
    pairs: &[Pair],
) -> Result<Option<[Chain; 2]>> {
    let Some((ours, theirs)) = alike(left, right, pairs) else {
        return Ok(None);
    };
    if theirs.filters != ours.filters {
        return Ok(None);
    }
    let Some([fewer, others]) = ours.source.apart_from(&theirs.source, Shared::Start) else {
        return Ok(None);
    };
    Ok(Some([reading(left, &fewer)?, reading(right, &others)?]))
}

/// What two chains make of their sources, if they make the same pairs of the same rows.
fn alike(left: &Chain, right: &Chain, pairs: &[Pair]) -> Option<(RowWise, RowWise)> {
    let mut values = Values::default();
    let (ours, theirs) =
        (RowWise::of(left.plan(), &mut values)?, RowWise::of(right.plan(), &mut values)?);
    let mut are_same = |(one, two): &Pair| {
        let one = values.number(one, left.plan().schema(), &ours.columns)?;
        Some(one == values.number(two, right.plan().schema(), &theirs.columns)?)
    };
    pairs.iter().all(|pair| are_same(pair) == Some(true)).then_some((ours, theirs))
}

/// The chain over another source of the same columns.
fn reading(chain: &Chain, source: &Arc<dyn Source>) -> Result<Chain> {
    let number = chain.session().next_number();
    let replace = |node: LogicalPlan| {
        let LogicalPlan::TableScan(scan) = node else {
            return Ok(Transformed::no(node));
        };
        // Plans compare scans by name.
        let name = TableReference::bare(format!("{}#{number}", scan.table_name.table()));
        let apart = TableScan::try_new(name, as_table(Arc::clone(source)), None, vec![], None)?;
        let apart = LogicalPlanBuilder::from(LogicalPlan::TableScan(apart));
        Ok(Transformed::yes(apart.alias(scan.table_name)?.build()?))
    };
    chain.with_plan(chain.plan().clone().transform_up(replace)?.data)
}

/// A plan that makes each of its rows of one row of a source.
struct RowWise {
    source: Arc<dyn Source>,
    /// The columns, by the numbers of their values.
    columns: Vec<usize>,
    /// The conditions of its rows.
    filters: BTreeSet<usize>,
}

impl RowWise {
    fn of(plan: &LogicalPlan, values: &mut Values) -> Option<Self> {
        let (mut steps, mut node) = (Vec::new(), plan);
        let scan = loop {
            match node {
                LogicalPlan::TableScan(scan) => break scan,
                LogicalPlan::Projection(_)
                | LogicalPlan::Filter(_)
                | LogicalPlan::SubqueryAlias(_)
                    if !has_queries(node) =>
                {
                    steps.push(node);
                    node = node.inputs().pop()?;
                }
                _ => return None,
            }
        };
        let is_whole = scan.projection.is_none() && scan.filters.is_empty() && scan.fetch.is_none();
        let source = source_of(scan).filter(|_| is_whole)?;
        if source.leaves().len() != scan.projected_schema.fields().len() {
            return None;
        }
        let columns = source.leaves().iter().map(|leaf| values.of_leaf(leaf)).collect();
        let mut rows = Self { source, columns, filters: BTreeSet::new() };
        for step in steps.into_iter().rev() {
            let input = node.schema();
            match step {
                LogicalPlan::Projection(made) => {
                    let columns = made.expr.iter();
                    let columns = columns.map(|made| values.number(made, input, &rows.columns));
                    rows.columns = columns.collect::<Option<_>>()?;
                }
                LogicalPlan::Filter(kept) => {
                    let kept = values.number(&kept.predicate, input, &rows.columns)?;
                    rows.filters.insert(kept);
                }
                _ => {}
            }
            node = step;
        }
        Some(rows)
    }
}

/// What is computed of rows. What has the same number is the same of the same row.
#[derive(Default)]
struct Values {
    leaves: HashMap<Leaf, usize>,
    made: HashMap<PlanExpr, usize>,
    count: usize,
}

impl Values {
    fn of_leaf(&mut self, leaf: &Leaf) -> usize {
        let next = &mut self.count;
        *self.leaves.entry(leaf.clone()).or_insert_with(|| new_number(next))
    }

    /// The value of an expression over columns with these numbers.
    fn number(&mut self, value: &PlanExpr, schema: &DFSchema, columns: &[usize]) -> Option<usize> {
        let value = value.clone().transform_up(|part| match part {
            PlanExpr::Column(column) => match schema.maybe_index_of_column(&column) {
                Some(at) => {
                    let number = Column::new_unqualified(columns[at].to_string());
                    Ok(Transformed::yes(PlanExpr::Column(number)))
                }
                None => internal_err!("`{column}` is no column"),
            },
            // What it is called does not matter.
            PlanExpr::Alias(alias) => Ok(Transformed::yes(*alias.expr)),
            part => Ok(Transformed::no(part)),
        });
        match value.ok()?.data {
            PlanExpr::Column(column) => column.name.parse().ok(),
            value if value.is_volatile() => Some(new_number(&mut self.count)),
            value => {
                let next = &mut self.count;
                Some(*self.made.entry(value).or_insert_with(|| new_number(next)))
            }
        }
    }
}

fn new_number(count: &mut usize) -> usize {
    *count += 1;
    *count
}

#[cfg(test)]
mod tests;
