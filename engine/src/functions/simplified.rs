//! [`Simplified`]: conditions that DataFusion (54) simplifies to other ones, in words that it takes as they are meant.
//!
//! Of `x IN (a, 1) AND x IN (b, 2)` it keeps what stands in both lists, which is nothing, also where `a` equals `b`. Where
//! nothing is left the condition is false, also for a null (issue 24246); and `x ~ '.*'` is so for one (24258).

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, binary_expr, lit};

#[derive(Debug)]
pub(crate) struct Simplified;

impl FunctionRewrite for Simplified {
    fn name(&self) -> &'static str {
        "simplified"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let meant = match &expr {
            Expr::InList(list) => one_by_one(list),
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: op @ (Operator::And | Operator::Or),
                right,
            }) => match lists(left, *op, right) {
                Some(value) if value.nullable(schema)? => Some(or_null(value, *op, &expr)),
                _ => None,
            },
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => anything(left, *op, right),
            Expr::ScalarFunction(call) if call.name() == "regexp_like" => {
                match call.args.as_slice() {
                    [text, pattern] => anything(text, Operator::RegexMatch, pattern),
                    _ => None,
                }
            }
            _ => None,
        };
        Ok(meant.map_or_else(|| Transformed::no(expr), Transformed::yes))
    }
}

/// What depends on the row, and nulls, as comparisons of their own beside the list.
fn one_by_one(InList { expr: value, list, negated }: &InList) -> Option<Expr> {
    let is_apart = |item: &Expr| match item {
        Expr::Literal(item, _) => item.is_null(),
        item => item.any_column_refs() || item.contains_outer(),
    };
    if !list.iter().any(is_apart) || value.is_volatile() {
        return None;
    }
    let (apart, list): (Vec<Expr>, Vec<Expr>) = list.iter().cloned().partition(is_apart);
    let (compare, join) = match negated {
        false => (Operator::Eq, Operator::Or),
        true => (Operator::NotEq, Operator::And),
    };
    let rest = InList { expr: value.clone(), list, negated: *negated };
    let rest = (!rest.list.is_empty()).then_some(Expr::InList(rest));
    let apart = apart.into_iter().map(|item| binary_expr(value.as_ref().clone(), compare, item));
    rest.into_iter().chain(apart).reduce(|all, one| binary_expr(all, join, one))
}

/// What two conditions look for in lists, both in a way that may leave nothing.
fn lists<'e>(left: &'e Expr, op: Operator, right: &'e Expr) -> Option<&'e Expr> {
    let (of_right, without) = list(right)?;
    // Of alternatives only those about what is not in lists may leave nothing.
    if op == Operator::Or && !without {
        return None;
    }
    let (of_left, also_without) = list(left)?;
    (of_left == of_right && (op == Operator::And || also_without)).then_some(of_left)
}

/// What is looked for in a list, and whether it is not to be there. Alternatives become a list.
fn list(condition: &Expr) -> Option<(&Expr, bool)> {
    match condition {
        Expr::InList(InList { expr, negated, .. }) => Some((expr, *negated)),
        Expr::Not(condition) => list(condition).map(|(value, without)| (value, !without)),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let (value, without) = equal(right).or_else(|| list(right))?;
            let same = Some((value, without)) == equal(left).or_else(|| list(left));
            (same && !without).then_some((value, without))
        }
        _ => None,
    }
}

/// What is compared with a constant.
fn equal(condition: &Expr) -> Option<(&Expr, bool)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else {
        return None;
    };
    let value = if matches!(left.as_ref(), Expr::Literal(..)) { right } else { left };
    Some((value, false))
}

/// The condition, which is null where the value is, whatever becomes of its parts.
fn or_null(value: &Expr, op: Operator, condition: &Expr) -> Expr {
    let null = lit(ScalarValue::Boolean(None));
    match op {
        Operator::And => value.clone().is_null().and(null).or(condition.clone()),
        _ => value.clone().is_not_null().or(null).and(condition.clone()),
    }
}

/// A pattern that any text has.
fn anything(text: &Expr, op: Operator, pattern: &Expr) -> Option<Expr> {
    if !matches!(op, Operator::RegexMatch | Operator::RegexIMatch) {
        return None;
    }
    let Expr::Literal(pattern, _) = pattern else { return None };
    let (text, any) = (Box::new(text.clone()), Box::new(lit("%")));
    (pattern.try_as_str().flatten() == Some(".*"))
        .then(|| Expr::Like(Like::new(false, text, any, None, false)))
}
