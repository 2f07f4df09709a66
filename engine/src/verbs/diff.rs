//! `diff`: what became of the rows of another chain.

use arrow::datatypes::FieldRef;
use datafusion::common::{JoinType, NullEquality};
use datafusion::logical_expr::{
    Case, Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr, lit,
};

use super::apart::without_shared_start;
use super::new_names::check_new_name;
use super::nth::{nth, numbered};
use super::sides::{Side, leaf_pairs};
use super::union::{converted, shared};
use crate::expr::balanced;
use crate::functions::{there_is, with_meaning};
use crate::{Chain, Error, Result};

/// How two chains are compared. All paths to models stand for all of their fields.
#[derive(Clone, Debug)]
pub struct Diff {
    /// The paths by which rows belong together.
    pub on: Vec<(String, String)>,
    /// The paths that tell whether rows that belong together are the same; none: they never are.
    pub compare: Option<Vec<(String, String)>>,
    /// For each of our columns where deleted rows have its value; none: it is null.
    pub filled: Vec<Option<String>>,
    /// The name of the new column.
    pub status: String,
    /// Whether rows that are the same are wanted; else they need not be there.
    pub same: bool,
}

/// The two sides of a row of the result.
struct Row {
    left: Side,
    right: Side,
    is_added: PlanExpr,
    is_deleted: PlanExpr,
}

impl Chain {
    /// The rows of both chains, matched by keys of which nulls are equal. Before our columns stands a status: `A` only we
    /// have the row, `D` only the other has it, `M` they differ, `S` they are the same. Rows that agree on all keys are
    /// matched one by one, in their order.
    ///
    /// # Errors
    /// No key, an unknown column, values that cannot be compared, a name that is taken, or chains of two sessions.
    pub fn diff(&self, other: &Self, diff: &Diff) -> Result<Self> {
        let chain = self.with_functions_of(other)?;
        check_status(self, &diff.status)?;
        let fewer = self.without_same(other, diff)?;
        let plan = match &fewer {
            Some([ours, theirs]) => ours.diff_rows(theirs, diff)?,
            None => self.diff_rows(other, diff)?,
        };
        chain.with_plan(plan)
    }

    /// Both chains without rows that are the same, where the files tell which are.
    fn without_same(&self, other: &Self, diff: &Diff) -> Result<Option<[Self; 2]>> {
        let Some(compare) = diff.compare.as_ref().filter(|_| !diff.same) else {
            return Ok(None);
        };
        let mut pairs = leaf_pairs(self, other, &diff.on)?;
        pairs.extend(leaf_pairs(self, other, compare)?);
        without_shared_start(self, other, &pairs)
    }

    fn diff_rows(&self, other: &Self, diff: &Diff) -> Result<LogicalPlan> {
        let mut keys = leaf_pairs(self, other, &diff.on)?;
        let (ours, theirs): (Vec<_>, Vec<_>) = keys.iter().cloned().unzip();
        let side = |chain: &Self, keys| {
            Ok::<_, Error>(Side::new(chain, numbered(chain.plan().clone(), keys)?.build()?))
        };
        let (mut left, mut right) = (side(self, ours)?, side(other, theirs)?);
        let place = "place of the side";
        let is_deleted = left.add(nth(), place).is_null();
        let is_added = right.add(nth(), place).is_null();
        keys.push((nth(), nth()));
        let mut row = Row { left, right, is_added, is_deleted };
        let mut columns = vec![row.status(self, other, diff)?.alias(&diff.status)];
        for ((value, field), filled) in self.own_columns().into_iter().zip(&diff.filled) {
            columns.push(row.column(value, &field, other, filled.as_deref())?);
        }
        let (kind, nulls) = (JoinType::Full, NullEquality::NullEqualsNull);
        let rows = Side::joined(row.left, row.right, keys, kind, nulls)?;
        Ok(LogicalPlanBuilder::from(rows).project(columns)?.build()?)
    }
}

impl Row {
    fn status(&mut self, left: &Chain, right: &Chain, diff: &Diff) -> Result<PlanExpr> {
        let differ = match &diff.compare {
            None => lit(true),
            Some(compare) => {
                let mut differ = Vec::new();
                for (at, (ours, theirs)) in
                    leaf_pairs(left, right, compare)?.into_iter().enumerate()
                {
                    let name = format!("value {at} of the side");
                    let values = (self.left.add(ours, &name), self.right.add(theirs, &name));
                    differ.push(binary_expr(values.0, Operator::IsDistinctFrom, values.1));
                }
                balanced(differ, Operator::Or)
            }
        };
        let told = [(self.is_deleted.clone(), "D"), (self.is_added.clone(), "A"), (differ, "M")];
        let told = told.map(|(is_so, status)| (Box::new(is_so), Box::new(lit(status))));
        Ok(PlanExpr::Case(Case {
            expr: None,
            when_then_expr: told.into(),
            else_expr: Some(Box::new(lit("S"))),
        }))
    }

    /// Our column, with the other side's values in deleted rows.
    fn column(
        &mut self,
        value: PlanExpr,
        field: &FieldRef,
        other: &Chain,
        filled: Option<&str>,
    ) -> Result<PlanExpr> {
        let name = field.name();
        let ours = self.left.add(value, name);
        let Some(path) = filled else {
            return Ok(ours.alias(name));
        };
        let (value, present) = other.resolver().path(path)?;
        let shared = shared(field, &present)?;
        let theirs = self.right.add(value, &format!("{name} of the side"));
        let (ours, theirs) =
            (converted(ours, field, &shared), converted(theirs, &present, &shared));
        let chosen = PlanExpr::Case(Case {
            expr: None,
            when_then_expr: vec![(Box::new(self.is_deleted.clone()), Box::new(theirs))],
            else_expr: Some(Box::new(ours)),
        });
        let chosen = with_meaning(chosen, shared.metadata());
        Ok(if shared.is_nullable() { chosen } else { there_is(chosen) }.alias(name))
    }
}

fn check_status(chain: &Chain, name: &str) -> Result<()> {
    check_new_name(name)?;
    match chain.resolver().is_column(name) {
        true => Err(Error::ColumnExists { name: name.to_owned() }),
        false => Ok(()),
    }
}
