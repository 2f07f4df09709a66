//! [`simplify`]: what tools ask `pg_catalog`, in words that DataFusion (54) has.

mod columns;
mod one_row;
mod search_path;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, Select, Statement, TableFactor,
    Value, ValueWithSpan, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::catalog_session::SYSTEM;
use crate::system_views::is_view;

/// Columns with lists of numbers. Their tables, of constraints, indexes and extensions, have no such lists here.
const KEYS: [&str; 7] =
    ["conkey", "confkey", "indkey", "indoption", "indclass", "indcollation", "extconfig"];

/// Tables that never have rows here, of which tools ask one value for each column.
const EMPTY: [&str; 3] = ["pg_attrdef", "pg_collation", "pg_sequence"];

/// PostgreSQL's types of texts that are names.
const TEXTS: [&str; 2] = ["name", "char"];

/// Replaces escape characters of `LIKE`, the keys of what no dataset has, and values of tables without rows. Says of
/// queries that are values that they have one row, of names that they are texts, and gives each column a name.
pub(crate) fn simplify(statement: &mut Statement) {
    // Nothing in the visit stops early.
    let _: ControlFlow<()> = statement.visit(&mut Simplify);
}

struct Simplify;

impl VisitorMut for Simplify {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        columns::number_repeated(&mut select.projection);
        ControlFlow::Continue(())
    }

    /// `pg_stat_activity`, which the library finds only with its schema.
    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, .. } = factor
            && let [ObjectNamePart::Identifier(only)] = name.0.as_slice()
            && is_view(&only.value)
        {
            *name = ObjectName::from(vec![Ident::new(SYSTEM), only.clone()]);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Subquery(query) => one_row::aggregate(query),
            // `t.keys[1]` is a column of a table, and one of its items.
            Expr::CompoundFieldAccess { root, access_chain }
                if !matches!(**root, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) =>
            {
                access_chain.iter_mut().for_each(name_field);
            }
            Expr::Cast { data_type, .. } if is_name(data_type) => *data_type = DataType::Text,
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if is_function_name(left) => {
                without_schema(right);
            }
            _ => {}
        }
        if let Some(among) = search_path::among(expr) {
            *expr = among;
        }
        if let Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } =
            expr
        {
            escape_by_backslash(pattern, escape_char);
        }
        let of = match expr {
            Expr::Function(function) if is_of_keys(function) => Some(DataType::Int(None)),
            Expr::Function(function) if is_of_queried(function) => Some(DataType::Text),
            Expr::Subquery(query) if is_empty(query) => Some(DataType::Text),
            _ => None,
        };
        if let Some(data_type) = of {
            *expr = null(data_type);
        }
        ControlFlow::Continue(())
    }
}

/// `(x).n`, whose field DataFusion takes as a text.
fn name_field(access: &mut AccessExpr) {
    if let AccessExpr::Dot(field) = access
        && let Expr::Identifier(name) = field
    {
        *field = Expr::value(Value::SingleQuotedString(name.value.clone()));
    }
}

/// `name` and `"char"`.
fn is_name(data_type: &DataType) -> bool {
    match data_type {
        DataType::Custom(name, _) => name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .is_some_and(|name| TEXTS.contains(&name.value.to_lowercase().as_str())),
        _ => false,
    }
}

/// What the library looks for where a text is cast to `regproc`.
fn is_function_name(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(name) if name.value == "proname")
}

fn without_schema(name: &mut Expr) {
    if let Expr::Value(value) = name
        && let Value::SingleQuotedString(name) = &mut value.value
        && let Some(bare) = name.strip_prefix("pg_catalog.")
    {
        *name = bare.to_owned();
    }
}

fn escape_by_backslash(pattern: &mut Expr, escape: &mut Option<ValueWithSpan>) {
    let Some(Value::SingleQuotedString(given)) = escape.as_ref().map(|escape| &escape.value) else {
        return;
    };
    if given == "'" {
        return;
    }
    let slashed = match &mut *pattern {
        Expr::Value(text) => match &mut text.value {
            Value::SingleQuotedString(text) => {
                *text = text.replace(given.as_str(), "\\");
                *escape = None;
                return;
            }
            value => format!("replace({value}, '{given}', '\\')"),
        },
        pattern => format!("replace({pattern}, '{given}', '\\')"),
    };
    let dialect = PostgreSqlDialect {};
    let parsed = Parser::new(&dialect).try_with_sql(&slashed).and_then(|mut it| it.parse_expr());
    if let Ok(slashed) = parsed {
        (*pattern, *escape) = (slashed, None);
    }
}

/// `unnest(conkey)`, `generate_subscripts(conkey, 1)` and the like.
fn is_of_keys(function: &Function) -> bool {
    let name = function.name.to_string().to_lowercase();
    let FunctionArguments::List(arguments) = &function.args else {
        return false;
    };
    let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(first))) = arguments.args.first() else {
        return false;
    };
    let column = match first {
        Expr::Identifier(column) => Some(column),
        Expr::CompoundIdentifier(path) => path.last(),
        _ => None,
    };
    let is_key = column.is_some_and(|column| KEYS.contains(&column.value.as_str()));
    is_key && (name.ends_with("unnest") || name.ends_with("generate_subscripts"))
}

/// `ARRAY(SELECT …)`, also as a text: of options, roles and publications, which there are none of.
fn is_of_queried(function: &Function) -> bool {
    match &function.args {
        FunctionArguments::Subquery(_) => true,
        FunctionArguments::List(_) => {
            let text = function.to_string().to_lowercase();
            text.contains("array_to_string(") && text.contains("array(select")
        }
        FunctionArguments::None => false,
    }
}

fn is_empty(query: &Query) -> bool {
    let text = query.to_string();
    // A count of nothing is a value.
    let is_absent = |table: &&str| text.contains(&format!("FROM pg_catalog.{table} "));
    // No column has a collation of its own.
    (EMPTY.iter().any(is_absent) || text.contains(".typcollation")) && !text.contains("count(")
}

fn null(data_type: DataType) -> Expr {
    let expr = Box::new(Expr::Value(Value::Null.into()));
    Expr::Cast { kind: CastKind::Cast, expr, data_type, array: false, format: None }
}
