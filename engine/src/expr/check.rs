//! Which types the parts of an expression may have.

use arrow::array::StringArray;
use arrow::compute::{can_cast_types, regexp_is_match_scalar};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::type_coercion::binary::{BinaryTypeCoercer, comparison_coercion};
use datafusion::logical_expr::{Cast, Expr as PlanExpr, ExprSchemable, Operator, lit};

use super::Resolver;
use super::build::{Part, called};
use crate::adapter::error::pattern_reason;
use crate::functions::{have_an_order, moment_of_text};
use crate::kind::{is_number, is_temporal, is_text, kind_name, kind_names, mixes_text};
use crate::{Error, Expr, Result};

/// An operand of `&`, `|` or `~`, what decides between cases, or what filters.
pub(super) fn check_condition(expr: &Expr, part: Part) -> Result<PlanExpr> {
    if matches!(part.kind, DataType::Boolean | DataType::Null) {
        return Ok(part.expr);
    }
    Err(expr.invalid(format!("a condition is a bool, this is {}", kind_name(&part.kind))))
}

/// What unary minus takes.
pub(super) fn check_number(expr: &Expr, part: Part) -> Result<Part> {
    if is_number(&part.kind) || matches!(part.kind, DataType::Null | DataType::Duration(_)) {
        return Ok(part);
    }
    Err(expr.invalid(format!("`-` takes numbers, this is {}", kind_name(&part.kind))))
}

/// What `like` takes on both sides.
pub(super) fn check_text(expr: &Expr, part: Part) -> Result<PlanExpr> {
    if is_text(&part.kind) || part.kind.is_null() {
        return Ok(part.expr);
    }
    Err(expr.invalid(format!("`like` takes str, this is {}", kind_name(&part.kind))))
}

/// The operands of a comparison. Text that a date or time is compared with must be one.
pub(super) fn comparable(expr: &Expr, left: Part, right: Part) -> Result<(Part, Part)> {
    let right = as_moment(expr, right, &left.kind)?;
    let left = as_moment(expr, left, &right.kind)?;
    let moments = is_temporal(&left.kind) || is_temporal(&right.kind);
    if have_an_order(&left.kind, &right.kind) {
        return Ok((left, right));
    }
    let fit = BinaryTypeCoercer::new(&left.kind, &Operator::Eq, &right.kind).get_input_types();
    if fit.is_err() || (mixes_text(&left.kind, &right.kind) && !moments) {
        let (left, right) = (kind_name(&left.kind), kind_name(&right.kind));
        return Err(expr.invalid(format!(
            "{left} and {right} cannot be compared; hint: `cast()` converts one of them"
        )));
    }
    Ok((left, right))
}

/// Whether values of two types that are columns can be equal.
pub(crate) fn are_comparable(left: &DataType, right: &DataType) -> bool {
    let fit = BinaryTypeCoercer::new(left, &Operator::Eq, right).get_input_types();
    have_an_order(left, right) || (fit.is_ok() && !mixes_text(left, right))
}

/// A literal text as the date or time that it is compared with.
fn as_moment(expr: &Expr, part: Part, other: &DataType) -> Result<Part> {
    let PlanExpr::Literal(literal, meaning) = &part.expr else {
        return Ok(part);
    };
    let (Some(text), true) = (literal.try_as_str().flatten(), is_temporal(other)) else {
        return Ok(part);
    };
    match moment_of_text(literal, other) {
        Ok(moment) => {
            let expr = PlanExpr::Literal(moment, meaning.clone());
            Ok(Part { expr, kind: other.clone() })
        }
        Err(_) => Err(expr.invalid(format!("`{text}` is no {}", kind_name(other)))),
    }
}

/// Values of which one is chosen, all converted to one type.
pub(super) fn alternatives(expr: &Expr, values: Vec<Part>) -> Result<(Vec<Part>, DataType)> {
    let values = typeless_nulls(values);
    let mut shared = DataType::Null;
    for Part { kind, .. } in &values {
        shared = match shared {
            DataType::Null => kind.clone(),
            same if same == *kind || kind.is_null() => same,
            other if mixes_text(&other, kind) => return Err(nothing_shared(expr, &values)),
            other => {
                comparison_coercion(&other, kind).ok_or_else(|| nothing_shared(expr, &values))?
            }
        };
    }
    let convert = |part: Part| match part.kind {
        kind if kind == shared => Part { expr: part.expr, kind },
        _ => Part {
            expr: PlanExpr::Cast(Cast::new(Box::new(part.expr), shared.clone())),
            kind: shared.clone(),
        },
    };
    Ok((values.into_iter().map(convert).collect(), shared))
}

/// Nulls that take the type of the values beside them, if there are any.
fn typeless_nulls(values: Vec<Part>) -> Vec<Part> {
    let is_null =
        |part: &Part| matches!(&part.expr, PlanExpr::Literal(value, _) if value.is_null());
    if values.iter().all(is_null) {
        return values;
    }
    let typeless = |part: Part| {
        if is_null(&part) {
            Part { expr: lit(ScalarValue::Null), kind: DataType::Null }
        } else {
            part
        }
    };
    values.into_iter().map(typeless).collect()
}

fn nothing_shared(expr: &Expr, values: &[Part]) -> Error {
    let kinds: Vec<DataType> = values.iter().map(|value| value.kind.clone()).collect();
    let kinds = kind_names(&kinds);
    expr.invalid(format!("the values share no type: {kinds}; hint: `cast()` converts"))
}

pub(super) fn cast(expr: &Expr, value: &Expr, part: Part, to: &DataType) -> Result<Part> {
    let is_model = |kind: &DataType| matches!(kind, DataType::Struct(_));
    let castable = can_cast_types(&part.kind, to) || (is_model(&part.kind) && is_model(to));
    if !castable {
        let (from, to, hint) = (kind_name(&part.kind), kind_name(to), fields_of(value, &part.kind));
        return Err(expr.invalid(format!("{from} cannot be cast to {to}{hint}")));
    }
    if matches!(part.kind, DataType::Timestamp(..)) && *to == DataType::Utf8 {
        return called(expr, "time_text", vec![part]);
    }
    let expr = PlanExpr::Cast(Cast::new(Box::new(part.expr), to.clone()));
    Ok(Part { expr, kind: to.clone() })
}

/// The hint that not a model but a field of it was meant.
fn fields_of(value: &Expr, kind: &DataType) -> String {
    let (Expr::Column(path), DataType::Struct(fields)) = (value, kind) else {
        return String::new();
    };
    let Some(field) = fields.first() else { return String::new() };
    format!("; hint: columns like '{path}' have fields, such as '{path}.{}'", field.name())
}

/// A regular expression that is known already must be one.
pub(super) fn check_pattern(expr: &Expr, pattern: &PlanExpr) -> Result<()> {
    let Some(pattern) = pattern.as_literal().and_then(|pattern| pattern.try_as_str().flatten())
    else {
        return Ok(());
    };
    let nothing = StringArray::from(Vec::<&str>::new());
    let Err(error) = regexp_is_match_scalar(&nothing, pattern, None) else {
        return Ok(());
    };
    let reason = pattern_reason(&error.to_string());
    Err(expr.invalid(reason.unwrap_or_else(|| "the regular expression is too large".to_owned())))
}

impl Resolver<'_> {
    /// What rows are filtered by.
    pub(crate) fn resolve_condition(&self, expr: &Expr) -> Result<PlanExpr> {
        let resolved = self.resolve(expr)?;
        let kind = resolved.get_type(self.schema)?;
        check_condition(expr, Part { expr: resolved, kind })
    }
}
