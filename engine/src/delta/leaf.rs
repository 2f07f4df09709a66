//! [`Leaf`]: a value of a row by where it is, followed through the steps of a plan.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::functions::core::expr_fn::{coalesce, get_field};
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan};

use crate::functions::{field_values, meant_value, pruned_model};

/// A column, or a field at a path below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) column: Column,
    pub(super) path: Vec<String>,
}

/// What rows are known by: such values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Leaf(Leaf),
    /// Whether it is null.
    IsNull(Leaf),
    /// The first that is not null: rows of a full merge have either.
    Either(Leaf, Leaf),
}

impl Leaf {
    pub(super) fn expr(&self) -> PlanExpr {
        let column = PlanExpr::Column(self.column.clone());
        self.path.iter().fold(column, |value, step| get_field(value, step.clone()))
    }

    /// The value that an expression is, if it is one as it stands.
    pub(super) fn of(expr: &PlanExpr) -> Option<Self> {
        match expr {
            PlanExpr::Column(column) => Some(Self { column: column.clone(), path: Vec::new() }),
            PlanExpr::Alias(alias) => Self::of(&alias.expr),
            PlanExpr::ScalarFunction(call) if call.name() == "get_field" => {
                let (value, steps) = call.args.split_first()?;
                let mut leaf = Self::of(value)?;
                for step in steps {
                    let PlanExpr::Literal(ScalarValue::Utf8(Some(step)), _) = step else {
                        return None;
                    };
                    leaf.path.push(step.clone());
                }
                Some(leaf)
            }
            PlanExpr::ScalarFunction(call) => Self::of(meant_value(call)?),
            _ => None,
        }
    }

    /// Where the same value is in the rows of a node over those that it is in.
    pub(super) fn above(&self, node: &LogicalPlan) -> Option<Self> {
        let schema = node.schema();
        match node {
            LogicalPlan::Projection(projection) => {
                let found = projection.expr.iter().enumerate();
                let found = found.filter_map(|(at, expr)| Some((at, self.within(expr)?)));
                let mut found = found.filter(|(at, path)| has_path(schema.field(*at), path));
                let (at, path) = found.next()?;
                Some(Self { column: column(schema, at), path })
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let at = alias.input.schema().index_of_column(&self.column).ok()?;
                Some(Self { column: column(schema, at), path: self.path.clone() })
            }
            _ => schema.has_column(&self.column).then(|| self.clone()),
        }
    }

    /// The path below the value of an expression at which the leaf is.
    fn within(&self, expr: &PlanExpr) -> Option<Vec<String>> {
        if let Some(whole) = Self::of(expr) {
            let is_below = whole.column == self.column && self.path.starts_with(&whole.path);
            return is_below.then(|| self.path[whole.path.len()..].to_vec());
        }
        match expr {
            PlanExpr::Alias(alias) => self.within(&alias.expr),
            PlanExpr::ScalarFunction(call) => {
                if let Some(value) = meant_value(call) {
                    return self.within(value);
                }
                if let Some(model) = pruned_model(call) {
                    // The whole model is another one.
                    return self.within(model).filter(|path| !path.is_empty());
                }
                field_values(call)?.into_iter().find_map(|(name, value)| {
                    let below = self.within(value)?;
                    Some([name.to_owned()].into_iter().chain(below).collect())
                })
            }
            _ => None,
        }
    }
}

impl Value {
    pub(super) fn expr(&self) -> PlanExpr {
        match self {
            Self::Leaf(leaf) => leaf.expr(),
            Self::IsNull(leaf) => leaf.expr().is_null(),
            Self::Either(one, other) => coalesce(vec![one.expr(), other.expr()]),
        }
    }

    /// The value that an expression is, if it is one of these.
    pub(super) fn of(expr: &PlanExpr) -> Option<Self> {
        match expr {
            PlanExpr::IsNull(value) => Leaf::of(value).map(Self::IsNull),
            PlanExpr::Alias(alias) => Self::of(&alias.expr),
            value => Leaf::of(value).map(Self::Leaf),
        }
    }

    /// The same value in the rows of a node over those that it is in.
    pub(super) fn above(&self, node: &LogicalPlan) -> Option<Self> {
        Some(match self {
            Self::Leaf(leaf) => Self::Leaf(leaf.above(node)?),
            Self::IsNull(leaf) => Self::IsNull(leaf.above(node)?),
            Self::Either(one, other) => Self::Either(one.above(node)?, other.above(node)?),
        })
    }

    /// The column that it is in, with the path there.
    pub(super) fn shown(&self) -> String {
        let (Self::Leaf(leaf) | Self::IsNull(leaf) | Self::Either(leaf, _)) = self;
        let steps = [&leaf.column.name].into_iter().chain(&leaf.path);
        steps.map(String::as_str).collect::<Vec<_>>().join(".")
    }
}

/// A key of a join as it was before the side was given columns for the join.
///
/// WHY: the join compares a column of its own, while the rows keep the value where it was.
pub(super) fn where_it_was(key: &PlanExpr, side: &LogicalPlan) -> Option<Leaf> {
    let key = Leaf::of(key)?;
    let LogicalPlan::Projection(projection) = side else { return Some(key) };
    let at = side.schema().index_of_column(&key.column).ok()?;
    let mut source = Leaf::of(&projection.expr[at])?;
    source.path.extend(key.path.iter().cloned());
    source.above(side)
}

fn has_path(field: &Field, path: &[String]) -> bool {
    let Some((step, rest)) = path.split_first() else { return true };
    match field.data_type() {
        DataType::Struct(fields) => {
            fields.find(step).is_some_and(|(_, child)| has_path(child, rest))
        }
        _ => false,
    }
}

fn column(schema: &DFSchema, at: usize) -> Column {
    let (table, field) = schema.qualified_field(at);
    Column::from((table, &Arc::clone(field)))
}
