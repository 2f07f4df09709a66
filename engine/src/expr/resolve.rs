//! [`Resolver`]: an [`Expr`] meets a schema and becomes the query engine's expression.

use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use catalog::near_names;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::functions::core::expr_fn as core_fn;
use datafusion::logical_expr::{Expr as PlanExpr, ExprSchemable, lit};

use crate::{Error, Expr, Result, functions};

/// Resolves expressions against one schema.
pub(crate) struct Resolver<'a> {
    pub(super) schema: &'a DFSchema,
    pub(super) takes: RowFunctions,
}

/// Which functions of many rows expressions may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowFunctions {
    None,
    OfGroups,
    OverWindows,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(schema: &'a DFSchema) -> Self {
        Self { schema, takes: RowFunctions::None }
    }

    /// A resolver of expressions over aggregates.
    pub(crate) fn of_groups(self) -> Self {
        Self { takes: RowFunctions::OfGroups, ..self }
    }

    /// A resolver of expressions that may hold functions over windows.
    pub(crate) fn over_windows(self) -> Self {
        Self { takes: RowFunctions::OverWindows, ..self }
    }

    /// The columns that there are.
    pub(crate) fn schema(&self) -> &'a DFSchema {
        self.schema
    }

    /// The expression with every column found and every type checked.
    pub(crate) fn resolve(&self, expr: &Expr) -> Result<PlanExpr> {
        if expr.is_deeper_than(Expr::MAX_DEPTH) {
            expr.check_size(Expr::MAX_DEPTH + 1, 0)?;
        }
        let resolved = match expr {
            Expr::Literal(value) => lit(ScalarValue::try_from_array(value, 0)?),
            expr => self.build(expr)?.expr,
        };
        let (_, field) = resolved.to_field(self.schema)?;
        Ok(match self.meaning(expr) {
            Some(meant)
                if meant.data_type() == field.data_type()
                    && meant.metadata() != field.metadata() =>
            {
                functions::with_meaning(resolved, meant.metadata())
            }
            _ => resolved,
        })
    }

    /// The field whose values these are, possibly among nulls; none for values that are computed.
    pub(super) fn meaning(&self, expr: &Expr) -> Option<FieldRef> {
        match expr {
            Expr::Column(path) => match self.path(path) {
                Ok((_, field)) => Some(field),
                Err(_) => self.meaning(&self.inside_column(path)?),
            },
            Expr::Typed { field, .. } => Some(Arc::clone(field)),
            Expr::Case { branches, otherwise } => {
                let values = branches.iter().map(|(_, value)| value);
                self.shared_meaning(values.chain(otherwise.as_deref()))
            }
            Expr::Call { function, arguments } if functions::passes_values(function) => {
                self.shared_meaning(arguments)
            }
            Expr::Call { function, arguments } if function == "get_item" => {
                self.meaning_of_item(arguments.first()?)
            }
            Expr::Inside { value, name } => self.meaning_inside(value, name),
            Expr::OfRows(call) => self.meaning_of_rows(call),
            _ => None,
        }
    }

    fn shared_meaning<'e>(&self, exprs: impl IntoIterator<Item = &'e Expr>) -> Option<FieldRef> {
        let mut exprs = exprs.into_iter().filter(|expr| !is_null(expr));
        let first = self.meaning(exprs.next()?)?;
        let alike = |expr| {
            self.meaning(expr).is_some_and(|other| {
                other.data_type() == first.data_type() && other.metadata() == first.metadata()
            })
        };
        exprs.all(alike).then_some(first)
    }

    /// The field that a path names, and the expression that reads it.
    pub(crate) fn path(&self, path: &str) -> Result<(PlanExpr, FieldRef)> {
        let steps = self.steps(path)?;
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

    /// The names on the way to a column or field. Both `.` and `__` separate them; where a name holds a separator
    /// itself, the longest name wins.
    pub(crate) fn steps(&self, path: &str) -> Result<Vec<String>> {
        steps_below(self.schema.fields(), path).ok_or_else(|| self.unknown(path))
    }

    /// Whether there is a column of exactly this name.
    pub(crate) fn is_column(&self, name: &str) -> bool {
        self.index_of(name).is_some()
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.schema.fields().iter().position(|field| field.name() == name)
    }

    pub(super) fn unknown(&self, path: &str) -> Error {
        let mut known = Vec::new();
        for field in self.schema.fields() {
            paths_below("", field, &mut known);
        }
        let near = near_names(&path.replace("__", "."), known.iter().map(String::as_str));
        Error::UnknownColumn { name: path.to_owned(), near, known }
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value) if value.is_null(0))
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

/// The names on the way to what `path` names among `fields`.
fn steps_below(fields: &Fields, path: &str) -> Option<Vec<String>> {
    if fields.find(path).is_some() {
        return Some(vec![path.to_owned()]);
    }
    path.char_indices().rev().find_map(|(at, _)| {
        let (name, rest) = path.split_at(at);
        let rest = rest.strip_prefix('.').or_else(|| rest.strip_prefix("__"))?;
        let (_, field) = fields.find(name)?;
        let DataType::Struct(children) = field.data_type() else {
            return None;
        };
        let mut steps = vec![name.to_owned()];
        steps.extend(steps_below(children, rest)?);
        Some(steps)
    })
}
