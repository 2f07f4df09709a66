//! [`Chain`]: a lazy plan.
//!
//! Its verbs are in `verbs/`, the methods that run something in `chain/terminal.rs`.

mod delta_options;
mod terminal;

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use catalog::{QualifiedName, Version};
use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder};

use crate::checkpoint::RunFacts;
use crate::expr::{Resolver, windows_computed};
use crate::logical::Reuse;
use crate::registry::Registration;
use crate::source::source_of;
use crate::sys::{self, SYS};
use crate::{Error, Result, Session};

pub use delta_options::{CodeChange, Deleted, DeltaOptions, Retry};
pub use terminal::BatchStream;
pub(crate) use terminal::Ready;

/// A lazy query over one session.
#[derive(Clone, Debug)]
pub struct Chain {
    session: Arc<Session>,
    plan: LogicalPlan,
    /// Keeps the functions that the plan names.
    registrations: Vec<Arc<Registration>>,
    /// The scans whose changes alone are computed when the chain is saved again.
    deltas: Vec<(TableReference, Arc<DeltaOptions>)>,
    shows_sys: bool,
    /// What its functions and sources are, while the chain is the one of a run.
    facts: Option<Arc<RunFacts>>,
    /// What becomes of results of its functions that are kept already.
    reuse: Reuse,
}

impl Chain {
    /// Steps of the plan, one below the other: what works on plans recurses, and looks at all of them again and again.
    /// Filters that follow each other are one step.
    pub const MAX_STEPS: usize = 400;

    /// Steps of all chains that meet in the plan.
    pub const MAX_ALL_STEPS: usize = 10_000;

    pub(crate) fn new(session: Arc<Session>, plan: LogicalPlan) -> Self {
        let (registrations, deltas) = (Vec::new(), Vec::new());
        let reuse = Reuse::default();
        Self { session, plan, registrations, deltas, shows_sys: false, facts: None, reuse }
    }

    /// A chain over a plan that was made from `chains`, whose functions it keeps.
    #[must_use]
    pub fn from_plan(session: Arc<Session>, plan: LogicalPlan, chains: &[Self]) -> Self {
        let mut made = Self::new(session, plan);
        for chain in chains {
            made.keep_what_belongs_to(chain);
        }
        made
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

    /// All columns and what they are read by.
    pub(crate) fn all_columns(&self) -> Vec<(PlanExpr, FieldRef)> {
        let column = |(table, field): (_, &FieldRef)| {
            (PlanExpr::Column(Column::from((table, field))), Arc::clone(field))
        };
        self.plan.schema().iter().map(column).collect()
    }

    /// The columns that are no `sys`.
    pub(crate) fn own_columns(&self) -> Vec<(PlanExpr, FieldRef)> {
        self.all_columns().into_iter().filter(|(_, field)| field.name() != SYS).collect()
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
        Self::check_steps(&plan)?;
        let plan = if self.shows_sys { sys::kept(plan)? } else { plan };
        Ok(Self { plan, facts: None, ..self.clone() })
    }

    /// The same with another plan of the same run, whose functions and sources stay what they are.
    pub(crate) fn of_same_run(&self, plan: LogicalPlan) -> Result<Self> {
        Ok(Self { facts: self.facts.clone(), ..self.with_plan(plan)? })
    }

    /// The same chain, of whose functions other results that are kept count.
    pub(crate) fn reusing(self, reuse: Reuse) -> Self {
        Self { reuse, ..self }
    }

    fn check_steps(plan: &LogicalPlan) -> Result<()> {
        let too_many = |steps: usize| Error::NotSupported {
            what: format!("a chain of more than {steps} steps"),
            instead: "`persist()` computes what there is and starts a new one".to_owned(),
        };
        let (mut open, mut all) = (vec![(plan, 1)], 0);
        while let Some((plan, depth)) = open.pop() {
            all += 1;
            if depth > Self::MAX_STEPS {
                return Err(too_many(Self::MAX_STEPS));
            }
            if all > Self::MAX_ALL_STEPS {
                return Err(too_many(Self::MAX_ALL_STEPS));
            }
            open.extend(plan.inputs().into_iter().map(|input| (input, depth + 1)));
        }
        Ok(())
    }

    /// The same chain, which also keeps the functions of another one that it meets.
    pub(crate) fn with_functions_of(&self, other: &Self) -> Result<Self> {
        if !Arc::ptr_eq(&self.session, &other.session) {
            return Err(Error::NotSupported {
                what: "a chain that meets one of another session".to_owned(),
                instead: "`save` that one and read it in this session".to_owned(),
            });
        }
        let mut chain = self.clone();
        chain.keep_what_belongs_to(other);
        chain.facts = None;
        Ok(chain)
    }

    fn keep_what_belongs_to(&mut self, other: &Self) {
        self.registrations.extend(other.registrations.iter().cloned());
        for delta in &other.deltas {
            if !self.deltas.contains(delta) {
                self.deltas.push(delta.clone());
            }
        }
    }

    /// The same chain, which keeps a function that its plan names.
    pub(crate) fn holding(mut self, registration: Registration) -> Self {
        self.registrations.push(Arc::new(registration));
        self
    }

    /// The same chain, of which only changes of this scan are computed when it is saved again.
    pub(crate) fn with_delta(mut self, scan: TableReference, options: DeltaOptions) -> Self {
        self.deltas.push((scan, Arc::new(options)));
        self
    }

    /// The scans whose changes alone are computed when the chain is saved again.
    pub(crate) fn deltas(&self) -> &[(TableReference, Arc<DeltaOptions>)] {
        &self.deltas
    }

    fn is_visible(&self, field: &FieldRef) -> bool {
        self.shows_sys || field.name() != SYS
    }
}
