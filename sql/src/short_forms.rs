//! [`spell_out`]: what is left out or put short in a query: `FROM t`, `ORDER BY ALL`, `SEMI JOIN`, `INTERVAL (n) DAY`,
//! `AT TIME ZONE`.
//!
//! DataFusion (54) takes `FROM t` for rows without columns, and of two time zones what both call by the same number.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, JoinOperator, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, Query, Select,
    SelectFlavor, SelectItem, SetExpr, Statement, TableFactor, TimezoneInfo, Value, VisitMut,
    VisitorMut, WildcardAdditionalOptions,
};

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
        flow(in_body(&mut query.body).and_then(|()| in_order(query)))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let text = match expr {
            Expr::AtTimeZone { timestamp, time_zone } => match is_instant(timestamp) {
                true => format!("timezone({time_zone}, arrow_cast({timestamp}, '{INSTANT}'))"),
                false => format!("timezone({time_zone}, {timestamp})"),
            },
            Expr::Interval(interval) if !matches!(*interval.value, Expr::Value(_)) => {
                match (&interval.leading_field, &interval.last_field) {
                    (Some(unit), None) => {
                        format!("(({}) * INTERVAL '1' {unit})", interval.value)
                    }
                    _ => return ControlFlow::Continue(()),
                }
            }
            Expr::TypedString(typed) if is_epoch(&typed.value.value) => {
                format!("CAST('1970-01-01 00:00:00' AS {})", typed.data_type)
            }
            Expr::Cast { expr: value, data_type, .. }
                if matches!(&**value, Expr::Value(value) if is_epoch(&value.value))
                    && is_time(data_type) =>
            {
                format!("CAST('1970-01-01 00:00:00' AS {data_type})")
            }
            _ => return ControlFlow::Continue(()),
        };
        flow(parsed_expression(&text).map(|spelled| *expr = spelled))
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        flow(match factor {
            TableFactor::Pivot { .. } => Err(Error::refused("PIVOT", PIVOT)),
            TableFactor::Unpivot { .. } => Err(Error::refused("UNPIVOT", UNPIVOT)),
            _ => Ok(()),
        })
    }
}

/// What does the work of `PIVOT`.
pub(crate) const PIVOT: &str =
    "each column is an aggregate: `sum(x) FILTER (WHERE kind = 'a') AS a`";

/// What does the work of `UNPIVOT`.
pub(crate) const UNPIVOT: &str =
    "`SELECT 'a' AS name, a AS value FROM t UNION ALL …` makes rows of columns";

/// As PostgreSQL calls the beginning of 1970.
fn is_epoch(value: &Value) -> bool {
    matches!(value, Value::SingleQuotedString(text) if text.eq_ignore_ascii_case("epoch"))
}

fn is_time(kind: &DataType) -> bool {
    matches!(kind, DataType::Timestamp(..) | DataType::Date)
}

/// The type of points in time.
const INSTANT: &str = r#"Timestamp(Microsecond, Some("UTC"))"#;

/// Whether a value is a point in time, and not what clocks show: DataFusion (54) gives these types without a time zone.
fn is_instant(value: &Expr) -> bool {
    let has_zone = |kind: &DataType| {
        matches!(kind, DataType::Timestamp(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz))
    };
    match value {
        Expr::Nested(value) => is_instant(value),
        Expr::Cast { data_type, .. } => has_zone(data_type),
        Expr::TypedString(typed) => has_zone(&typed.data_type),
        Expr::Function(call) => {
            let name = call.name.to_string().to_lowercase();
            matches!(name.as_str(), "now" | "current_timestamp" | "to_timestamp")
        }
        _ => false,
    }
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
