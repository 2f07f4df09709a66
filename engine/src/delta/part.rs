//! [`Part`]: a step of a chain with all that it reads, over the sources as they are and as they were; which of its rows
//! differ, and the plan that computes no others.

use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, SortExpr};

use super::changes::filtered;
use super::leaf::{Leaf, Value};
use super::places::Places;
use crate::Result;
use crate::functions::Units;

/// When sources were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Now,
    Before,
}

/// What rows are known by: those of one key are computed together, and from no others.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Key {
    /// No row ever changes.
    Fixed,
    /// These values.
    By(Vec<Value>),
    /// What they were known by is not in the rows any more: this.
    Lost(String),
}

/// How rows are sorted.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// As they come.
    Any,
    /// By these values.
    By(Vec<(Leaf, SortExpr)>),
    /// By values that are not in the rows any more: these.
    Lost(String),
}

/// How the rows of a step follow from those of its inputs.
pub(super) enum Kind {
    /// With the places of rows that differ, where these are known.
    Source(Option<Arc<Places>>),
    /// Row by row.
    Rows(Box<Part>),
    /// Those of all inputs, which are known by values at the same places.
    Union(Vec<Part>),
    /// From all rows that agree on these values.
    Groups(Box<Part>, Vec<PlanExpr>),
    /// A row of one input with what belongs to it of the other.
    Beside { kept: Box<Part>, other: Box<Part>, is_left: bool },
    /// From all rows of both inputs that agree on these values.
    Both([Box<Part>; 2], [Vec<PlanExpr>; 2]),
}

pub(super) struct Part {
    pub(super) now: LogicalPlan,
    pub(super) before: LogicalPlan,
    pub(super) kind: Kind,
    pub(super) key: Key,
    pub(super) order: Order,
    /// The keys of rows that differ.
    pub(super) touched: Arc<Units>,
}

impl Part {
    pub(super) fn whole(&self, when: When) -> &LogicalPlan {
        match when {
            When::Now => &self.now,
            When::Before => &self.before,
        }
    }

    /// The sources whose keys the rows have; none where they are known by what steps made.
    pub(super) fn known_by(&self) -> Vec<&TableReference> {
        match &self.kind {
            Kind::Source(_) => match &self.now {
                LogicalPlan::TableScan(scan) => vec![&scan.table_name],
                _ => Vec::new(),
            },
            Kind::Rows(input) | Kind::Beside { kept: input, .. } => input.known_by(),
            Kind::Union(inputs) => inputs.iter().flat_map(Self::known_by).collect(),
            Kind::Groups(..) | Kind::Both(..) => Vec::new(),
        }
    }

    /// The plan of the rows whose keys are among these.
    pub(super) fn restricted(&self, units: &Arc<Units>, when: When) -> Result<LogicalPlan> {
        let whole = self.whole(when);
        match &self.kind {
            Kind::Source(places) => {
                let places = places.as_ref().filter(|_| when == When::Now);
                match places.map(|places| places.rows_of(units)).transpose()?.flatten() {
                    Some(rows) => Ok(rows),
                    None => self.chosen(units, when),
                }
            }
            Kind::Rows(input) => over(whole, vec![input.restricted(units, when)?]),
            Kind::Union(inputs) => {
                let places = self.places();
                let inputs = inputs.iter().map(|input| match &input.key {
                    Key::Fixed => {
                        let values = at_places(&places, input.whole(when));
                        filtered(input.whole(when), values, units)
                    }
                    _ => input.restricted(units, when),
                });
                over(whole, inputs.collect::<Result<_>>()?)
            }
            Kind::Groups(input, by) => {
                over(whole, vec![filtered(input.whole(when), by.clone(), units)?])
            }
            Kind::Beside { kept, other, is_left } => {
                let (kept, other) = (kept.restricted(units, when)?, other.whole(when).clone());
                over(whole, if *is_left { vec![kept, other] } else { vec![other, kept] })
            }
            Kind::Both(inputs, by) => {
                let inputs = inputs.iter().zip(by);
                let inputs =
                    inputs.map(|(input, by)| filtered(input.whole(when), by.clone(), units));
                over(whole, inputs.collect::<Result<_>>()?)
            }
        }
    }

    /// The same for rows that are known by values which are there.
    fn chosen(&self, units: &Arc<Units>, when: When) -> Result<LogicalPlan> {
        match &self.key {
            Key::By(values) => {
                filtered(self.whole(when), values.iter().map(Value::expr).collect(), units)
            }
            Key::Fixed | Key::Lost(_) => Ok(self.whole(when).clone()),
        }
    }

    /// Of the values that rows are known by, in which columns they are and where there.
    fn places(&self) -> Vec<(usize, Vec<String>)> {
        let Key::By(values) = &self.key else { return Vec::new() };
        let place = |value: &Value| match value {
            Value::Leaf(leaf) => {
                let at = self.now.schema().index_of_column(&leaf.column).ok()?;
                Some((at, leaf.path.clone()))
            }
            Value::IsNull(_) | Value::Either(..) => None,
        };
        values.iter().filter_map(place).collect()
    }
}

fn at_places(places: &[(usize, Vec<String>)], plan: &LogicalPlan) -> Vec<PlanExpr> {
    let leaf = |(at, path): &(usize, Vec<String>)| {
        let column = plan.schema().columns()[*at].clone();
        Leaf { column, path: path.clone() }.expr()
    };
    places.iter().map(leaf).collect()
}

/// The step over other inputs.
pub(super) fn over(node: &LogicalPlan, inputs: Vec<LogicalPlan>) -> Result<LogicalPlan> {
    let mut inputs = inputs.into_iter();
    let next = |input| Ok(Transformed::yes(inputs.next().unwrap_or(input)));
    Ok(node.clone().map_children(next)?.data)
}
