//! [`Chain`]: a lazy plan. Verbs check their arguments and return new chains; they do no I/O and take no lock.
//!
//! The methods that run something are in `chain/terminal.rs`.

mod columns;
mod terminal;

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use catalog::{QualifiedName, Version};
use datafusion::common::Column;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{
    Expr as PlanExpr, Extension, LogicalPlan, LogicalPlanBuilder, SortExpr,
};
use udf_runtime::BatchFunction;

use crate::expr::Resolver;
use crate::logical::UdfMap;
use crate::physical::Registration;
use crate::source::DatasetTable;
use crate::sys::SYS;
use crate::{Error, Expr, Result, Session, functions};

pub use terminal::BatchStream;

/// A lazy query over one session.
#[derive(Clone, Debug)]
pub struct Chain {
    session: Arc<Session>,
    plan: LogicalPlan,
    /// Keeps the functions that the plan names.
    registrations: Vec<Arc<Registration>>,
    shows_sys: bool,
}

/// An expression and the name of the column that it becomes.
#[derive(Clone, Debug)]
pub struct NamedExpr {
    /// The new column's name.
    pub name: String,
    /// Its value.
    pub expr: Expr,
}

/// What to sort by. Nulls come last in both directions.
#[derive(Clone, Debug)]
pub struct SortKey {
    /// The key.
    pub expr: Expr,
    /// Largest first.
    pub descending: bool,
}

/// An aggregate of `group_by`.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// The new column's name.
    pub name: String,
    /// `count`, `sum`, `avg`, `min` or `max`.
    pub function: String,
    /// What it aggregates; only `count` can do without.
    pub argument: Option<Expr>,
}

/// A 1→1 user function and how to call it.
#[derive(Clone, Debug)]
pub struct MapStage {
    /// The function; its name is the stage's.
    pub function: Arc<dyn BatchFunction>,
    /// What it is called with, one expression a parameter.
    pub arguments: Vec<Expr>,
    /// The columns that it returns.
    pub results: Vec<FieldRef>,
    /// Rows handed over at once; at least 1.
    pub batch_rows: usize,
}

impl Chain {
    pub(crate) fn new(session: Arc<Session>, plan: LogicalPlan) -> Self {
        Self { session, plan, registrations: Vec::new(), shows_sys: false }
    }

    /// A chain over a plan that was made from `chains`, whose functions it keeps.
    #[must_use]
    pub fn from_plan(session: Arc<Session>, plan: LogicalPlan, chains: &[Self]) -> Self {
        let registrations =
            chains.iter().flat_map(|chain| chain.registrations.iter().cloned()).collect();
        Self { session, plan, registrations, shows_sys: false }
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
        let provider = source_as_provider(&scan.source).ok()?;
        let (name, version) = provider.downcast_ref::<DatasetTable>()?.dependency();
        Some((name.clone(), version))
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
        let has_sys = self.plan.schema().fields().iter().any(|field| field.name() == SYS);
        if shown && !has_sys {
            chain.plan = columns::number_rows(self.plan.clone())?;
        }
        chain.shows_sys = shown;
        Ok(chain)
    }

    /// Keeps the rows for which every predicate is true; null is not true.
    ///
    /// # Errors
    /// An unknown column, or a predicate that is no boolean.
    pub fn filter(&self, predicates: &[Expr]) -> Result<Self> {
        let resolver = self.resolver();
        let mut plan = LogicalPlanBuilder::from(self.plan.clone());
        for predicate in predicates {
            plan = plan.filter(resolver.resolve_predicate(predicate)?)?;
        }
        Ok(self.with_plan(plan.build()?))
    }

    /// Keeps the columns that the paths name, in their order. A path into a struct keeps that part of it.
    ///
    /// # Errors
    /// An unknown column.
    pub fn select(&self, paths: &[String]) -> Result<Self> {
        let mut chosen = columns::select(&self.resolver(), paths)?;
        if !paths.iter().any(|path| path == SYS || path.starts_with("sys.")) {
            chosen.extend(self.sys_column());
        }
        self.project(chosen)
    }

    /// Adds columns, or replaces those whose names are taken. A new name for a plain column renames it.
    ///
    /// # Errors
    /// An unknown column, or a name that is a path.
    pub fn mutate(&self, columns: &[NamedExpr]) -> Result<Self> {
        let step = self.session.next_number();
        self.project(columns::mutate(&self.resolver(), self.plan.schema(), columns, step)?)
    }

