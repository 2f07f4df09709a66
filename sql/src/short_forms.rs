//! [`spell_out`]: what is left out or put short in a query: `FROM t`, `ORDER BY ALL`, `SEMI JOIN`, `INTERVAL (n) DAY`,
//! `AT TIME ZONE`, `ARRAY(SELECT …)`, `PIVOT`.
//!
//! DataFusion (54) takes `FROM t` for rows without columns, and of two time zones what both call by the same number.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, DataType, Expr, FunctionArguments, JoinOperator, OrderBy, OrderByExpr, OrderByKind,
    OrderByOptions, Query, Select, SelectFlavor, SelectItem, SetExpr, Statement, TableFactor,
    UnaryOperator, Value, VisitMut, VisitorMut, WildcardAdditionalOptions,
};

use crate::casts::{name_casts, spell_cast};
use crate::pivots::spelled;
use crate::similar_to::matches;
use crate::statement::parsed_expression;
use crate::{Error, Result};

/// Spells out all queries of the statement.
///
/// # Errors
/// [`Error::NotSupported`] for forms that are not known.
pub(crate) fn spell_out(statement: &mut Statement) -> Result<()> {
    match statement.visit(&mut ShortForms) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct ShortForms;

impl VisitorMut for ShortForms {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        name_casts(query);
        flow(in_body(&mut query.body).and_then(|()| in_order(query)))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let text = match expr {
            Expr::AtTimeZone { timestamp, time_zone } => {
                format!("timezone({time_zone}, {timestamp})")
            }
            Expr::Interval(interval) if matches!(*interval.value, Expr::Value(_)) => {
                quote_number(&mut interval.value);
                return ControlFlow::Continue(());
            }
            Expr::Function(call)
                if let FunctionArguments::Subquery(query) = &call.args
                    && call.name.to_string().eq_ignore_ascii_case("array") =>
            {
                format!(
                    "(SELECT array_agg(\"item\" ORDER BY \"at\") FROM (SELECT \"item\", \
                     row_number() OVER () AS \"at\" FROM ({query}) AS \"items\"(\"item\")) AS \"numbered\")"
                )
            }
            Expr::SimilarTo { negated, expr, pattern, escape_char } => {
                match matches(expr, pattern, escape_char.as_ref()) {
                    Ok(matches) if *negated => format!("(NOT {matches})"),
                    Ok(matches) => matches,
                    Err(error) => return ControlFlow::Break(error),
                }
            }
            // DataFusion has no sign for it.
            Expr::UnaryOp { op: UnaryOperator::BitwiseNot, expr } => format!("(-1 - ({expr}))"),
            // `({'a': 1}).a`, whose field DataFusion takes as a text.
            Expr::CompoundFieldAccess { root, access_chain }
                if !matches!(**root, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) =>
            {
                access_chain.iter_mut().for_each(name_field);
                return ControlFlow::Continue(());
            }
            Expr::Interval(interval) => match (&interval.leading_field, &interval.last_field) {
                (Some(unit), None) => {
                    format!("(({}) * INTERVAL '1' {unit})", interval.value)
                }
                _ => return ControlFlow::Continue(()),
            },
            Expr::TypedString(typed) if is_epoch(&typed.value.value) => {
                format!("CAST('1970-01-01 00:00:00' AS {})", typed.data_type)
            }
            Expr::Cast { expr: value, data_type, .. }
                if matches!(&**value, Expr::Value(value) if is_epoch(&value.value))
                    && is_time(data_type) =>
            {
                format!("CAST('1970-01-01 00:00:00' AS {data_type})")
            }
            _ => return flow(spell_cast(expr)),
        };
        flow(parsed_expression(&text).and_then(|spelled| {
            *expr = spelled;
            spell_cast(expr)
        }))
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        flow(spelled(factor).map(|made| {
            if let Some(made) = made {
                *factor = made;
            }
        }))
    }
}

/// Frames of windows take an interval's number as a text only.
fn quote_number(value: &mut Expr) {
    if let Expr::Value(value) = value
        && let Value::Number(number, _) = &value.value
    {
        value.value = Value::SingleQuotedString(number.clone());
    }
}

fn name_field(access: &mut AccessExpr) {
    if let AccessExpr::Dot(field) = access
        && let Expr::Identifier(name) = field
    {
        *field = Expr::value(Value::SingleQuotedString(name.value.clone()));
    }
}

/// As PostgreSQL calls the beginning of 1970.
fn is_epoch(value: &Value) -> bool {
    matches!(value, Value::SingleQuotedString(text) if text.eq_ignore_ascii_case("epoch"))
}

fn is_time(kind: &DataType) -> bool {
    matches!(kind, DataType::Timestamp(..) | DataType::Date)
}

fn flow(done: Result<()>) -> ControlFlow<Error> {
    match done {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

fn in_body(body: &mut SetExpr) -> Result<()> {
    match body {
        SetExpr::Select(select) => in_select(select),
        SetExpr::SetOperation { left, right, .. } => {
            in_body(left)?;
            in_body(right)
        }
        _ => Ok(()),
    }
}

fn in_select(select: &mut Select) -> Result<()> {
    if select.flavor == SelectFlavor::FromFirstNoSelect {
        select.flavor = SelectFlavor::Standard;
        select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
    }
    for join in select.from.iter_mut().flat_map(|from| &mut from.joins) {
        join.join_operator = match join.join_operator.clone() {
            JoinOperator::Semi(on) => JoinOperator::LeftSemi(on),
            JoinOperator::Anti(on) => JoinOperator::LeftAnti(on),
            other => other,
        };
    }
    let renames = select.projection.iter().any(|item| match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
            options.opt_rename.is_some()
        }
        _ => false,
    });
    if renames {
        return Err(Error::refused("* RENAME", "`SELECT * EXCLUDE (a), a AS b` renames a column"));
    }
    Ok(())
}

/// `ORDER BY ALL` is by each column, from the first on.
fn in_order(query: &mut Query) -> Result<()> {
    let Some(options) = query.order_by.as_ref().and_then(by_all) else { return Ok(()) };
    let Some(columns) = columns(&query.body) else {
        return Err(Error::refused("ORDER BY ALL beside `*`", "name the columns to sort by"));
    };
    let column = |at: usize| {
        let expr = parsed_expression(&at.to_string())?;
        Ok(OrderByExpr { expr, options, with_fill: None })
    };
    let kind = OrderByKind::Expressions((1..=columns).map(column).collect::<Result<_>>()?);
    query.order_by = Some(OrderBy { kind, interpolate: None });
    Ok(())
}

/// How all columns are sorted; `None` where some are.
fn by_all(order: &OrderBy) -> Option<OrderByOptions> {
    match &order.kind {
        OrderByKind::All(options) => Some(*options),
        OrderByKind::Expressions(exprs) => match exprs.as_slice() {
            [OrderByExpr { expr: Expr::Identifier(name), options, .. }]
                if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all") =>
            {
                Some(*options)
            }
            _ => None,
        },
    }
}

/// How many columns a query has, where its text says so.
fn columns(body: &SetExpr) -> Option<usize> {
    match body {
        SetExpr::Select(select) => {
            let is_one = |item: &SelectItem| {
                matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. })
            };
            select.projection.iter().all(is_one).then_some(select.projection.len())
        }
        SetExpr::SetOperation { left, .. } => columns(left),
        SetExpr::Query(query) => columns(&query.body),
        SetExpr::Values(values) => values.rows.first().map(|row| row.content.len()),
        _ => None,
    }
}
