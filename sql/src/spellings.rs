//! [`spell_calls`]: functions by the names that `DuckDB` and PostgreSQL have for them, in words of ours and DataFusion's.
//!
//! Done when a query is planned: a function of the user's that is called so is left alone.

mod calls;
mod dates;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DuplicateTreatment, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, Ident, OrderByExpr, Query, SelectItem, SetExpr, Statement,
    TimezoneInfo, Value, VisitMut, VisitorMut,
};

use calls::{CALLS, DISCRETE, DISCRETE_DOWN, LISTS, SEVERAL};

use crate::casts::sort_by_names;
use crate::statement::parsed_expression;
use crate::{Error, Result};

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

    /// A column that is such a call keeps its name, by which rows are sorted where the key is written alike.
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let named = self.name_columns(&mut query.body);
        sort_by_names(query, &named);
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
    fn name_columns(&self, body: &mut SetExpr) -> Vec<(String, Ident)> {
        let mut named = Vec::new();
        match body {
            SetExpr::Select(select) => {
                for item in &mut select.projection {
                    if let SelectItem::UnnamedExpr(expr) = &*item
                        && let Expr::Function(call) = expr
                        && let Ok(Some(_)) = self.spelled(call)
                    {
                        let alias = Ident::with_quote('"', expr.to_string());
                        named.push((expr.to_string(), alias.clone()));
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
        named
    }

    /// A call in known words; `None` where it is in such already.
    fn spelled(&self, call: &Function) -> Result<Option<Expr>> {
        let Some(written) = name(call) else { return Ok(None) };
        let name = written.to_lowercase();
        if (self.is_own)(written) || (self.is_own)(&name) {
            return Ok(None);
        }
        if name == "struct_pack" {
            return packed(call).map(Some);
        }
        if name == "columns" {
            return Err(Error::refused("`columns` in SQL", COLUMNS));
        }
        let Some(arguments) = arguments(call) else { return Ok(None) };
        if SEVERAL.contains(&name.as_str())
            && let Some(Expr::Array(list)) = arguments.last()
        {
            return for_each(call, &list.elem).map(Some);
        }
        if let Some(spelled) = within_group(&name, &arguments, call)? {
            return Ok(Some(spelled));
        }
        if let ("list_aggregate" | "list_aggr", [list, function]) = (name.as_str(), &*arguments)
            && let Some(function) = text(function)
        {
            return self.of_list(function, list);
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
            None => known(&name, &arguments),
        };
        let Some(text) = template else { return Ok(None) };
        with_clauses(&name, parsed_expression(&text)?, call).map(Some)
    }

    /// `list_aggregate(list, 'max')`.
    fn of_list(&self, function: &str, list: &Expr) -> Result<Option<Expr>> {
        let spelled = parsed_expression(&format!("list_{function}({list})"))?;
        match &spelled {
            Expr::Function(call) => Ok(self.spelled(call)?.or(Some(spelled))),
            _ => Ok(None),
        }
    }
}

/// A call of the table, in the words that stand there.
fn known(name: &str, arguments: &[&Expr]) -> Option<String> {
    let is_it =
        |(known, count, _): &&(&str, usize, &str)| *known == name && *count == arguments.len();
    let (_, _, template) = CALLS.iter().find(is_it)?;
    match arguments {
        [rest @ .., last] if template.starts_with("date_part(") => {
            let told = moment(last);
            let arguments: Vec<&Expr> = rest.iter().copied().chain([&told]).collect();
            Some(filled(template, &arguments))
        }
        arguments => Some(filled(template, arguments)),
    }
}

/// The list of what the call gives with each of these as its last argument.
fn for_each(call: &Function, last: &[Expr]) -> Result<Expr> {
    let one = |value: &Expr| {
        let mut one = call.clone();
        if let FunctionArguments::List(list) = &mut one.args
            && let Some(argument) = list.args.last_mut()
        {
            *argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(value.clone()));
        }
        // What it is in known words follows, as it stands in a call.
        one.to_string()
    };
    let each: Vec<String> = last.iter().map(one).collect();
    parsed_expression(&format!("make_array({})", each.join(", ")))
}

/// What names columns by a pattern.
const COLUMNS: &str =
    "name the columns; `* EXCLUDE (a)` and `* REPLACE (a + 1 AS a)` are all but for some";

/// `struct_pack(a := 1, b := 'x')`.
fn packed(call: &Function) -> Result<Expr> {
    let FunctionArguments::List(list) = &call.args else {
        return Err(Error::refused("`struct_pack` of a query", PACK));
    };
    let field = |argument: &FunctionArg| match argument {
        FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => {
            Ok(format!("{}, {value}", literal(&name.value)))
        }
        FunctionArg::ExprNamed { name, arg: FunctionArgExpr::Expr(value), .. } => {
            let name = name.to_string();
            Ok(format!("{}, {value}", literal(name.trim_matches('"'))))
        }
        other => Err(Error::refused(format!("`{other}` in `struct_pack`"), PACK)),
    };
    let fields = list.args.iter().map(field).collect::<Result<Vec<_>>>()?;
    parsed_expression(&format!("named_struct({})", fields.join(", ")))
}

const PACK: &str = "`struct_pack(a := 1, b := 'x')` names each value";

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn name(call: &Function) -> Option<&str> {
    match call.name.0.as_slice() {
        [only] => only.as_ident().map(|it| &*it.value),
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

/// A moment of which only the text says that it is one, or that it is null.
fn moment(value: &Expr) -> Expr {
    let is_untyped = match value {
        Expr::Value(value) => {
            matches!(value.value, Value::SingleQuotedString(_) | Value::Null)
        }
        _ => false,
    };
    if !is_untyped {
        return value.clone();
    }
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(value.clone()),
        data_type: DataType::Timestamp(Some(6), TimezoneInfo::None),
        array: false,
        format: None,
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

/// `percentile_cont(0.5) WITHIN GROUP (ORDER BY x)`, `percentile_disc`, `mode` and `listagg`.
fn within_group(name: &str, arguments: &[&Expr], call: &Function) -> Result<Option<Expr>> {
    let [OrderByExpr { expr, options, .. }, more @ ..] = call.within_group.as_slice() else {
        return Ok(None);
    };
    let is_descending = options.asc == Some(false);
    let text = match (name, arguments) {
        ("listagg" | "string_agg" | "group_concat", [value, between @ ..]) if between.len() < 2 => {
            let between = between.first().map_or_else(|| "','".to_owned(), ToString::to_string);
            let keys: Vec<String> = call.within_group.iter().map(ToString::to_string).collect();
            format!("string_agg({value}, {between} ORDER BY {})", keys.join(", "))
        }
        _ if !more.is_empty() => return Ok(None),
        ("mode", []) => format!("mode({expr})"),
        ("percentile_cont", [part]) if is_descending => {
            let Ok(part) = part.to_string().parse::<f64>() else { return Ok(None) };
            format!("quantile({expr}, {})", 1.0 - part)
        }
        ("percentile_cont", [part]) => format!("quantile({expr}, {part})"),
        ("percentile_disc", [part]) => {
            let part = (*part).clone();
            filled(if is_descending { DISCRETE_DOWN } else { DISCRETE }, &[expr, &part])
        }
        _ => return Ok(None),
    };
    let mut plain = call.clone();
    plain.within_group = Vec::new();
    with_clauses(name, parsed_expression(&text)?, &plain).map(Some)
}

#[cfg(test)]
mod tests;
