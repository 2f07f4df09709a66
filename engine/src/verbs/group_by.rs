//! `group_by`: one row for each group, with aggregates that are expressions.

mod keys;

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, Projection};

use self::keys::GroupKeys;
use super::new_names::check_new_name;
use crate::expr::{numbered, row_number};
use crate::{Chain, Error, NamedExpr, Result};

impl Chain {
    /// One row for each combination of the keys' values: the keys, then the aggregates. Without keys, one row.
    ///
    /// # Errors
    /// An unknown column, what is no aggregate, or a name that is used twice.
    pub fn group_by(&self, keys: &[NamedExpr], aggregates: &[NamedExpr]) -> Result<Self> {
        let keys = GroupKeys::try_new(&self.resolver(), keys)?;
        let resolver = self.resolver().of_groups();
        let mut outputs = keys.outputs()?;
        let mut taken: HashSet<String> =
            outputs.iter().map(|output| output.schema_name().to_string()).collect();
        let mut found = Found::default();
        for NamedExpr { name, expr } in aggregates {
            check_new_name(name)?;
            if !taken.insert(name.clone()) {
                return Err(Error::ColumnExists { name: name.clone() });
            }
            let known = found.seen;
            let output = found.taken_out(resolver.resolve(expr)?, name)?;
            if let Some(column) = found.outside.take() {
                return Err(expr.invalid(format!(
                    "`{column}` is not one value for a group; hint: `func.any_value()`, or \
                     `partition_by`"
                )));
            }
            if found.seen == known {
                return Err(expr.invalid("it holds no aggregate such as `func.count()`"));
            }
            outputs.push(output.alias(name));
        }
        let rows = self.plan().clone();
        let rows = if found.needs_places()? { numbered(rows)? } else { rows };
        let groups =
            LogicalPlanBuilder::from(rows).aggregate(keys.groups(), found.named())?.build()?;
        // WHY: the builder looks for every output among all aggregates; these are columns already.
        let plan = LogicalPlan::Projection(Projection::try_new(outputs, Arc::new(groups))?);
        self.with_sys(false)?.with_plan(plan)
    }
}

/// The aggregates that expressions hold.
#[derive(Default)]
struct Found {
    aggregates: Vec<(String, PlanExpr)>,
    /// How many there were, equal ones too.
    seen: usize,
    /// A column that stands in no aggregate.
    outside: Option<String>,
}

impl Found {
    /// The expression with columns in place of its aggregates.
    fn taken_out(&mut self, expr: PlanExpr, name: &str) -> Result<PlanExpr> {
        let is_alone = matches!(expr, PlanExpr::AggregateFunction(_));
        let expr = expr.transform_down(|expr| {
            if let PlanExpr::Column(column) = &expr {
                self.outside = Some(column.name.clone());
            }
            if !matches!(expr, PlanExpr::AggregateFunction(_)) {
                return Ok(Transformed::no(expr));
            }
            self.seen += 1;
            let known = self.aggregates.iter().find(|(_, known)| *known == expr);
            let column = match known {
                Some((column, _)) => column.clone(),
                None if is_alone => name.to_owned(),
                None => format!("{name}#{}", self.aggregates.len()),
            };
            if known.is_none() {
                self.aggregates.push((column.clone(), expr));
            }
            let column = PlanExpr::Column(Column::new_unqualified(column));
            Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
        })?;
        Ok(expr.data)
    }

    /// Whether one of them asks for the order of the rows.
    fn needs_places(&self) -> Result<bool> {
        let place = row_number();
        for (_, aggregate) in &self.aggregates {
            if aggregate.exists(|part| Ok(*part == place))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn named(self) -> Vec<PlanExpr> {
        self.aggregates.into_iter().map(|(name, aggregate)| aggregate.alias(name)).collect()
    }
}
