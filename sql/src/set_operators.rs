//! [`check_set_operators`]: `INTERSECT ALL` and `EXCEPT ALL` are refused: DataFusion (54) does not count how often a row is
//! there.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Query, SetExpr, SetOperator, SetQuantifier, Statement, Visit, Visitor,
};

use crate::{Error, Result};

/// Looks at all queries of the statement.
///
/// # Errors
/// [`Error::NotSupported`] for the two.
pub(crate) fn check_set_operators(statement: &Statement) -> Result<()> {
    match statement.visit(&mut SetOperators) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct SetOperators;

impl Visitor for SetOperators {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        match check(&query.body) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

fn check(body: &SetExpr) -> Result<()> {
    let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { return Ok(()) };
    if *set_quantifier == SetQuantifier::All && *op != SetOperator::Union {
        return Err(Error::refused(format!("{op} ALL"), "number the rows of each value"));
    }
    check(left)?;
    check(right)
}
