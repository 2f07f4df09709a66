//! `shuffle`, `sample`, `chunk` and `share`: rows by chance, which is the same in every run.
//!
//! Chance is `sys.rand`, so it belongs to a row's place: what has no fixed order has to be kept before two runs agree.

use std::sync::Arc;

use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, Operator, Sort, binary_expr, lit};

use super::filter::filtered;
use crate::identity::has_fixed_order;
use crate::{Chain, Error, Result, sys};

impl Chain {
    /// Rows in a random order, another one for each seed.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn shuffle(&self, seed: Option<u64>) -> Result<Self> {
        let placed = self.placed()?;
        let key = placed.chance(seed)?.sort(true, false);
        let sort = Sort { expr: vec![key], input: Arc::new(placed.plan().clone()), fetch: None };
        placed.with_plan(LogicalPlan::Sort(sort))
    }

    /// So many rows by chance, or all that there are.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn sample(&self, rows: usize, seed: Option<u64>) -> Result<Self> {
        self.shuffle(seed)?.limit(rows)
    }

    /// One of `total` parts of about the same size, which have no row in common and all of them together.
    ///
    /// # Errors
    /// An index that is not below the total.
    pub fn chunk(&self, index: u64, total: u64) -> Result<Self> {
        if index >= total {
            return Err(Error::InvalidArgument {
                argument: "chunk",
                given: format!("{index} of {total}"),
                accepted: "chunks are counted from 0 and there is at least one".to_owned(),
            });
        }
        let placed = self.placed()?;
        let part = binary_expr(placed.chance(None)?, Operator::Modulo, lit(total));
        placed.with_plan(filtered(placed.plan(), part.eq(lit(index)))?)
    }

    /// The rows whose chance, out of all of `u64`, is in a range with both its ends.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn share(&self, first: u64, last: u64, seed: Option<u64>) -> Result<Self> {
        let placed = self.placed()?;
        let chance = placed.chance(seed)?;
        let inside = chance.clone().gt_eq(lit(first)).and(chance.lt_eq(lit(last)));
        placed.with_plan(filtered(placed.plan(), inside)?)
    }

    /// Whether `sys` is the same in every run.
    #[must_use]
    pub fn has_fixed_places(&self) -> bool {
        has_fixed_order(sys::numbered_from(self.plan()))
    }

    /// The chain with `sys`.
    fn placed(&self) -> Result<Self> {
        self.with_plan(sys::kept(self.plan().clone())?)
    }

    fn chance(&self, seed: Option<u64>) -> Result<PlanExpr> {
        let rand = self.resolver().path("sys.rand")?.0;
        Ok(match seed {
            None => rand,
            Some(seed) => sys::mixed(rand, seed),
        })
    }
}
