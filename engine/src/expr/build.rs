//! An [`Expr`] becomes the query engine's expression, from its leaves up.
//!
//! Every part's type is checked on the way: where the user wrote it, not when the plan runs.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::expr::{Case, InList, ScalarFunction};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    Cast, Expr as PlanExpr, ExprSchemable, Like, Operator, ReturnFieldArgs, TypeSignature,
    binary_expr, lit,
};

use super::Resolver;
use super::check::{
    alternatives, cast, check_condition, check_number, check_pattern, check_text, comparable,
};
use crate::error::plain_message;
use crate::kind::{is_text, kind_names};
use crate::{BinaryOp, Expr, Result, functions};

/// A part of an expression, and its type.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) expr: PlanExpr,
    pub(super) kind: DataType,
}

impl Part {
    fn boolean(expr: PlanExpr) -> Self {
        Self { expr, kind: DataType::Boolean }
    }
}

/// More conditions than this are one function, which the query engine cannot take apart: it would make a chain of them
/// that is as deep as they are many.
pub(crate) const MANY_CONDITIONS: usize = 100;

impl Resolver<'_> {
    // WHY: every arm is a call, so that the frame of this function, which stands on the stack once a level, is small.
    pub(super) fn build(&self, expr: &Expr) -> Result<Part> {
        match expr {
            Expr::Column(path) => self.column(path),
            Expr::Literal(value) => literal(value),
            Expr::Typed { value, .. } => self.build(value),
            Expr::Binary { op, left, right } => self.binary(expr, *op, left, right),
            Expr::All(terms) => self.all(expr, terms),
            Expr::Any(terms) => self.any(expr, terms),
            Expr::Not(inner) => self.not(inner),
            Expr::Negate(inner) => self.negated(inner),
            Expr::IsNull(inner) => self.is_null(inner),
            Expr::InList { value, list } => self.in_list(expr, value, list),
            Expr::Case { branches, otherwise } => self.case(expr, branches, otherwise.as_deref()),
            Expr::Call { function, arguments } => self.call(expr, function, arguments),
            Expr::Cast { value, to } => self.cast(expr, value, to),
            Expr::Inside { value, name } => self.inside(expr, value, name),
            Expr::OfRows(call) => self.of_rows(expr, call),
        }
    }

    fn column(&self, path: &str) -> Result<Part> {
        match self.path(path) {
            Ok((expr, field)) => Ok(Part { expr, kind: field.data_type().clone() }),
            Err(unknown) => self.build(&self.inside_column(path).ok_or(unknown)?),
        }
    }

    fn binary(&self, expr: &Expr, op: BinaryOp, left: &Expr, right: &Expr) -> Result<Part> {
        let (left, right) = self.operands(op, left, right)?;
        binary(expr, op, left, right)
    }

    fn all(&self, expr: &Expr, terms: &[Arc<Expr>]) -> Result<Part> {
        let parts = self.parts(terms.iter().map(Arc::as_ref))?;
        if are_bits(&parts) {
            return bitwise(expr, "bitwise_and", parts);
        }
        Ok(Part::boolean(conjunction(conditions(terms, parts)?)))
    }

    fn any(&self, expr: &Expr, terms: &[Arc<Expr>]) -> Result<Part> {
        let parts = self.parts(terms.iter().map(Arc::as_ref))?;
        if are_bits(&parts) {
            return bitwise(expr, "bitwise_or", parts);
        }
        Ok(Part::boolean(balanced(conditions(terms, parts)?, Operator::Or)))
    }

    fn negated(&self, inner: &Expr) -> Result<Part> {
        let Part { expr, kind } = check_number(inner, self.build(inner)?)?;
        Ok(Part { expr: PlanExpr::Negative(Box::new(expr)), kind })
    }

    fn is_null(&self, inner: &Expr) -> Result<Part> {
        Ok(Part::boolean(PlanExpr::IsNull(Box::new(self.build(inner)?.expr))))
    }

    fn cast(&self, expr: &Expr, value: &Expr, to: &DataType) -> Result<Part> {
        cast(expr, value, self.plain(value)?, to)
    }

    pub(super) fn parts<'e>(&self, exprs: impl IntoIterator<Item = &'e Expr>) -> Result<Vec<Part>> {
        exprs.into_iter().map(|expr| self.build(expr)).collect()
    }

    fn condition(&self, expr: &Expr) -> Result<PlanExpr> {
        check_condition(expr, self.build(expr)?)
    }

    /// None of many is all of their opposites, which the optimizer would find out too.
    fn not(&self, inner: &Expr) -> Result<Part> {
        let not = |condition| PlanExpr::Not(Box::new(condition));
        Ok(Part::boolean(match inner {
            Expr::Any(terms) if terms.len() > MANY_CONDITIONS => {
                let opposite = |term: &Arc<Expr>| Ok(not(self.condition(term)?));
                conjunction(terms.iter().map(opposite).collect::<Result<_>>()?)
            }
            _ => not(self.condition(inner)?),
        }))
    }

    fn in_list(&self, expr: &Expr, value: &Expr, list: &[Expr]) -> Result<Part> {
        let value = self.build(value)?;
        let item = |item| Ok(comparable(expr, value.clone(), self.build(item)?)?.1.expr);
        let list = list.iter().map(item).collect::<Result<_>>()?;
        let found = InList { expr: Box::new(value.expr), list, negated: false };
        Ok(Part::boolean(PlanExpr::InList(found)))
    }

    fn case(
        &self,
        expr: &Expr,
        branches: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
    ) -> Result<Part> {
        let values = branches.iter().map(|(_, value)| value).chain(otherwise);
        let (values, kind) = alternatives(expr, self.parts(values)?)?;
        let mut values = values.into_iter().map(|value| Box::new(value.expr));
        let mut when_then_expr = Vec::with_capacity(branches.len());
        for ((condition, _), value) in branches.iter().zip(values.by_ref()) {
            when_then_expr.push((Box::new(self.condition(condition)?), value));
        }
        let case = Case { expr: None, when_then_expr, else_expr: values.next() };
        Ok(Part { expr: PlanExpr::Case(case), kind })
    }

    fn call(&self, expr: &Expr, function: &str, arguments: &[Expr]) -> Result<Part> {
        if let ("get_item", [value, index]) = (function, arguments)
            && self.is_json(value)
        {
            return called(expr, "json_get", self.parts([value, index])?);
        }
        let mut arguments = self.parts(arguments)?;
        // A copy of a column stays readable as that column, so that scans are pruned to its leaves.
        if function == "coalesce"
            && arguments.len() == 1
            && let Some(only) = arguments.pop()
        {
            return Ok(only);
        }
        if functions::passes_values(function) {
            arguments = alternatives(expr, arguments)?.0;
        }
        if let ("regexp_like" | "regexp_match" | "regexp_replace", [_, pattern, ..]) =
            (function, arguments.as_slice())
        {
            check_pattern(expr, &pattern.expr)?;
        }
        let is_there = functions::is_null_of_nulls(function) && self.are_there(&arguments)?;
        let made = called(expr, function, arguments)?;
        Ok(if is_there { Part { expr: functions::there_is(made.expr), ..made } } else { made })
    }

    /// Whether none of the parts is ever null.
    fn are_there(&self, parts: &[Part]) -> Result<bool> {
        for part in parts {
            if part.expr.nullable(self.schema)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn conditions(terms: &[Arc<Expr>], parts: Vec<Part>) -> Result<Vec<PlanExpr>> {
    terms.iter().zip(parts).map(|(term, part)| check_condition(term, part)).collect()
}

/// Whether `&` and `|` are of bits, as between whole numbers in Python.
fn are_bits(parts: &[Part]) -> bool {
    parts.iter().any(|part| part.kind.is_integer())
        && parts.iter().all(|part| part.kind.is_integer() || part.kind.is_null())
}

fn bitwise(expr: &Expr, function: &str, parts: Vec<Part>) -> Result<Part> {
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else {
        return Err(expr.invalid("it is of nothing"));
    };
    parts.try_fold(first, |left, right| called(expr, function, vec![left, right]))
}

/// A missing value is of any type.
fn literal(value: &ArrayRef) -> Result<Part> {
    if value.is_null(0) {
        return Ok(Part { expr: lit(ScalarValue::Null), kind: DataType::Null });
    }
    let kind = value.data_type().clone();
    Ok(Part { expr: lit(ScalarValue::try_from_array(value, 0)?), kind })
}

fn binary(expr: &Expr, op: BinaryOp, left: Part, right: Part) -> Result<Part> {
    match op {
        BinaryOp::Eq => compared(expr, Operator::Eq, left, right),
        BinaryOp::NotEq => compared(expr, Operator::NotEq, left, right),
        BinaryOp::Lt => compared(expr, Operator::Lt, left, right),
        BinaryOp::LtEq => compared(expr, Operator::LtEq, left, right),
        BinaryOp::Gt => compared(expr, Operator::Gt, left, right),
        BinaryOp::GtEq => compared(expr, Operator::GtEq, left, right),
        // `+` joins strings and adds numbers.
        BinaryOp::Add if is_text(&left.kind) && is_text(&right.kind) => {
            operated(expr, (op, Operator::StringConcat), left, right)
        }
        BinaryOp::Add => moved(expr, (op, Operator::Plus), left, right),
        BinaryOp::Subtract => moved(expr, (op, Operator::Minus), left, right),
        BinaryOp::Multiply => operated(expr, (op, Operator::Multiply), left, right),
        BinaryOp::Divide => called(expr, "true_divide", vec![left, right]),
        BinaryOp::FloorDivide => called(expr, "floor_divide", vec![left, right]),
        BinaryOp::Modulo => called(expr, "modulo", vec![left, right]),
        BinaryOp::Like => like(expr, left, right, false),
        BinaryOp::ILike => like(expr, left, right, true),
    }
}

fn compared(expr: &Expr, op: Operator, left: Part, right: Part) -> Result<Part> {
    let (left, right) = comparable(expr, left, right)?;
    let sides = ((&left.expr, &left.kind), (&right.expr, &right.kind));
    if let Some(compared) = functions::compared_moments(op, sides.0, sides.1) {
        return Ok(Part::boolean(compared));
    }
    Ok(Part::boolean(binary_expr(left.expr, op, right.expr)))
}

/// `left op right`; a date that is moved by a duration stays one, as in Python.
fn moved(expr: &Expr, (symbol, op): (BinaryOp, Operator), left: Part, right: Part) -> Result<Part> {
    let is_date = |part: &Part| part.kind == DataType::Date32;
    let is_duration = |part: &Part| matches!(part.kind, DataType::Duration(_));
    if !(is_date(&left) && is_duration(&right) || is_duration(&left) && is_date(&right)) {
        return operated(expr, (symbol, op), left, right);
    }
    let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
    let converted = |part: Part, kind: &DataType| {
        let expr = PlanExpr::Cast(Cast::new(Box::new(part.expr), kind.clone()));
        Part { expr, kind: kind.clone() }
    };
    let as_moment = |part| if is_date(&part) { converted(part, &moment) } else { part };
    let sum = operated(expr, (symbol, op), as_moment(left), as_moment(right))?;
    Ok(converted(sum, &DataType::Date32))
}

fn operated(
    expr: &Expr,
    (symbol, op): (BinaryOp, Operator),
    left: Part,
    right: Part,
) -> Result<Part> {
    match BinaryTypeCoercer::new(&left.kind, &op, &right.kind).get_result_type() {
        Ok(kind) => Ok(Part { expr: binary_expr(left.expr, op, right.expr), kind }),
        Err(_) => {
            let (symbol, kinds) = (symbol.as_str(), kind_names(&[left.kind, right.kind]));
            Err(expr.invalid(format!("`{symbol}` does not take {kinds}")))
        }
    }
}

/// A call, if the function takes arguments of these types.
pub(super) fn called(expr: &Expr, function: &str, arguments: Vec<Part>) -> Result<Part> {
    let (exprs, kinds): (Vec<PlanExpr>, Vec<DataType>) =
        arguments.into_iter().map(|argument| (argument.expr, argument.kind)).unzip();
    let call = functions::call(function, exprs)?;
    match result_of(&call, &kinds) {
        Ok(kind) => Ok(Part { expr: PlanExpr::ScalarFunction(call), kind }),
        Err(error) if functions::is_ours(function) => Err(expr.invalid(plain_message(&error))),
        Err(_) => Err(expr.invalid(format!("`{function}` does not take {}", kind_names(&kinds)))),
    }
}

fn result_of(call: &ScalarFunction, kinds: &[DataType]) -> PlanResult<DataType> {
    let field = |kind: &DataType| Arc::new(Field::new("", kind.clone(), true));
    let fields: Vec<FieldRef> = kinds.iter().map(field).collect();
    if call.func.signature().type_signature == TypeSignature::UserDefined {
        // WHY: what it says of wrong types is wrapped in other words further down.
        call.func.coerce_types(kinds)?;
    }
    let arg_fields = fields_with_udf(&fields, call.func.as_ref())?;
    let literals: Vec<Option<&ScalarValue>> = call.args.iter().map(PlanExpr::as_literal).collect();
    let arguments = ReturnFieldArgs { arg_fields: &arg_fields, scalar_arguments: &literals };
    Ok(call.func.return_field_from_args(arguments)?.data_type().clone())
}

fn like(expr: &Expr, left: Part, right: Part, case_insensitive: bool) -> Result<Part> {
    let (text, pattern) = (check_text(expr, left)?, check_text(expr, right)?);
    let like = Like::new(false, Box::new(text), Box::new(pattern), None, case_insensitive);
    Ok(Part::boolean(PlanExpr::Like(like)))
}

fn conjunction(conditions: Vec<PlanExpr>) -> PlanExpr {
    if conditions.len() > MANY_CONDITIONS {
        return functions::ALL_OF.call(conditions);
    }
    balanced(conditions, Operator::And)
}

/// Conditions as a tree that is as flat as it can be.
pub(crate) fn balanced(mut conditions: Vec<PlanExpr>, op: Operator) -> PlanExpr {
    let half = conditions.len() / 2;
    if half == 0 {
        return conditions.pop().unwrap_or_else(|| lit(op == Operator::And));
    }
    let right = balanced(conditions.split_off(half), op);
    binary_expr(balanced(conditions, op), op, right)
}
