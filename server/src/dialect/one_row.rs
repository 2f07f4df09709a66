//! [`aggregate`]: `(SELECT a FROM t WHERE t.x = outer.x)` as DataFusion (54) takes it, which wants to see that there is
//! one row at most. In a catalog there is.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    GroupByExpr, Ident, ObjectName, Query, SelectItem, SetExpr, TableFactor, Visit, Visitor,
};

/// Makes the value of a query the greatest of the one, where the query depends on the one around it.
pub(super) fn aggregate(query: &mut Query) {
    if query.limit_clause.is_some() || query.fetch.is_some() || !depends(query) {
        return;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let is_grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    if is_grouped || select.distinct.is_some() {
        return;
    }
    let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] =
        select.projection.as_mut_slice()
    else {
        return;
    };
    if !calls_aggregate(value) {
        *value = greatest(value.clone());
    }
}

fn greatest(value: Expr) -> Expr {
    let argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(value));
    let args = FunctionArgumentList {
        duplicate_treatment: None,
        args: vec![argument],
        clauses: Vec::new(),
    };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new("max")]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(args),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn calls_aggregate(value: &Expr) -> bool {
    let text = value.to_string().to_lowercase();
    ["count(", "max(", "min(", "agg(", "sum("].iter().any(|call| text.contains(call))
}

/// Whether a column has the name of a table before it that the query does not read.
fn depends(query: &Query) -> bool {
    let mut names = Names::default();
    // Nothing in the visit stops early.
    let _: ControlFlow<()> = query.visit(&mut names);
    names.used.iter().any(|name| !names.read.contains(name))
}

#[derive(Default)]
struct Names {
    read: HashSet<String>,
    used: HashSet<String>,
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let (name, alias) = match factor {
            TableFactor::Table { name, alias, .. } => {
                (name.0.last().map(ToString::to_string), alias)
            }
            TableFactor::Derived { alias, .. } => (None, alias),
            _ => return ControlFlow::Continue(()),
        };
        self.read.extend(alias.as_ref().map(|alias| alias.name.value.clone()).or(name));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(path) = expr
            && let [.., table, _] = path.as_slice()
        {
            self.used.insert(table.value.clone());
        }
        ControlFlow::Continue(())
    }
}
