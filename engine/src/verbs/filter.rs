//! `filter`: keeps rows. Filters that follow each other are one step, so that a plan is not as deep as they are many.

use std::sync::Arc;

use datafusion::logical_expr::utils::{split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Expr as PlanExpr, Filter, LogicalPlan};

use crate::expr::MANY_CONDITIONS;
use crate::{Chain, Expr, Result, functions};

impl Chain {
    /// Keeps the rows for which every predicate is true; null is not true.
    ///
    /// # Errors
    /// An unknown column, or a predicate that is no boolean.
    pub fn filter(&self, predicates: &[Expr]) -> Result<Self> {
        let all = self.resolver().resolve_condition(&Expr::all(predicates.to_vec()))?;
        self.with_plan(filtered(self.plan(), all)?)
    }
}

/// The rows of `plan` for which the condition is true.
pub(super) fn filtered(plan: &LogicalPlan, condition: PlanExpr) -> Result<LogicalPlan> {
    let (condition, input) = match plan {
        LogicalPlan::Filter(below) => {
            let known = split_conjunction(&below.predicate).len();
            if known + split_conjunction(&condition).len() <= MANY_CONDITIONS {
                (below.predicate.clone().and(condition), Arc::clone(&below.input))
            } else {
                (condition, Arc::new(LogicalPlan::Filter(sealed(below))))
            }
        }
        plan => (condition, Arc::new(plan.clone())),
    };
    Ok(LogicalPlan::Filter(Filter::try_new(condition, input)?))
}

/// The filter with its conditions in one function. WHY: the query engine makes a chain of the conditions of all filters,
/// and is not to take these apart.
fn sealed(full: &Filter) -> Filter {
    let conditions = split_conjunction_owned(full.predicate.clone());
    let predicate = match conditions.as_slice() {
        [_] => full.predicate.clone(),
        _ => functions::ALL_OF.call(conditions),
    };
    let mut sealed = full.clone();
    sealed.predicate = predicate;
    sealed
}
