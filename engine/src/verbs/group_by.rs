//! `group_by`: one row for each group, with aggregates that are expressions.

mod keys;

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::logical_expr::{
    Expr as PlanExpr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Projection,
};

use self::keys::GroupKeys;
use super::new_names::check_new_name;
use crate::{Chain, Error, Expr, NamedExpr, Result, functions};

/// An aggregate of `group_by`.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// The new column's name.
    pub name: String,
    /// `count`, `sum`, `avg`, `min` or `max`.
    pub function: String,
    /// What it aggregates; only `count` can do without.
    pub argument: Option<Expr>,
}

impl Chain {
    /// One row for each combination of the keys' values: the keys, then the aggregates. Without keys, one row.
    ///
    /// # Errors
    /// An unknown column or aggregate, or a name that is used twice.
    pub fn group_by(&self, keys: &[NamedExpr], aggregates: &[Aggregate]) -> Result<Self> {
        let resolver = self.resolver();
        let keys = GroupKeys::try_new(&resolver, keys)?;
        let mut values = Vec::new();
        let mut outputs = keys.outputs()?;
        let mut taken: HashSet<String> =
            outputs.iter().map(|output| output.schema_name().to_string()).collect();
        for aggregate in aggregates {
            check_new_name(&aggregate.name)?;
            if !taken.insert(aggregate.name.clone()) {
                return Err(Error::ColumnExists { name: aggregate.name.clone() });
            }
            let argument = aggregate
                .argument
                .as_ref()
                .map(|argument| resolver.resolve(argument))
                .transpose()?;
            outputs.push(self.aggregate_output(aggregate, argument.as_ref())?);
            let value = functions::aggregate(&aggregate.function, argument)?;
            if let Some(argument) = &aggregate.argument {
                resolver.check_aggregate(&aggregate.function, argument, &value)?;
            }
            values.push(value.alias(&aggregate.name));
        }
        let groups = LogicalPlanBuilder::from(self.plan().clone())
            .aggregate(keys.groups(), values)?
            .build()?;
        // WHY: the builder looks for every output among all aggregates; these are columns already.
        let plan = LogicalPlan::Projection(Projection::try_new(outputs, Arc::new(groups))?);
        self.with_sys(false)?.with_plan(plan)
    }

    /// The column of an aggregate over its output; the smallest of some models is such a model itself.
    fn aggregate_output(
        &self,
        aggregate: &Aggregate,
        argument: Option<&PlanExpr>,
    ) -> Result<PlanExpr> {
        let column = PlanExpr::Column(Column::new_unqualified(&aggregate.name));
        let Some(argument) = argument.filter(|_| functions::passes_values(&aggregate.function))
        else {
            return Ok(column);
        };
        let (_, field) = argument.to_field(self.plan().schema())?;
        if field.metadata().is_empty() {
            return Ok(column);
        }
        Ok(functions::with_meaning(column, field.metadata()).alias(&aggregate.name))
    }
}
