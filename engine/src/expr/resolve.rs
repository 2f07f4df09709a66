//! [`Resolver`]: an [`Expr`] meets a schema and becomes the query engine's expression.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::functions::core::expr_fn as core_fn;
use datafusion::logical_expr::expr::{Case, InList};
use datafusion::logical_expr::{
    BinaryExpr, Cast, Expr as PlanExpr, ExprSchemable, Like, Operator, lit,
};

use crate::functions;
use crate::{BinaryOp, Error, Expr, Result, near_names};

/// Resolves expressions against one schema.
pub(crate) struct Resolver<'a> {
    schema: &'a DFSchema,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(schema: &'a DFSchema) -> Self {
        Self { schema }
    }

    /// The expression with every column found and every type checked.
    pub(crate) fn resolve(&self, expr: &Expr) -> Result<PlanExpr> {
        let resolved = self.build(expr)?;
        // Types are checked where the user wrote the expression, not when the plan runs.
        resolved.get_type(self.schema).map_err(|error| Error::InvalidExpression {
            expression: expr.to_string(),
            reason: plain_reason(&error.strip_backtrace()),
        })?;
        Ok(resolved)
    }

    /// Like [`Self::resolve`], and the result must be boolean.
    pub(crate) fn resolve_predicate(&self, expr: &Expr) -> Result<PlanExpr> {
        let resolved = self.resolve(expr)?;
        match resolved.get_type(self.schema)? {
            DataType::Boolean | DataType::Null => Ok(resolved),
            other => Err(Error::InvalidExpression {
                expression: expr.to_string(),
                reason: format!("a filter needs a boolean, this is {other}"),
            }),
        }
    }

    /// The field that a path names, and the expression that reads it.
    pub(crate) fn path(&self, path: &str) -> Result<(PlanExpr, FieldRef)> {
        let steps =
            split_path(path, |name| self.is_column(name)).ok_or_else(|| self.unknown(path))?;
        let index = self.index_of(&steps[0]).ok_or_else(|| self.unknown(path))?;
        let (qualifier, field) = self.schema.qualified_field(index);
        let mut found = Arc::clone(field);
        let mut expr = PlanExpr::Column(Column::from((qualifier, field)));
        for step in &steps[1..] {
            let DataType::Struct(fields) = found.data_type() else {
                return Err(self.unknown(path));
            };
            let Some((_, child)) = fields.find(step) else {
                return Err(self.unknown(path));
            };
            let nullable = found.is_nullable() || child.is_nullable();
            found = Arc::new(child.as_ref().clone().with_nullable(nullable));
            expr = core_fn::get_field(expr, step.clone());
        }
        Ok((expr, found))
    }

    /// Whether there is a column of exactly this name.
    pub(crate) fn is_column(&self, name: &str) -> bool {
        self.index_of(name).is_some()
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.schema.fields().iter().position(|field| field.name() == name)
    }

    fn unknown(&self, path: &str) -> Error {
        let mut known = Vec::new();
        for field in self.schema.fields() {
            paths_below("", field, &mut known);
        }
        let near = near_names(&path.replace("__", "."), known.iter().map(String::as_str));
        Error::UnknownColumn { name: path.to_owned(), near, known }
    }

    fn build(&self, expr: &Expr) -> Result<PlanExpr> {
        let boxed = |inner: &Expr| self.build(inner).map(Box::new);
        Ok(match expr {
            Expr::Column(path) => self.path(path)?.0,
            Expr::Literal(value) => lit(ScalarValue::try_from_array(value, 0)?),
            Expr::Binary { op, left, right } => self.binary(*op, left, right)?,
            Expr::Not(inner) => PlanExpr::Not(boxed(inner)?),
            Expr::Negate(inner) => PlanExpr::Negative(boxed(inner)?),
            Expr::IsNull(inner) => PlanExpr::IsNull(boxed(inner)?),
            Expr::InList { value, list } => PlanExpr::InList(InList {
                expr: boxed(value)?,
                list: list.iter().map(|item| self.build(item)).collect::<Result<_>>()?,
                negated: false,
            }),
            Expr::Case { branches, otherwise } => PlanExpr::Case(Case {
                expr: None,
                when_then_expr: branches
                    .iter()
                    .map(|(condition, value)| Ok((boxed(condition)?, boxed(value)?)))
                    .collect::<Result<_>>()?,
                else_expr: otherwise.as_deref().map(boxed).transpose()?,
            }),
            Expr::Call { function, arguments } => self.call(function, arguments)?,
            Expr::Cast { value, to } => PlanExpr::Cast(Cast::new(boxed(value)?, to.clone())),
        })
    }

    fn binary(&self, op: BinaryOp, left: &Expr, right: &Expr) -> Result<PlanExpr> {
        let (left, right) = (self.build(left)?, self.build(right)?);
        let operator = match op {
            BinaryOp::Eq => Operator::Eq,
            BinaryOp::NotEq => Operator::NotEq,
            BinaryOp::Lt => Operator::Lt,
            BinaryOp::LtEq => Operator::LtEq,
            BinaryOp::Gt => Operator::Gt,
            BinaryOp::GtEq => Operator::GtEq,
            BinaryOp::And => Operator::And,
            BinaryOp::Or => Operator::Or,
            BinaryOp::Add => return self.add(left, right),
            BinaryOp::Subtract => Operator::Minus,
            BinaryOp::Multiply => Operator::Multiply,
            BinaryOp::Divide => return functions::call("true_divide", vec![left, right]),
            BinaryOp::FloorDivide => {
                return functions::call("floor_divide", vec![left, right]);
            }
            BinaryOp::Modulo => return functions::call("modulo", vec![left, right]),
            BinaryOp::Like => return Ok(like(left, right, false)),
            BinaryOp::ILike => return Ok(like(left, right, true)),
        };
        Ok(PlanExpr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right))))
    }

    /// `+` joins strings and adds numbers.
    fn add(&self, left: PlanExpr, right: PlanExpr) -> Result<PlanExpr> {
        let joins = |expr: &PlanExpr| -> Result<bool> {
            Ok(matches!(
                expr.get_type(self.schema)?,
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
            ))
        };
        let operator =
            if joins(&left)? && joins(&right)? { Operator::StringConcat } else { Operator::Plus };
        Ok(PlanExpr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right))))
    }

    fn call(&self, function: &str, arguments: &[Expr]) -> Result<PlanExpr> {
        let arguments: Vec<PlanExpr> =
            arguments.iter().map(|argument| self.build(argument)).collect::<Result<_>>()?;
        functions::call(function, arguments)
    }
}

