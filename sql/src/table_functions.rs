//! [`spell_tables`]: what stands in FROM and makes rows of its own, in words that the planner knows.
//!
//! `generate_series(1, 9)`, `range(0, 9)` and `LATERAL unnest(tags)` are an `UNNEST` of a list. Its one column is called as
//! the table is, unless columns are named. `json_each(j)` is a query over such a list. `t TABLESAMPLE (10 PERCENT)` is a query that takes rows by chance, and
//! `FETCH FIRST 9 ROWS ONLY` is a `LIMIT`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Fetch, FunctionArg, FunctionArgExpr, Ident, LimitClause, ObjectName, Query, Statement,
    TableAlias, TableAliasColumnDef, TableFactor, TableSample, TableSampleKind, TableSampleUnit,
    VisitMut, VisitorMut,
};

use crate::statement::{parsed_expression, template};
use crate::{Error, Result};

/// Functions whose value is a list, the rows of the table.
const LISTS: [&str; 2] = ["generate_series", "range"];

const UNNEST: &str = "unnest";

/// The function whose rows are what an object or a list of JSON is made of, and the columns of these.
const EACH: &str = "json_each";
const OF_EACH: [&str; 3] = ["key", "value", "type"];

/// Spells the tables of all queries of the statement.
///
/// # Errors
/// [`Error::NotSupported`] for forms of these that are not known.
pub(crate) fn spell_tables(statement: &mut Statement) -> Result<()> {
    match statement.visit(&mut SpellTables) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct SpellTables;

impl VisitorMut for SpellTables {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        flow(limited(query))
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        flow(spelled(factor))
    }
}