    /// Sorts by the keys, the first one foremost.
    ///
    /// # Errors
    /// An unknown column.
    pub fn order_by(&self, keys: &[SortKey]) -> Result<Self> {
        let resolver = self.resolver();
        let sort =
            |key: &SortKey| Ok(SortExpr::new(resolver.resolve(&key.expr)?, !key.descending, false));
        let keys = keys.iter().map(sort).collect::<Result<Vec<_>>>()?;
        Ok(self.with_plan(LogicalPlanBuilder::from(self.plan.clone()).sort(keys)?.build()?))
    }

    /// Keeps the first `rows` rows.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn limit(&self, rows: usize) -> Result<Self> {
        Ok(self
            .with_plan(LogicalPlanBuilder::from(self.plan.clone()).limit(0, Some(rows))?.build()?))
    }

    /// Drops the first `rows` rows.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn offset(&self, rows: usize) -> Result<Self> {
        Ok(self.with_plan(LogicalPlanBuilder::from(self.plan.clone()).limit(rows, None)?.build()?))
    }

    /// One row for each combination of the keys' values: the keys, then the aggregates. Without keys, one row.
    ///
    /// # Errors
    /// An unknown column or aggregate, or a name that is used twice.
    pub fn group_by(&self, keys: &[NamedExpr], aggregates: &[Aggregate]) -> Result<Self> {
        let resolver = self.resolver();
        let keys = columns::GroupKeys::try_new(&resolver, keys)?;
        let mut values = Vec::new();
        let mut outputs = keys.outputs()?;
        for aggregate in aggregates {
            columns::check_new_name(&aggregate.name)?;
            let taken =
                outputs.iter().any(|output| output.schema_name().to_string() == aggregate.name);
            if taken {
                return Err(Error::ColumnExists { name: aggregate.name.clone() });
            }
            let argument = aggregate
                .argument
                .as_ref()
                .map(|argument| resolver.resolve(argument))
                .transpose()?;
            let value = functions::aggregate(&aggregate.function, argument)?;
            values.push(value.alias(&aggregate.name));
            outputs.push(PlanExpr::Column(Column::new_unqualified(&aggregate.name)));
        }
        let plan = LogicalPlanBuilder::from(self.plan.clone())
            .aggregate(keys.groups(), values)
            .map_err(|error| invalid_aggregate(aggregates, &error))?
            .project(outputs)?
            .build()?;
        Ok(Self { shows_sys: false, ..self.with_plan(plan) })
    }

    /// Calls a function on every row and appends its results as columns.
    ///
    /// # Errors
    /// An unknown argument, or a result whose name is taken.
    pub fn map(&self, stage: MapStage) -> Result<Self> {
        let resolver = self.resolver();
        let arguments = stage
            .arguments
            .iter()
            .map(|argument| resolver.resolve(argument))
            .collect::<Result<_>>()?;
        let schema = self.plan.schema();
        for (at, result) in stage.results.iter().enumerate() {
            let name = result.name();
            columns::check_new_name(name)?;
            let twice = stage.results[..at].iter().any(|other| other.name() == name);
            if twice || schema.fields().iter().any(|field| field.name() == name) {
                return Err(Error::ColumnExists { name: name.clone() });
            }
        }
        let name = stage.function.name().to_owned();
        let registration = self.session.functions().register(stage.function);
        let node = UdfMap::try_new(
            self.plan.clone(),
            name,
            registration.id,
            arguments,
            stage.results,
            stage.batch_rows.max(1),
        )?;
        let mut chain = self.with_plan(LogicalPlan::Extension(Extension { node: Arc::new(node) }));
        chain.registrations.push(Arc::new(registration));
        Ok(chain)
    }

    fn project(&self, columns: Vec<PlanExpr>) -> Result<Self> {
        Ok(self.with_plan(LogicalPlanBuilder::from(self.plan.clone()).project(columns)?.build()?))
    }

    fn resolver(&self) -> Resolver<'_> {
        Resolver::new(self.plan.schema())
    }

    fn with_plan(&self, plan: LogicalPlan) -> Self {
        Self { plan, ..self.clone() }
    }

    fn is_visible(&self, field: &FieldRef) -> bool {
        self.shows_sys || field.name() != SYS
    }

    fn sys_column(&self) -> Option<PlanExpr> {
        let mut columns = self.plan.schema().iter();
        let (qualifier, field) = columns.find(|(_, field)| field.name() == SYS)?;
        Some(PlanExpr::Column(Column::from((qualifier, field))))
    }
}

fn invalid_aggregate(
    aggregates: &[Aggregate],
    error: &datafusion::error::DataFusionError,
) -> Error {
    let shown = aggregates.iter().map(|aggregate| {
        let argument = aggregate.argument.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{}({argument})", aggregate.function)
    });
    Error::InvalidExpression {
        expression: shown.collect::<Vec<_>>().join(", "),
        reason: error.strip_backtrace().lines().next().unwrap_or_default().to_owned(),
    }
}
