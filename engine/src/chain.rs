//! [`Chain`]: a lazy plan.
//!
//! Its verbs are in `verbs/`, the methods that run something in `chain/terminal.rs`.

mod terminal;

use std::iter::successors;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use catalog::{QualifiedName, Version};
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder};

use crate::checkpoint::RunFacts;
use crate::expr::{Resolver, windows_computed};
use crate::registry::Registration;
use crate::source::source_of;
use crate::sys::{self, SYS};
use crate::{Error, Result, Session};

pub use terminal::BatchStream;
pub(crate) use terminal::Ready;

/// A lazy query over one session.
#[derive(Clone, Debug)]
pub struct Chain {
    session: Arc<Session>,
    plan: LogicalPlan,
    /// Keeps the functions that the plan names.
    registrations: Vec<Arc<Registration>>,
    shows_sys: bool,
    /// What its functions and sources are, while the chain is the one of a run.
    facts: Option<Arc<RunFacts>>,
}

impl Chain {
    /// Steps of the plan, one below the other: what works on plans recurses, and looks at all of them again and again.
    /// Filters that follow each other are one step.
    pub const MAX_STEPS: usize = 400;

    pub(crate) fn new(session: Arc<Session>, plan: LogicalPlan) -> Self {
        Self { session, plan, registrations: Vec::new(), shows_sys: false, facts: None }
    }

    /// A chain over a plan that was made from `chains`, whose functions it keeps.
    #[must_use]
    pub fn from_plan(session: Arc<Session>, plan: LogicalPlan, chains: &[Self]) -> Self {
        let registrations =
            chains.iter().flat_map(|chain| chain.registrations.iter().cloned()).collect();
        Self { session, plan, registrations, shows_sys: false, facts: None }
    }

    /// The session that the chain belongs to.
    #[must_use]
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The query engine's plan, for front ends that build on it.
    #[must_use]
    pub fn plan(&self) -> &LogicalPlan {
        &self.plan
    }

    /// The dataset version that the chain is, while it is exactly one.
    #[must_use]
    pub fn dataset(&self) -> Option<(QualifiedName, Version)> {
        let LogicalPlan::TableScan(scan) = &self.plan else {
            return None;
        };
        let version = source_of(scan)?.version()?;
        Some((version.name, version.version))
    }

    /// The columns that users see.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        let fields = self.plan.schema().fields().iter().filter(|field| self.is_visible(field));
        Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
    }

    /// The same chain with the computed column `sys` shown or hidden; shown, a chain that has lost it gets a new one
    /// numbered from 0.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn with_sys(&self, shown: bool) -> Result<Self> {
        let mut chain = self.clone();
        if shown {
            chain.plan = sys::kept(chain.plan)?;
        }
        chain.shows_sys = shown;
        Ok(chain)
    }

    /// A chain of these columns, which may hold functions over windows.
    pub(crate) fn project(&self, columns: Vec<PlanExpr>) -> Result<Self> {
        let (plan, columns) = windows_computed(self.plan.clone(), columns)?;
        self.with_plan(LogicalPlanBuilder::from(plan).project(columns)?.build()?)
    }

    /// Resolves expressions against the columns.
    pub(crate) fn resolver(&self) -> Resolver<'_> {
        Resolver::new(self.plan.schema())
    }

    /// The chain whose last step this is.
    pub(crate) fn with_plan(&self, plan: LogicalPlan) -> Result<Self> {
        let mut steps = successors(Some(&plan), |plan| plan.inputs().first().copied());
        if steps.nth(Self::MAX_STEPS).is_some() {
            return Err(Error::NotSupported {
                what: format!("a chain of more than {} steps", Self::MAX_STEPS),
                instead: "`persist()` computes what there is and starts a new one".to_owned(),
            });
        }
        let plan = if self.shows_sys { sys::kept(plan)? } else { plan };
        let (session, registrations) = (Arc::clone(&self.session), self.registrations.clone());
        Ok(Self { session, plan, registrations, shows_sys: self.shows_sys, facts: None })
    }

    /// The same chain, which keeps a function that its plan names.
    pub(crate) fn holding(mut self, registration: Registration) -> Self {
        self.registrations.push(Arc::new(registration));
        self
    }

    fn is_visible(&self, field: &FieldRef) -> bool {
        self.shows_sys || field.name() != SYS
    }
}
