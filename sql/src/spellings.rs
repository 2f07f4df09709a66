//! [`spell_calls`]: functions by the names that `DuckDB` and PostgreSQL have for them, in words of ours and DataFusion's.
//!
//! Done when a query is planned: a function of the user's that is called so is left alone.

mod dates;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, OrderByExpr, Query, SelectItem, SetExpr, Statement, Value, VisitMut,
    VisitorMut,
};

use crate::statement::parsed_expression;
use crate::{Error, Result};

/// Names, how many arguments they are called with, and what that is. `{*}` are all arguments.
const CALLS: &[(&str, usize, &str)] = &[
    ("age", 1, "age(current_date, {1})"),
    ("any_value", 1, "first_value({1}) FILTER (WHERE {1} IS NOT NULL)"),
    ("approx_count_distinct", 1, "approx_distinct({1})"),
    ("approx_quantile", 2, "approx_percentile_cont({1}, {2})"),
    ("arbitrary", 1, "first_value({1})"),
    ("arg_max", 2, LAST_BY),
    ("arg_min", 2, FIRST_BY),
    ("argmax", 2, LAST_BY),
    ("argmin", 2, FIRST_BY),
    ("array_sort", 1, "array_sort({1}, 'ASC', 'NULLS LAST')"),
    ("ceiling", 1, "ceil({1})"),
    ("count_if", 1, "count(CASE WHEN {1} THEN 1 END)"),
    ("countif", 1, "count(CASE WHEN {1} THEN 1 END)"),
    ("date_add", 2, "({1} + {2})"),
    ("day", 1, "date_part('day', {1})"),
    ("dayname", 1, "format_time({1}, '%A')"),
    ("dayofmonth", 1, "date_part('day', {1})"),
    ("dayofweek", 1, "date_part('dow', {1})"),
    ("dayofyear", 1, "date_part('doy', {1})"),
    ("epoch", 1, "round(date_part('epoch', {1}), 6)"),
    ("epoch_ms", 1, "units_between(TIMESTAMP '1970-01-01', {1}, 1000)"),
    ("epoch_ns", 1, "(units_between(TIMESTAMP '1970-01-01', {1}, 1) * 1000)"),
    ("epoch_us", 1, "units_between(TIMESTAMP '1970-01-01', {1}, 1)"),
    ("first", 1, "first_value({1})"),
    ("gen_random_uuid", 0, "uuid()"),
    ("get_current_timestamp", 0, "now()"),
    ("group_concat", 1, "string_agg({1}, ',')"),
    ("group_concat", 2, "string_agg({1}, {2})"),
    ("hour", 1, "date_part('hour', {1})"),
    ("if", 3, "CASE WHEN {1} THEN {2} ELSE {3} END"),
    ("isodow", 1, "date_part('isodow', {1})"),
    ("json_extract_path", 2, "json_extract({1}, {2})"),
    ("json_extract_path_text", 2, "json_extract_string({1}, {2})"),
    ("last", 1, "last_value({1})"),
    (
        "last_day",
        1,
        "CAST(date_trunc('month', {1}) + INTERVAL '1 month' - INTERVAL '1 day' AS DATE)",
    ),
    ("lcase", 1, "lower({1})"),
    ("list", 1, "array_agg({1})"),
    ("list_avg", 1, "list_mean({1})"),
    ("list_first", 1, "{1}[1]"),
    ("list_last", 1, "{1}[-1]"),
    ("list_max", 1, "array_max({1})"),
    ("list_min", 1, "array_min({1})"),
    ("list_reverse_sort", 1, "array_sort({1}, 'DESC', 'NULLS LAST')"),
    ("list_sort", 1, "array_sort({1}, 'ASC', 'NULLS LAST')"),
    ("listagg", 1, "string_agg({1}, ',')"),
    ("listagg", 2, "string_agg({1}, {2})"),
    ("max_by", 2, LAST_BY),
    ("median", 1, "quantile({1}, 0.5)"),
    ("min_by", 2, FIRST_BY),
    ("microsecond", 1, "date_part('microsecond', {1})"),
    ("millisecond", 1, "date_part('millisecond', {1})"),
    ("minute", 1, "date_part('minute', {1})"),
    ("mod", 2, "({1} % {2})"),
    ("month", 1, "date_part('month', {1})"),
    ("monthname", 1, "format_time({1}, '%B')"),
    ("percentile_cont", 2, "quantile({1}, {2})"),
    ("prefix", 2, "starts_with({1}, {2})"),
    ("quantile_cont", 2, "quantile({1}, {2})"),
    ("quantile_disc", 2, DISCRETE),
    ("quarter", 1, "date_part('quarter', {1})"),
    ("regexp_extract", 2, GROUP),
    ("regexp_extract", 3, NTH_GROUP),
    ("regexp_full_match", 2, "regexp_like({1}, concat('^(?:', {2}, ')$'))"),
    ("regexp_matches", 2, "regexp_like({1}, {2})"),
    ("regexp_matches", 3, "regexp_like({1}, {2}, {3})"),
    ("second", 1, "date_part('second', {1})"),
    ("sign", 1, "signum({1})"),
    ("split", 2, "string_to_array({1}, {2})"),
    ("str_split", 2, "string_to_array({1}, {2})"),
    ("string_agg", 1, "string_agg({1}, ',')"),
    ("string_split", 2, "string_to_array({1}, {2})"),
    ("strlen", 1, "octet_length({1})"),
    ("struct_extract", 2, "get_field({1}, {2})"),
    ("suffix", 2, "ends_with({1}, {2})"),
    ("to_days", 1, "({1} * INTERVAL '1 day')"),
    ("to_hours", 1, "({1} * INTERVAL '1 hour')"),
    ("to_minutes", 1, "({1} * INTERVAL '1 minute')"),
    ("to_months", 1, "({1} * INTERVAL '1 month')"),
    ("to_seconds", 1, "({1} * INTERVAL '1 second')"),
    ("to_weeks", 1, "({1} * INTERVAL '7 days')"),
    ("to_years", 1, "({1} * INTERVAL '1 year')"),
    ("ucase", 1, "upper({1})"),
    ("variance", 1, "var_samp({1})"),
    ("week", 1, "date_part('week', {1})"),
    ("weekday", 1, "date_part('dow', {1})"),
    ("weekofyear", 1, "date_part('week', {1})"),
    ("year", 1, "date_part('year', {1})"),
];

