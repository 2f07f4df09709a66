//! [`name_recursive`]: in `WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r …)` the second query knows the
//! column `n`, and all columns stay, whichever are read.
//!
//! DataFusion (54) gives the columns their names when both queries are planned, and takes columns away that only the second
//! query reads (apache/datafusion#22249), unless the first has a query in parentheses. In the text's tree the first query
//! becomes `SELECT * FROM (SELECT 1) AS "first rows"(n)`.

use std::mem;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Cte, Ident, Query, SetExpr, SetOperator, Statement, TableAlias, TableFactor, VisitMut,
    VisitorMut,
};

use crate::statement::template;
use crate::{Error, Result};

/// Puts the first queries of all recursive tables of the statement in parentheses, and names their columns.
///
/// # Errors
/// Those of the parser, which knows the text that we write.
pub(crate) fn name_recursive(statement: &mut Statement) -> Result<()> {
    match statement.visit(&mut NameRecursive) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct NameRecursive;

impl VisitorMut for NameRecursive {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let recursive = query.with.as_mut().filter(|with| with.recursive);
        for table in recursive.into_iter().flat_map(|with| &mut with.cte_tables) {
            if let Err(error) = name_first(table) {
                return ControlFlow::Break(error);
            }
        }
        ControlFlow::Continue(())
    }
}

fn name_first(table: &mut Cte) -> Result<()> {
    let SetExpr::SetOperation { op: SetOperator::Union, left, .. } = table.query.body.as_mut()
    else {
        return Ok(());
    };
    let mut outer = template("SELECT * FROM (SELECT 1)")?;
    if let SetExpr::Select(select) = outer.body.as_mut()
        && let Some(from) = select.from.first_mut()
        && let TableFactor::Derived { subquery, alias, .. } = &mut from.relation
    {
        mem::swap(&mut subquery.body, left);
        *alias = Some(TableAlias {
            explicit: true,
            // Not the table's own, with which DataFusion takes it for the table.
            name: Ident::with_quote('"', "first rows"),
            columns: mem::take(&mut table.alias.columns),
            at: None,
        });
    }
    *left = outer.body;
    Ok(())
}
