//! [`with_alias_spelled`]: `SELECT n * 2 AS m, m + 1 FROM t WHERE m > 4`, where `m` is no column of `t`, but what is called so.
//!
//! DataFusion (54) knows such names only behind `GROUP BY`, `HAVING` and `ORDER BY`.

use std::ops::ControlFlow;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::ast::{
    Expr, Query, Select, SelectItem, Statement, VisitMut, VisitorMut, visit_expressions,
};

/// The name that a query was refused for, as no table has such a column.
pub(crate) fn unknown_name(error: &DataFusionError) -> Option<&str> {
    match error.find_root() {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, .. } if field.relation.is_none() => {
                Some(&field.name)
            }
            _ => None,
        },
        _ => None,
    }
}

/// Puts what is called so into the places of the name; whether there are some.
pub(crate) fn with_alias_spelled(statement: &mut Statement, name: &str) -> bool {
    let mut aliases = Aliases { name, found: false };
    // Nothing in the visit stops early.
    let _: ControlFlow<()> = statement.visit(&mut aliases);
    aliases.found
}

struct Aliases<'n> {
    name: &'n str,
    found: bool,
}

impl VisitorMut for Aliases<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let meant = select.projection.iter().enumerate().find_map(|(at, item)| match item {
            SelectItem::ExprWithAlias { expr, alias }
                if alias.value == self.name && !is_in(self.name, expr) =>
            {
                Some((at, Expr::Nested(Box::new(expr.clone()))))
            }
            _ => None,
        });
        let Some((at, meant)) = meant else { return ControlFlow::Continue(()) };
        let mut put = Put { name: self.name, meant: &meant, depth: 0, found: false };
        let later = select.projection.iter_mut().skip(at + 1);
        let later = later.filter_map(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
            _ => None,
        });
        let conditions = [&mut select.selection, &mut select.qualify].into_iter().flatten();
        for expr in later.chain(conditions) {
            // Nothing in the visit stops early.
            let _: ControlFlow<()> = expr.visit(&mut put);
        }
        self.found |= put.found;
        ControlFlow::Continue(())
    }
}

fn is_in(name: &str, expr: &Expr) -> bool {
    let found = visit_expressions(expr, |part| match part {
        Expr::Identifier(known) if known.value == name => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// Leaves queries inside alone, which have names of their own.
struct Put<'a> {
    name: &'a str,
    meant: &'a Expr,
    depth: usize,
    found: bool,
}

impl VisitorMut for Put<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(name) = &*expr
            && name.value == self.name
        {
            *expr = self.meant.clone();
            self.found = true;
        }
        ControlFlow::Continue(())
    }
}