/// Of a match the whole, or a part in parentheses; an empty text where nothing matches.
const GROUP: &str = "CASE WHEN {1} IS NOT NULL \
    THEN coalesce((regexp_match({1}, concat('(', {2}, ')')))[1], '') END";

const NTH_GROUP: &str = "CASE WHEN {1} IS NOT NULL \
    THEN coalesce((regexp_match({1}, concat('(', {2}, ')')))[{3} + 1], '') END";

/// Of any number of arguments.
const LISTS: [&str; 2] = ["list_pack", "list_value"];

const FIRST_BY: &str =
    "first_value({1} ORDER BY {2}) FILTER (WHERE {1} IS NOT NULL AND {2} IS NOT NULL)";

const LAST_BY: &str =
    "first_value({1} ORDER BY {2} DESC) FILTER (WHERE {1} IS NOT NULL AND {2} IS NOT NULL)";

/// One of the values, the first below which at least that part of them lies.
const DISCRETE: &str =
    "discrete_quantile(array_agg({1} ORDER BY {1}) FILTER (WHERE {1} IS NOT NULL), {2})";

/// Says all calls of the statement in known words, but for those of functions that are the user's.
///
/// # Errors
/// [`Error::NotSupported`] for a call that cannot be said so.
pub(crate) fn spell_calls(statement: &mut Statement, is_own: &dyn Fn(&str) -> bool) -> Result<()> {
    match statement.visit(&mut SpellCalls { is_own }) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// The names that are known.
pub(crate) fn spelled_names() -> impl Iterator<Item = &'static str> {
    CALLS.iter().map(|(name, ..)| *name).chain(LISTS).chain(dates::NAMES)
}

struct SpellCalls<'a> {
    is_own: &'a dyn Fn(&str) -> bool,
}

impl VisitorMut for SpellCalls<'_> {
    type Break = Error;

    /// A column that is such a call keeps its name.
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        self.name_columns(&mut query.body);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let Expr::Function(call) = expr else { return ControlFlow::Continue(()) };
        match self.spelled(call) {
            Ok(Some(spelled)) => {
                *expr = spelled;
                ControlFlow::Continue(())
            }
            Ok(None) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl SpellCalls<'_> {
    fn name_columns(&self, body: &mut SetExpr) {
        match body {
            SetExpr::Select(select) => {
                for item in &mut select.projection {
                    if let SelectItem::UnnamedExpr(expr) = &*item
                        && let Expr::Function(call) = expr
                        && let Ok(Some(_)) = self.spelled(call)
                    {
                        let alias = Ident::with_quote('"', expr.to_string());
                        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                    }
                }
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.name_columns(left);
                self.name_columns(right);
            }
            _ => {}
        }
    }

    /// A call in known words; `None` where it is in such already.
    fn spelled(&self, call: &Function) -> Result<Option<Expr>> {
        let Some(written) = name(call) else { return Ok(None) };
        let name = written.to_lowercase();
        if (self.is_own)(written) || (self.is_own)(&name) {
            return Ok(None);
        }
        let Some(arguments) = arguments(call) else { return Ok(None) };
        if let Some(spelled) = within_group(&name, &arguments, call)? {
            return Ok(Some(spelled));
        }
        if name == "quantile" {
            return Err(Error::refused(
                "`quantile` in SQL",
                "`quantile_cont` is between two values where none is there, `quantile_disc` is one of them",
            ));
        }
        if LISTS.contains(&name.as_str()) {
            let texts: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            return parsed_expression(&format!("make_array({})", texts.join(", "))).map(Some);
        }
        if matches!(name.as_str(), "split" | "str_split" | "string_split")
            && arguments.get(1).and_then(|by| text(by)) == Some("")
        {
            return Err(Error::refused("a text split at nothing", "name a separator"));
        }
        let template = match dates::spelled(&name, &arguments)? {
            Some(text) => Some(text),
            None => CALLS
                .iter()
                .find(|(known, count, _)| *known == name && *count == arguments.len())
                .map(|(_, _, template)| filled(template, &arguments)),
        };
        let Some(text) = template else { return Ok(None) };
        with_clauses(&name, parsed_expression(&text)?, call).map(Some)
    }
}

