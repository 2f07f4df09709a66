//! [`name_leaves`]: a path without `AS` is named after its last step, so that `SELECT info.width` gives `width`.
//!
//! Done to the text's tree, before planning, so that subqueries and `ORDER BY` can use the name.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Ident, ObjectNamePart, Query, Select, SelectItem, SetExpr, Statement,
    Subscript, TableFactor, Value, VisitMut, VisitorMut,
};

/// Names the paths in the select lists of all queries of the statement.
pub(crate) fn name_leaves(statement: &mut Statement) {
    // Nothing in the visit stops early.
    let _: ControlFlow<()> = statement.visit(&mut NameLeaves);
}

struct NameLeaves;

impl VisitorMut for NameLeaves {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        name_in_body(&mut query.body);
        ControlFlow::Continue(())
    }
}

fn name_in_body(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => name_in_select(select),
        SetExpr::SetOperation { left, right, .. } => {
            name_in_body(left);
            name_in_body(right);
        }
        _ => {}
    }
}

fn name_in_select(select: &mut Select) {
    let tables = table_names(select);
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) = item
            && let Some(alias) = last_step(expr, &tables)
        {
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
        }
    }
}

/// What qualifies the columns: the tables' aliases, or else their names.
fn table_names(select: &Select) -> Vec<Vec<String>> {
    let joined = select.from.iter().flat_map(|from| {
        std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation))
    });
    let name = |factor: &TableFactor| match factor {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => Some(vec![alias.name.value.clone()]),
        TableFactor::Table { name, .. } => {
            let parts = name.0.iter().filter_map(ObjectNamePart::as_ident);
            Some(parts.map(|part| part.value.clone()).collect())
        }
        _ => None,
    };
    joined.filter_map(name).collect()
}

/// The name for a path of two steps or more below its table.
fn last_step(expr: &Expr, tables: &[Vec<String>]) -> Option<Ident> {
    match expr {
        Expr::CompoundIdentifier(parts) => {
            let qualifier =
                tables.iter().map(|table| qualifier_length(parts, table)).max().unwrap_or(0);
            parts.last().filter(|_| parts.len() > qualifier + 1).cloned()
        }
        Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last()? {
            AccessExpr::Dot(Expr::Identifier(step)) => Some(step.clone()),
            AccessExpr::Dot(Expr::Value(step))
            | AccessExpr::Subscript(Subscript::Index { index: Expr::Value(step) }) => {
                match &step.value {
                    Value::SingleQuotedString(step) => Some(Ident::with_quote('"', step)),
                    _ => None,
                }
            }
            _ => None,
        },
        _ => None,
    }
}

/// How many parts at the start name the table, which may be written with or without its folders.
fn qualifier_length(parts: &[Ident], table: &[String]) -> usize {
    let is_start = |suffix: &[String]| {
        parts.len() > suffix.len()
            && suffix.iter().zip(parts).all(|(name, part)| *name == part.value)
    };
    (1..=table.len()).rev().find(|length| is_start(&table[table.len() - length..])).unwrap_or(0)
}