fn flow(done: Result<()>) -> ControlFlow<Error> {
    match done {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

fn limited(query: &mut Query) -> Result<()> {
    let Some(Fetch { with_ties, percent, quantity }) = query.fetch.take() else { return Ok(()) };
    if with_ties || percent {
        let what = if with_ties { "FETCH … WITH TIES" } else { "FETCH … PERCENT" };
        return Err(Error::refused(what, "`rank()` or `percent_rank()` and QUALIFY choose rows"));
    }
    let first = match quantity {
        Some(rows) => rows,
        None => parsed_expression("1")?,
    };
    match &mut query.limit_clause {
        None => {
            let limit = Some(first);
            let clause = LimitClause::LimitOffset { limit, offset: None, limit_by: vec![] };
            query.limit_clause = Some(clause);
            Ok(())
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => {
            *limit = Some(first);
            Ok(())
        }
        Some(_) => Err(Error::refused("FETCH beside LIMIT", "use one of them")),
    }
}

fn spelled(factor: &mut TableFactor) -> Result<()> {
    match factor {
        TableFactor::Function { name, args, alias, with_ordinality, .. } => {
            let alias = alias.take();
            if let Some(table) = listed(name, args, alias, *with_ordinality)? {
                *factor = table;
            }
        }
        TableFactor::Table { name, args: Some(arguments), alias, with_ordinality, .. } => {
            let (args, alias) = (&arguments.args, alias.clone());
            if let Some(table) = listed(name, args, alias, *with_ordinality)? {
                *factor = table;
            }
        }
        TableFactor::Table { sample: sample @ Some(_), alias, name, .. } => {
            let (Some(sample), named) = (sample.take(), alias.take()) else { return Ok(()) };
            let named = named.or_else(|| name.0.last()?.as_ident().cloned().map(alias_of));
            *factor = TableFactor::Derived {
                lateral: false,
                subquery: Box::new(template(&sampled(factor, &sample)?)?),
                alias: named,
                sample: None,
            };
        }
        TableFactor::Derived { sample: Some(_), .. } => {
            return Err(Error::refused("TABLESAMPLE of a query", "`WHERE random() < 0.1` samples"));
        }
        TableFactor::UNNEST { alias, array_exprs, with_ordinality, with_offset, .. } => {
            if *with_ordinality || *with_offset {
                return Err(numbered());
            }
            for list in array_exprs.iter_mut() {
                // A literal's items would not see the tables before.
                if let Expr::Array(items) = list
                    && !items.elem.is_empty()
                {
                    let items: Vec<String> = items.elem.iter().map(ToString::to_string).collect();
                    *list = parsed_expression(&format!("make_array({})", items.join(", ")))?;
                }
            }
            if array_exprs.len() == 1 {
                named_as_table(alias.get_or_insert_with(|| alias_of(Ident::new(UNNEST))));
            }
        }
        _ => {}
    }
    Ok(())
}

/// The list that a call gives, as a table.
fn listed(
    function: &ObjectName,
    args: &[FunctionArg],
    alias: Option<TableAlias>,
    with_ordinality: bool,
) -> Result<Option<TableFactor>> {
    let called = function.to_string().to_lowercase();
    if called == EACH {
        return of_json(args, alias).map(Some);
    }
    let is_list = LISTS.contains(&called.as_str());
    if !is_list && called != UNNEST {
        return Ok(None);
    }
    if with_ordinality {
        return Err(numbered());
    }
    let values = args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Ok(value.clone()),
        other => Err(Error::Plan { reason: format!("`{called}` takes no `{other}`") }),
    });
    let mut array_exprs: Vec<Expr> = values.collect::<Result<_>>()?;
    if is_list {
        let values = array_exprs.iter().map(ToString::to_string).collect::<Vec<_>>();
        array_exprs = vec![parsed_expression(&format!("{called}({})", values.join(", ")))?];
    }
    let mut alias = alias.unwrap_or_else(|| alias_of(Ident::new(called)));
    if array_exprs.len() == 1 {
        named_as_table(&mut alias);
    }
    Ok(Some(TableFactor::UNNEST {
        alias: Some(alias),
        array_exprs,
        with_offset: false,
        with_offset_alias: None,
        with_ordinality,
    }))
}

/// The rows of a JSON text, which may depend on the tables before.
fn of_json(args: &[FunctionArg], alias: Option<TableAlias>) -> Result<TableFactor> {
    let mut alias = alias.unwrap_or_else(|| alias_of(Ident::new(EACH)));
    let names = match alias.columns.len() {
        0 => OF_EACH.map(Ident::new).to_vec(),
        named if named <= OF_EACH.len() => {
            std::mem::take(&mut alias.columns).into_iter().map(|it| it.name).collect()
        }
        named => {
            let reason = format!("`{EACH}` has {} columns, not {named}", OF_EACH.len());
            return Err(Error::Plan { reason });
        }
    };
    let column = |(field, name): (&str, &Ident)| format!("\"entry\"['{field}'] AS {name}");
    let columns: Vec<String> = OF_EACH.into_iter().zip(&names).map(column).collect();
    let values: Vec<String> = args.iter().map(ToString::to_string).collect();
    let query = format!(
        "SELECT {} FROM UNNEST(json_entries({})) AS \"entries\"(\"entry\")",
        columns.join(", "),
        values.join(", ")
    );
    let subquery = Box::new(template(&query)?);
    Ok(TableFactor::Derived { lateral: true, subquery, alias: Some(alias), sample: None })
}

fn alias_of(name: Ident) -> TableAlias {
    TableAlias { explicit: true, name, columns: vec![], at: None }
}

/// As in PostgreSQL the one column is called as the table, unless it has a name.
fn named_as_table(alias: &mut TableAlias) {
    if alias.columns.is_empty() {
        alias.columns = vec![TableAliasColumnDef { name: alias.name.clone(), data_type: None }];
    }
}

fn numbered() -> Error {
    Error::refused(
        "WITH ORDINALITY",
        "`generate_series(1, array_length(list))` beside the list counts its elements",
    )
}

/// The query that takes some rows of a table.
fn sampled(table: &TableFactor, sample: &TableSampleKind) -> Result<String> {
    let (TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) =
        sample;
    let TableSample { quantity, seed, bucket, offset, .. } = sample.as_ref();
    let refused = |what: &str| {
        Error::refused(what.to_owned(), "`TABLESAMPLE (10 PERCENT)` and `(100 ROWS)` are")
    };
    if seed.is_some() {
        return Err(Error::refused(
            "TABLESAMPLE … REPEATABLE",
            "`chain.sample(n, seed=…)` gives the same rows each time",
        ));
    }
    let Some(quantity) = quantity.as_ref().filter(|_| bucket.is_none() && offset.is_none()) else {
        return Err(refused("this form of TABLESAMPLE"));
    };
    let number = quantity.value.to_string();
    match quantity.unit {
        Some(TableSampleUnit::Rows) if number.parse::<u64>().is_ok() => {
            Ok(format!("SELECT * FROM {table} ORDER BY random() LIMIT {number}"))
        }
        Some(TableSampleUnit::Rows) => Err(refused(&format!("TABLESAMPLE of {number} rows"))),
        _ => match number.parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => {
                Ok(format!("SELECT * FROM {table} WHERE random() < {}", percent / 100.0))
            }
            _ => Err(refused(&format!("TABLESAMPLE of {number} percent"))),
        },
    }
}
