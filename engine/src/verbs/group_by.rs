//! `group_by`: one row for each group, with aggregates that are expressions.

mod keys;

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result as PlanResult};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{
    Expr as PlanExpr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Projection,
};

use self::keys::GroupKeys;
use super::new_names::check_new_name;
use crate::expr::{numbered, row_number};
use crate::functions::there_is;
use crate::{Chain, Error, NamedExpr, Result};

impl Chain {
    /// One row for each combination of the keys' values: the keys, then the aggregates. Without keys, one row.
    ///
    /// # Errors
    /// An unknown column, what is no aggregate, or a name that is used twice.
    pub fn group_by(&self, keys: &[NamedExpr], aggregates: &[NamedExpr]) -> Result<Self> {
        let of_rows = (!keys.is_empty()).then(|| self.plan().schema().as_ref());
        let keys = GroupKeys::try_new(&self.resolver(), keys)?;
        let resolver = self.resolver().of_groups();
        let mut outputs = keys.outputs()?;
        let mut taken: HashSet<String> =
            outputs.iter().map(|output| output.schema_name().to_string()).collect();
        let mut found = Found::new(of_rows);
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

/// Aggregates that are null only where a group has no rows or no values.
const NULL_OF_NOTHING: &[&str] = &["avg", "max", "min", "sum"];

/// The aggregates that expressions hold.
struct Found<'a> {
    /// The columns of the rows, where each group has some; all of nothing is one group without rows.
    of_rows: Option<&'a DFSchema>,
    aggregates: Vec<(String, PlanExpr)>,
    /// How many there were, equal ones too.
    seen: usize,
    /// A column that stands in no aggregate.
    outside: Option<String>,
}

impl<'a> Found<'a> {
    fn new(of_rows: Option<&'a DFSchema>) -> Self {
        Self { of_rows, aggregates: Vec::new(), seen: 0, outside: None }
    }

    /// The expression with columns in place of its aggregates.
    fn taken_out(&mut self, expr: PlanExpr, name: &str) -> Result<PlanExpr> {
        let is_alone = matches!(expr, PlanExpr::AggregateFunction(_));
        let expr = expr.transform_down(|expr| {
            if let PlanExpr::Column(column) = &expr {
                self.outside = Some(column.name.clone());
            }
            let PlanExpr::AggregateFunction(aggregate) = &expr else {
                return Ok(Transformed::no(expr));
            };
            let is_there = self.is_there(aggregate)?;
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
            let value = if is_there { there_is(column) } else { column };
            Ok(Transformed::new(value, true, TreeNodeRecursion::Jump))
        })?;
        Ok(expr.data)
    }

    /// Whether an aggregate has a value for each group.
    fn is_there(&self, aggregate: &AggregateFunction) -> PlanResult<bool> {
        let (Some(schema), None) = (self.of_rows, &aggregate.params.filter) else {
            return Ok(false);
        };
        match aggregate.params.args.first() {
            Some(values) if NULL_OF_NOTHING.contains(&aggregate.func.name()) => {
                Ok(!values.nullable(schema)?)
            }
            _ => Ok(false),
        }
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
