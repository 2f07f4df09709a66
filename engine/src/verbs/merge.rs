//! `merge`: rows of two chains side by side where their keys are equal.

use std::collections::HashSet;

use arrow::datatypes::FieldRef;
use datafusion::common::{JoinType, NullEquality};
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlanBuilder};

use super::new_names::check_new_name;
use super::sides::{Side, key_pairs};
use crate::{Chain, Error, Expr, Result};

/// Which rows a merge keeps, and what stands beside those that match none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// All left rows; nulls beside those that match none.
    Left,
    /// Pairs that match.
    Inner,
    /// All rows of both sides.
    Full,
    /// All right rows; nulls beside those that match none.
    Right,
    /// Left rows that match, once each and by themselves.
    Semi,
    /// Left rows that match none.
    Anti,
}

impl How {
    /// The kind of this name, for example `left`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "left" => Self::Left,
            "inner" => Self::Inner,
            "full" => Self::Full,
            "right" => Self::Right,
            "semi" => Self::Semi,
            "anti" => Self::Anti,
            _ => return None,
        })
    }

    fn join(self) -> JoinType {
        match self {
            Self::Left => JoinType::Left,
            Self::Inner => JoinType::Inner,
            Self::Full => JoinType::Full,
            Self::Right => JoinType::Right,
            Self::Semi => JoinType::LeftSemi,
            Self::Anti => JoinType::LeftAnti,
        }
    }

    /// Whether the rows are some of the left ones, as they are.
    fn picks(self) -> bool {
        matches!(self, Self::Semi | Self::Anti)
    }
}

impl Chain {
    /// The rows of both chains side by side where all pairs of keys are equal; a null equals nothing. Columns of the
    /// right chain whose names are taken get `prefix`.
    ///
    /// # Errors
    /// No key, an unknown column, keys that cannot be compared, or chains of two sessions.
    pub fn merge(&self, other: &Self, on: &[(Expr, Expr)], how: How, prefix: &str) -> Result<Self> {
        let chain = self.with_functions_of(other)?;
        if on.is_empty() {
            return Err(Error::InvalidArgument {
                argument: "on",
                given: "[]".to_owned(),
                accepted: "a merge needs at least one key".to_owned(),
            });
        }
        let keys = key_pairs(self, other, on)?;
        let mut left = Side::new(self, self.plan().clone());
        let mut right = Side::new(self, other.plan().clone());
        let mut columns = Vec::new();
        for (value, field) in if how.picks() { self.all_columns() } else { self.own_columns() } {
            columns.push(left.add(value, field.name()));
        }
        if !how.picks() {
            let beside = other.own_columns();
            let names = names_beside(self, &beside, prefix)?;
            for ((value, _), name) in beside.into_iter().zip(names) {
                columns.push(right.add(value, &name));
            }
        }
        let rows = Side::joined(left, right, keys, how.join(), NullEquality::NullEqualsNothing)?;
        chain.with_plan(LogicalPlanBuilder::from(rows).project(columns)?.build()?)
    }
}

/// What the right columns are called: where a name is taken it gets the prefix, and a number where that is taken too.
fn names_beside(left: &Chain, right: &[(PlanExpr, FieldRef)], prefix: &str) -> Result<Vec<String>> {
    let name = |(_, field): &(PlanExpr, FieldRef)| field.name().clone();
    let mut taken: HashSet<String> = left.own_columns().iter().map(name).collect();
    let all_right: HashSet<String> = right.iter().map(name).collect();
    let mut names = Vec::with_capacity(right.len());
    for (_, field) in right {
        let (name, mut free, mut count) = (field.name(), field.name().clone(), 0);
        while taken.contains(&free) || (free != *name && all_right.contains(&free)) {
            free = match count {
                0 => format!("{prefix}{name}"),
                _ => format!("{prefix}{name}_{count}"),
            };
            count += 1;
        }
        if free != *name && check_new_name(name).is_ok() {
            check_new_name(&free)?;
        }
        taken.insert(free.clone());
        names.push(free);
    }
    Ok(names)
}
