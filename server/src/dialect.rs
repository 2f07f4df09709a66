//! [`simplify`]: what tools ask `pg_catalog`, in words that DataFusion (54) has.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query,
    Statement, Value, ValueWithSpan, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// Columns with lists of keys. Their tables, of constraints and of indexes, have no rows here.
const KEYS: [&str; 6] = ["conkey", "confkey", "indkey", "indoption", "indclass", "indcollation"];

/// Tables that never have rows here, of which tools ask one value for each column.
const EMPTY: [&str; 3] = ["pg_attrdef", "pg_collation", "pg_sequence"];

/// Replaces escape characters of `LIKE`, the keys of what no dataset has, and values of tables without rows.
pub(crate) fn simplify(statement: &mut Statement) {
    // Nothing in the visit stops early.
    let _: ControlFlow<()> = statement.visit(&mut Simplify);
}

struct Simplify;

impl VisitorMut for Simplify {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } =
            expr
        {
            escape_by_backslash(pattern, escape_char);
        }
        let of = match expr {
            Expr::Function(function) if is_of_keys(function) => Some(DataType::Int(None)),
            Expr::Function(function) if is_of_queried(function) => Some(DataType::Text),
            Expr::Subquery(query) if is_empty(query) => Some(DataType::Text),
            // A column that the library's `pg_class` does not have, of indexes, which there are none of.
            Expr::CompoundIdentifier(path)
                if path.last().is_some_and(|name| name.value == "reloptions") =>
            {
                Some(DataType::Text)
            }
            _ => None,
        };
        if let Some(data_type) = of {
            *expr = null(data_type);
        }
        ControlFlow::Continue(())
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