fn name(call: &Function) -> Option<&str> {
    match call.name.0.as_slice() {
        [only] => only.as_ident().filter(|name| name.quote_style.is_none()).map(|it| &*it.value),
        _ => None,
    }
}

/// The arguments where all are values.
fn arguments(call: &Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &call.args else { return None };
    let value = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref value)) => Some(value),
        _ => None,
    };
    list.args.iter().map(value).collect()
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// A template with the arguments in their places.
fn filled(template: &str, arguments: &[&Expr]) -> String {
    let (mut filled, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((place, after)) = after.split_once('}') else { break };
        filled.push_str(before);
        let argument = place.parse().ok().and_then(|at: usize| arguments.get(at.checked_sub(1)?));
        match argument {
            Some(value @ (Expr::Value(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_))) => {
                filled.push_str(&value.to_string());
            }
            Some(value) => filled.push_str(&format!("({value})")),
            None => {}
        }
        rest = after;
    }
    filled + rest
}

/// What is said of a call beside its arguments is said of the one that it becomes.
fn with_clauses(name: &str, spelled: Expr, call: &Function) -> Result<Expr> {
    let FunctionArguments::List(said) = &call.args else { return Ok(spelled) };
    let is_plain = said.clauses.is_empty()
        && said.duplicate_treatment.is_none()
        && call.filter.is_none()
        && call.over.is_none()
        && call.null_treatment.is_none()
        && call.within_group.is_empty();
    if is_plain {
        return Ok(spelled);
    }
    let instead = "compute it in a query of its own";
    let refused = |what: &str| Err(Error::refused(format!("`{name}` with {what}"), instead));
    let Expr::Function(mut made) = spelled else {
        return refused("FILTER, OVER or ORDER BY");
    };
    let FunctionArguments::List(list) = &mut made.args else { return refused("these clauses") };
    if made.name.to_string() == "discrete_quantile" {
        return refused("FILTER, OVER or ORDER BY");
    }
    let is_chosen = made.filter.is_some();
    if is_chosen && (call.over.is_some() || !said.clauses.is_empty()) {
        return refused("OVER or ORDER BY");
    }
    if said.duplicate_treatment == Some(DuplicateTreatment::Distinct)
        && !matches!(name, "list" | "group_concat" | "listagg" | "string_agg" | "variance")
    {
        return refused("DISTINCT");
    }
    list.clauses.extend(said.clauses.iter().cloned());
    list.duplicate_treatment = said.duplicate_treatment;
    made.over.clone_from(&call.over);
    made.null_treatment = call.null_treatment;
    made.within_group.clone_from(&call.within_group);
    made.filter = match (made.filter.take(), call.filter.clone()) {
        (Some(one), Some(other)) => {
            let nested = |expr: Box<Expr>| Box::new(Expr::Nested(expr));
            let (left, right) = (nested(one), nested(other));
            Some(Box::new(Expr::BinaryOp { left, op: BinaryOperator::And, right }))
        }
        (one, other) => one.or(other),
    };
    Ok(Expr::Function(made))
}

/// `percentile_cont(0.5) WITHIN GROUP (ORDER BY x)`, `percentile_disc` and `mode`.
fn within_group(name: &str, arguments: &[&Expr], call: &Function) -> Result<Option<Expr>> {
    let [OrderByExpr { expr, options, .. }] = call.within_group.as_slice() else {
        return Ok(None);
    };
    let is_descending = options.asc == Some(false);
    let text = match (name, arguments) {
        ("mode", []) => format!("mode({expr})"),
        ("percentile_cont", [part]) if is_descending => {
            let Ok(part) = part.to_string().parse::<f64>() else { return Ok(None) };
            format!("quantile({expr}, {})", 1.0 - part)
        }
        ("percentile_cont", [part]) => format!("quantile({expr}, {part})"),
        ("percentile_disc", [part]) if !is_descending => {
            let part = (*part).clone();
            filled(DISCRETE, &[expr, &part])
        }
        _ => return Ok(None),
    };
    let mut plain = call.clone();
    plain.within_group = Vec::new();
    with_clauses(name, parsed_expression(&text)?, &plain).map(Some)
}

#[cfg(test)]
mod tests;
