//! [`name_shared`]: the column that `USING` shares is the one value that both sides have, also where one side has no row.
//!
//! DataFusion takes the left side's, which is null in the rows that only the right side of a `RIGHT` or `FULL JOIN` has,
//! and finds the name ambiguous in some places. In the text's tree, before planning, the name becomes what it stands for.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    CaseWhen, ExceptSelectItem, ExcludeSelectItem, Expr, GroupByExpr, Ident, JoinConstraint,
    JoinOperator, ObjectName, ObjectNamePart, OrderByKind, Query, ReplaceSelectElement,
    ReplaceSelectItem, Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins,
    VisitMut, VisitorMut, WildcardAdditionalOptions,
};

use crate::{Error, Result};

/// Replaces shared columns in all queries of the statement.
///
/// # Errors
/// [`Error::NotSupported`] for a `RIGHT` or `FULL JOIN` with shared columns beside other such joins.
pub(crate) fn name_shared(statement: &mut Statement) -> Result<()> {
    match statement.visit(&mut NameShared) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct NameShared;

impl VisitorMut for NameShared {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let mut shared = Vec::new();
        if let Err(error) = replace_in_body(&mut query.body, &mut shared) {
            return ControlFlow::Break(error);
        }
        if let (SetExpr::Select(select), Some(order)) =
            (query.body.as_ref(), query.order_by.as_mut())
            && let OrderByKind::Expressions(keys) = &mut order.kind
        {
            // A key that is a column of the result is that column.
            for key in keys.iter_mut().filter(|key| !is_output(&key.expr, select)) {
                replace(&mut key.expr, &shared);
            }
        }
        ControlFlow::Continue(())
    }
}

fn replace_in_body(body: &mut SetExpr, found: &mut Vec<Shared>) -> Result<()> {
    match body {
        SetExpr::Select(select) => {
            for from in &select.from {
                found.extend(shared_by(from)?);
            }
            if !found.is_empty() {
                replace_in_select(select, found);
            }
            Ok(())
        }
        SetExpr::SetOperation { left, right, .. } => {
            replace_in_body(left, &mut Vec::new())?;
            replace_in_body(right, &mut Vec::new())
        }
        _ => Ok(()),
    }
}

/// A column that two tables share, and its value.
struct Shared {
    name: Ident,
    value: Expr,
    /// Whether that is not the left side's.
    differs: bool,
}

/// The columns that the joins share, and those in parentheses.
fn shared_by(from: &TableWithJoins) -> Result<Vec<Shared>> {
    let mut found = shared_here(from)?;
    let joined = from.joins.iter().map(|join| &join.relation);
    for factor in std::iter::once(&from.relation).chain(joined) {
        let TableFactor::NestedJoin { table_with_joins, alias } = factor else {
            continue;
        };
        let within = shared_by(table_with_joins)?;
        if within.iter().any(|column| column.differs) {
            if alias.is_some() {
                return Err(Error::refused(
                    "RIGHT or FULL JOIN with USING in parentheses with a name",
                    WITH_ON,
                ));
            }
            if from.joins.iter().any(|join| shares(&join.join_operator)) {
                return Err(Error::refused(
                    "RIGHT or FULL JOIN with USING beside other joins with USING",
                    WITH_ON,
                ));
            }
        }
        found.extend(within);
    }
    Ok(found)
}

/// What works in place of the joins that are refused.
const WITH_ON: &str = "write the condition with ON";

fn constraint(operator: &JoinOperator) -> JoinConstraint {
    match operator {
        JoinOperator::Join(on)
        | JoinOperator::Inner(on)
        | JoinOperator::Left(on)
        | JoinOperator::LeftOuter(on)
        | JoinOperator::Right(on)
        | JoinOperator::RightOuter(on)
        | JoinOperator::FullOuter(on) => on.clone(),
        _ => JoinConstraint::None,
    }
}

fn shares(operator: &JoinOperator) -> bool {
    matches!(constraint(operator), JoinConstraint::Using(_) | JoinConstraint::Natural)
}

fn shared_here(from: &TableWithJoins) -> Result<Vec<Shared>> {
    let lacks_left = |operator: &JoinOperator| {
        let right = matches!(operator, JoinOperator::Right(_) | JoinOperator::RightOuter(_));
        shares(operator) && (right || matches!(operator, JoinOperator::FullOuter(_)))
    };
    let joins = &from.joins;
    if !joins.iter().any(|join| lacks_left(&join.join_operator)) {
        let (Some(first), Some(left)) = (joins.first(), name_of(&from.relation)) else {
            return Ok(vec![]);
        };
        let columns = match constraint(&first.join_operator) {
            JoinConstraint::Using(columns) => columns,
            _ => vec![],
        };
        let shared = columns.iter().filter_map(|column| {
            let name = column.0.last().and_then(ObjectNamePart::as_ident)?.clone();
            Some(Shared { value: side(&left, &name), name, differs: false })
        });
        return Ok(shared.collect());
    }
    let first = &joins[0];
    if !lacks_left(&first.join_operator)
        || joins[1..].iter().any(|join| shares(&join.join_operator))
    {
        return Err(Error::refused(
            "RIGHT or FULL JOIN with USING beside other joins with USING",
            WITH_ON,
        ));
    }
    let JoinConstraint::Using(columns) = constraint(&first.join_operator) else {
        return Err(Error::refused("NATURAL RIGHT or FULL JOIN", WITH_ON));
    };
    let (Some(left), Some(right)) = (name_of(&from.relation), name_of(&first.relation)) else {
        return Err(Error::refused(
            "RIGHT or FULL JOIN with USING of tables without a name",
            WITH_ON,
        ));
    };
    let is_full = matches!(first.join_operator, JoinOperator::FullOuter(_));
    let shared = |column: &ObjectName| {
        let name = column.0.last().and_then(ObjectNamePart::as_ident)?.clone();
        let of_right = side(&right, &name);
        let value = if is_full { either(side(&left, &name), of_right) } else { of_right };
        Some(Shared { name, value, differs: true })
    };
    Ok(columns.iter().filter_map(shared).collect())
}

