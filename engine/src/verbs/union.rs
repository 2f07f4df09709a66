//! `union`: the rows of one chain and then those of another.

use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef};
use datafusion::logical_expr::{Cast, Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, Union};

use crate::expr::shared_field;
use crate::functions::with_meaning;
use crate::kind::kind_name;
use crate::{Chain, Error, Result};

type Columns = [(PlanExpr, FieldRef)];

impl Chain {
    /// All rows of this chain and then all of the other, duplicates too. Columns belong together by their names; a column
    /// has the type that both sides' values fit into.
    ///
    /// # Errors
    /// A column that only one side has, types that share none, or chains of two sessions.
    pub fn union(&self, other: &Self) -> Result<Self> {
        let chain = self.with_functions_of(other)?;
        let (left, right) = (self.own_columns(), other.own_columns());
        check_names(&left, &right)?;
        let mut fields = Vec::with_capacity(left.len());
        for (_, ours) in &left {
            let theirs = named(&right, ours.name()).map(|(_, field)| field);
            let shared = theirs.map(|theirs| shared(ours, theirs));
            fields.extend(shared.transpose()?);
        }
        let mut inputs = match self.plan() {
            // Many unions are one, so that a plan is not as deep as they are many.
            LogicalPlan::Union(union) if union.schema.fields().iter().eq(&fields) => {
                union.inputs.clone()
            }
            plan => vec![with_fields(plan, &left, &fields)?],
        };
        inputs.push(with_fields(other.plan(), &right, &fields)?);
        chain.with_plan(LogicalPlan::Union(Union::try_new(inputs)?))
    }
}

/// The field that both columns' values fit into.
pub(super) fn shared(ours: &Field, theirs: &Field) -> Result<FieldRef> {
    shared_field(ours, theirs).ok_or_else(|| {
        let reason = match (kind_name(ours.data_type()), kind_name(theirs.data_type())) {
            (left, right) if left == right => {
                format!("its {left} values mean something else in the other chain")
            }
            (left, right) => format!("{left} here and {right} in the other chain share no type"),
        };
        let reason = format!("{reason}; hint: `cast()` converts one of them");
        Error::InvalidExpression { expression: ours.name().clone(), reason }
    })
}

/// The value of a column as one of another type.
pub(super) fn converted(value: PlanExpr, from: &Field, to: &Field) -> PlanExpr {
    if from.data_type() == to.data_type() && from.metadata() == to.metadata() {
        return value;
    }
    let value = match from.data_type() == to.data_type() {
        true => value,
        false => PlanExpr::Cast(Cast::new(Box::new(value), to.data_type().clone())),
    };
    with_meaning(value, to.metadata())
}

/// The rows of a plan with these columns, in their order.
fn with_fields(
    plan: &LogicalPlan,
    columns: &Columns,
    fields: &[FieldRef],
) -> Result<Arc<LogicalPlan>> {
    let values = fields.iter().filter_map(|field| {
        let (value, present) = named(columns, field.name())?;
        Some(converted(value.clone(), present, field).alias(field.name()))
    });
    let values: Vec<PlanExpr> = values.collect();
    Ok(Arc::new(LogicalPlanBuilder::from(plan.clone()).project(values)?.build()?))
}

fn named<'c>(columns: &'c Columns, name: &str) -> Option<&'c (PlanExpr, FieldRef)> {
    columns.iter().find(|(_, field)| field.name() == name)
}

fn check_names(left: &Columns, right: &Columns) -> Result<()> {
    let missing = |side: &str, here: &Columns, there: &Columns| {
        let names = there.iter().filter(|(_, field)| named(here, field.name()).is_none());
        let names: Vec<String> = names.map(|(_, field)| format!("`{}`", field.name())).collect();
        (!names.is_empty()).then(|| format!("{side} has no {}", names.join(", ")))
    };
    let problems =
        [missing("the left chain", left, right), missing("the right chain", right, left)];
    let problems: Vec<String> = problems.into_iter().flatten().collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::NotSupported {
        what: format!("a union of other columns ({})", problems.join("; ")),
        instead: "`select` keeps the columns that both have".to_owned(),
    })
}