fn like(left: PlanExpr, right: PlanExpr, case_insensitive: bool) -> PlanExpr {
    PlanExpr::Like(Like::new(false, Box::new(left), Box::new(right), None, case_insensitive))
}

/// DataFusion's message without its category and its list of candidate signatures.
fn plain_reason(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.trim_start_matches("Error during planning: ").to_owned()
}

fn paths_below(prefix: &str, field: &Field, found: &mut Vec<String>) {
    let path =
        if prefix.is_empty() { field.name().clone() } else { format!("{prefix}.{}", field.name()) };
    match field.data_type() {
        DataType::Struct(children) => {
            found.push(path.clone());
            for child in children {
                paths_below(&path, child, found);
            }
        }
        _ => found.push(path),
    }
}

/// Splits `file.path` or `file__path` into steps. A column whose own name holds the separator wins.
pub(crate) fn split_path(path: &str, is_column: impl Fn(&str) -> bool) -> Option<Vec<String>> {
    if is_column(path) {
        return Some(vec![path.to_owned()]);
    }
    let separators = path.match_indices('.').map(|(at, found)| (at, found.len()));
    let separators =
        separators.chain(path.match_indices("__").map(|(at, found)| (at, found.len())));
    let mut separators: Vec<(usize, usize)> = separators.collect();
    separators.sort_unstable();
    for (at, length) in separators.into_iter().rev() {
        let (first, rest) = (&path[..at], &path[at + length..]);
        if is_column(first) && !rest.is_empty() {
            let rest = rest.replace("__", ".");
            let steps = rest.split('.').map(str::to_owned);
            return Some(std::iter::once(first.to_owned()).chain(steps).collect());
        }
    }
    None
}
