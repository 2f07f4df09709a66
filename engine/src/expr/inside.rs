//! What is inside of values: fields of models, of the models of lists, and keys of dicts.

use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::functions::core::expr_fn as core_fn;
use datafusion::logical_expr::{Expr as PlanExpr, TryCast, lit};

use super::Resolver;
use super::build::{Part, called};
use crate::kind::{is_number, is_text, kind_name};
use crate::model::{TYPE_KEY, inside_of_json};
use crate::{BinaryOp, Expr, Result};

/// What the items of a list are.
fn item(kind: &DataType) -> Option<&FieldRef> {
    match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item)
        }
        _ => None,
    }
}

fn is_json(field: &FieldRef) -> bool {
    field.metadata().get(TYPE_KEY).is_some_and(|kind| kind == "json")
}

impl Resolver<'_> {
    /// A path whose first steps name a list or a dict, as what is inside of that.
    pub(super) fn inside_column(&self, path: &str) -> Option<Expr> {
        path.char_indices().rev().find_map(|(at, _)| {
            let (outer, rest) = path.split_at(at);
            let rest = rest.strip_prefix('.').or_else(|| rest.strip_prefix("__"))?;
            let (_, field) = self.path(outer).ok()?;
            let holds_models = item(field.data_type())
                .is_some_and(|item| matches!(item.data_type(), DataType::Struct(_)));
            if !holds_models && !is_json(&field) {
                return None;
            }
            let steps = rest.split('.').flat_map(|step| step.split("__"));
            let outer = Expr::Column(outer.to_owned());
            Some(steps.fold(outer, |value, name| Expr::Inside {
                value: Arc::new(value),
                name: name.to_owned(),
            }))
        })
    }

    pub(super) fn inside(&self, expr: &Expr, value: &Expr, name: &str) -> Result<Part> {
        let is_json = self.is_json(value);
        let Part { expr: inner, kind } = self.build(value)?;
        if is_json {
            let key = Part { expr: lit(name), kind: DataType::Utf8 };
            return called(expr, "json_get", vec![Part { expr: inner, kind }, key]);
        }
        let unknown = || {
            let (kind, near) = (kind_name(&kind), "hint: `[0]` is an item of a list");
            expr.invalid(format!("{kind} has no field `{name}`; {near}"))
        };
        match &kind {
            DataType::Struct(fields) => {
                let (_, field) = fields.find(name).ok_or_else(unknown)?;
                let kind = field.data_type().clone();
                Ok(Part { expr: core_fn::get_field(inner, name.to_owned()), kind })
            }
            list if item(list).is_some() => {
                let key = Part { expr: lit(name), kind: DataType::Utf8 };
                called(expr, "list_field", vec![Part { expr: inner, kind }, key])
            }
            _ => Err(unknown()),
        }
    }

    pub(super) fn meaning_inside(&self, value: &Expr, name: &str) -> Option<FieldRef> {
        let outer = self.meaning(value)?;
        match outer.data_type() {
            DataType::Struct(fields) => Some(Arc::clone(fields.find(name)?.1)),
            _ if is_json(&outer) => Some(inside_of_json(&outer)),
            _ => None,
        }
    }

    pub(super) fn meaning_of_item(&self, list: &Expr) -> Option<FieldRef> {
        let outer = self.meaning(list)?;
        if is_json(&outer) {
            return Some(inside_of_json(&outer));
        }
        item(outer.data_type()).cloned()
    }

    pub(super) fn is_json(&self, expr: &Expr) -> bool {
        self.meaning(expr).is_some_and(|field| is_json(&field))
    }

    /// A value as it is converted: what is inside of a dict is its text, without quotes.
    pub(super) fn plain(&self, value: &Expr) -> Result<Part> {
        let part = self.build(value)?;
        match value {
            Expr::Column(_) | Expr::Inside { .. } | Expr::Call { .. } if self.is_json(value) => {
                called(value, "json_text", vec![part])
            }
            _ => Ok(part),
        }
    }

    /// The sides of an operator. What is inside of a dict is taken as the type of the constant that it meets.
    pub(super) fn operands(&self, op: BinaryOp, left: &Expr, right: &Expr) -> Result<(Part, Part)> {
        let (before, after) = (self.build(left)?, self.build(right)?);
        let is_constant = |expr: &Expr| matches!(expr, Expr::Literal(value) if !value.is_null(0));
        if is_constant(right) && self.is_inside_json(left) {
            return Ok((self.as_kind(left, op, &after.kind)?, after));
        }
        if is_constant(left) && self.is_inside_json(right) {
            let after = self.as_kind(right, op, &before.kind)?;
            return Ok((before, after));
        }
        Ok((before, after))
    }

    fn is_inside_json(&self, expr: &Expr) -> bool {
        let is_path = match expr {
            Expr::Column(path) => self.path(path).is_err(),
            Expr::Inside { .. } | Expr::Call { .. } => true,
            _ => false,
        };
        is_path && self.is_json(expr)
    }

    fn as_kind(&self, value: &Expr, op: BinaryOp, kind: &DataType) -> Result<Part> {
        let text = self.plain(value)?;
        let compares = is_number(kind) || *kind == DataType::Boolean;
        if is_text(kind) || !compares || matches!(op, BinaryOp::Like | BinaryOp::ILike) {
            return Ok(text);
        }
        // A whole number is compared with 1.5 as well.
        let kind = if is_number(kind) { DataType::Float64 } else { kind.clone() };
        let cast = TryCast::new(Box::new(text.expr), kind.clone());
        Ok(Part { expr: PlanExpr::TryCast(cast), kind })
    }
}
