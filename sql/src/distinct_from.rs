//! [`bind_tightly`]: `a IS DISTINCT FROM b AND c` is `(a IS DISTINCT FROM b) AND c`.
//!
//! The parser (sqlparser 0.62) takes all that follows for the right side.

use std::mem;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Statement, UnaryOperator, Value, VisitMut, VisitorMut,
};

/// Puts what `AND` and `OR` join in order, where the parser has not.
pub(crate) fn bind_tightly(statement: &mut Statement) {
    // Nothing in the visit stops early.
    let _: ControlFlow<()> = statement.visit(&mut BindTightly);
}

struct BindTightly;

impl VisitorMut for BindTightly {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if takes_too_much(expr) {
            let mut terms = Vec::new();
            let first = flattened(take(expr), &mut terms);
            *expr = joined(first, terms);
        }
        ControlFlow::Continue(())
    }
}

/// An operator that binds less tightly than a comparison, and how tightly.
fn rank(op: &BinaryOperator) -> Option<u8> {
    match op {
        BinaryOperator::Or => Some(0),
        BinaryOperator::Xor => Some(1),
        BinaryOperator::And => Some(2),
        _ => None,
    }
}

fn is_joined(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { op, .. } if rank(op).is_some())
}

/// Whether a comparison among the terms has taken terms that follow it.
fn takes_too_much(expr: &Expr) -> bool {
    match expr {
        Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) => {
            is_joined(right) || takes_too_much(right)
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => takes_too_much(expr),
        Expr::BinaryOp { left, op, right } if rank(op).is_some() => {
            takes_too_much(left) || takes_too_much(right)
        }
        _ => false,
    }
}

/// A term and what follows it.
type Terms = Vec<(BinaryOperator, Expr)>;

/// The first term of an expression; the others, with what joins them, are added to `terms`.
fn flattened(expr: Expr, terms: &mut Terms) -> Expr {
    match expr {
        Expr::BinaryOp { left, op, right } if rank(&op).is_some() => {
            let first = flattened(*left, terms);
            let mut after = Vec::new();
            let next = flattened(*right, &mut after);
            terms.push((op, next));
            terms.append(&mut after);
            first
        }
        Expr::IsDistinctFrom(left, right) => {
            Expr::IsDistinctFrom(left, Box::new(flattened(*right, terms)))
        }
        Expr::IsNotDistinctFrom(left, right) => {
            Expr::IsNotDistinctFrom(left, Box::new(flattened(*right, terms)))
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            let expr = Box::new(flattened(*expr, terms));
            Expr::UnaryOp { op: UnaryOperator::Not, expr }
        }
        expr => expr,
    }
}

/// The terms joined, `AND` before `OR`.
fn joined(first: Expr, mut terms: Terms) -> Expr {
    let loosest = terms.iter().enumerate().filter_map(|(at, (op, _))| Some((rank(op)?, at)));
    // Of equals the last, which joins the result of the others.
    let Some((_, at)) = loosest.min_by_key(|(rank, at)| (*rank, usize::MAX - at)) else {
        return first;
    };
    let after = terms.split_off(at + 1);
    let Some((op, next)) = terms.pop() else {
        return first;
    };
    let (left, right) = (Box::new(joined(first, terms)), Box::new(joined(next, after)));
    Expr::BinaryOp { left, op, right }
}

fn take(expr: &mut Expr) -> Expr {
    mem::replace(expr, Expr::Value(Value::Null.into()))
}