/// A table's column.
fn side(table: &[Ident], name: &Ident) -> Expr {
    Expr::CompoundIdentifier(table.iter().chain([name]).cloned().collect())
}

/// What qualifies the columns of a table.
fn name_of(table: &TableFactor) -> Option<Vec<Ident>> {
    match table {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. } => Some(vec![alias.name.clone()]),
        TableFactor::Table { name, .. } => {
            Some(name.0.iter().filter_map(ObjectNamePart::as_ident).cloned().collect())
        }
        _ => None,
    }
}

/// The left value, or the right one where that is null.
fn either(left: Expr, right: Expr) -> Expr {
    let is_missing = Expr::IsNull(Box::new(left.clone()));
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: is_missing, result: right }],
        else_result: Some(Box::new(left)),
    }
}

fn replace_in_select(select: &mut Select, shared: &[Shared]) {
    let differs = shared.iter().any(|column| column.differs);
    for item in &mut select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let given = expr.clone();
                replace(expr, shared);
                let alias = match given {
                    Expr::Identifier(name) => find(&name, shared).map(|_| name),
                    // Else the result would be called by what stands for the column.
                    given => (differs && given != *expr)
                        .then(|| Ident::with_quote('"', given.to_string())),
                };
                if let Some(alias) = alias {
                    *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                }
            }
            SelectItem::ExprWithAlias { expr, .. } => replace(expr, shared),
            SelectItem::Wildcard(options) => replace_in_wildcard(options, shared),
            _ => {}
        }
    }
    let groups = match &mut select.group_by {
        GroupByExpr::Expressions(keys, _) => keys.as_mut_slice(),
        GroupByExpr::All(_) => &mut [],
    };
    let conditions = [&mut select.selection, &mut select.having, &mut select.qualify];
    for expr in conditions.into_iter().flatten().chain(groups) {
        replace(expr, shared);
    }
    for join in select.from.iter_mut().flat_map(|from| &mut from.joins) {
        if let JoinOperator::Join(JoinConstraint::On(on))
        | JoinOperator::Inner(JoinConstraint::On(on))
        | JoinOperator::Left(JoinConstraint::On(on))
        | JoinOperator::LeftOuter(JoinConstraint::On(on))
        | JoinOperator::Right(JoinConstraint::On(on))
        | JoinOperator::RightOuter(JoinConstraint::On(on))
        | JoinOperator::FullOuter(JoinConstraint::On(on)) = &mut join.join_operator
        {
            replace(on, shared);
        }
    }
}

/// `*` with the shared values in place of the left side's.
fn replace_in_wildcard(options: &mut WildcardAdditionalOptions, shared: &[Shared]) {
    let mut left_out: Vec<&Ident> = Vec::new();
    match &options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => {
            left_out.extend(name.0.last().and_then(ObjectNamePart::as_ident));
        }
        Some(ExcludeSelectItem::Multiple(names)) => left_out.extend(
            names.iter().filter_map(|name| name.0.last().and_then(ObjectNamePart::as_ident)),
        ),
        None => {}
    }
    if let Some(ExceptSelectItem { first_element, additional_elements }) = &options.opt_except {
        left_out.extend(std::iter::once(first_element).chain(additional_elements));
    }
    let mut items = options.opt_replace.take().map(|replaced| replaced.items).unwrap_or_default();
    for column in shared {
        let is_named = |name: &Ident| name.value == column.name.value;
        let taken = items.iter().any(|item| is_named(&item.column_name));
        if !column.differs || taken || left_out.iter().any(|name| is_named(name)) {
            continue;
        }
        items.push(Box::new(ReplaceSelectElement {
            expr: column.value.clone(),
            column_name: column.name.clone(),
            as_keyword: true,
        }));
    }
    options.opt_replace = (!items.is_empty()).then_some(ReplaceSelectItem { items });
}

fn find<'s>(name: &Ident, shared: &'s [Shared]) -> Option<&'s Shared> {
    shared.iter().find(|column| column.name.value == name.value)
}

/// Whether an expression is the name of a column of the result.
fn is_output(expr: &Expr, select: &Select) -> bool {
    let Expr::Identifier(name) = expr else {
        return false;
    };
    select.projection.iter().any(|item| match item {
        SelectItem::ExprWithAlias { alias, .. } => alias.value == name.value,
        SelectItem::Wildcard(_) => true,
        _ => false,
    })
}

/// Replaces the names of shared columns, but not in queries inside, which have names of their own.
fn replace(expr: &mut Expr, shared: &[Shared]) {
    // Nothing in the visit stops early.
    let _: ControlFlow<()> = expr.visit(&mut Replace { shared, depth: 0 });
}

struct Replace<'s> {
    shared: &'s [Shared],
    depth: usize,
}

impl VisitorMut for Replace<'_> {
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
        if let (0, Expr::Identifier(name)) = (self.depth, &*expr)
            && let Some(column) = find(name, self.shared)
        {
            *expr = column.value.clone();
        }
        ControlFlow::Continue(())
    }
}
