//! [`Chain`]: a lazy plan. Verbs check their arguments and return new chains; they do no I/O and take no lock.
//!
//! The methods that run something are in `chain/terminal.rs`.

mod columns;
mod filters;
mod terminal;

use std::collections::HashSet;
use std::iter::successors;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use catalog::{QualifiedName, Version};
use datafusion::common::Column;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{
    Expr as PlanExpr, ExprSchemable, Extension, LogicalPlan, LogicalPlanBuilder, Projection, Sort,
    SortExpr,
};
use udf_runtime::BatchFunction;

use crate::checkpoint::RunFacts;
use crate::expr::Resolver;
use crate::logical::{Call, GroupRows, KEY_ROW, Keep, Running, Udf};
use crate::physical::Registration;
use crate::source::{Dependency, source_of};
use crate::sys::SYS;
use crate::{Error, Expr, Result, Session, functions};

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

/// More rows than any chain has, and few enough that sums of a plan's limits do not overflow.
const ALL_ROWS: usize = 1 << 48;

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

/// A user function and how to call it.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The function; its name is the stage's.
    pub function: Arc<dyn BatchFunction>,
    /// What it is called with, one expression a parameter.
    pub arguments: Vec<Expr>,
    /// The columns that it returns.
    pub results: Vec<FieldRef>,
    /// How it is run.
    pub running: Running,
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
        let Dependency::Version(version) = source_of(scan)?.dependency()?;
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
        let all = self.resolver().resolve_condition(&Expr::all(predicates.to_vec()))?;
        self.with_plan(filters::filtered(&self.plan, all)?)
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
        let expr = keys.iter().map(sort).collect::<Result<Vec<_>>>()?;
        // WHY: the builder takes an equal key of the sort below for a column of its own.
        let sort = Sort { expr, input: Arc::new(self.plan.clone()), fetch: None };
        self.with_plan(LogicalPlan::Sort(sort))
    }

    /// Keeps the first `rows` rows.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn limit(&self, rows: usize) -> Result<Self> {
        let plan =
            LogicalPlanBuilder::from(self.plan.clone()).limit(0, Some(rows.min(ALL_ROWS)))?;
        self.with_plan(plan.build()?)
    }

    /// Drops the first `rows` rows.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn offset(&self, rows: usize) -> Result<Self> {
        let plan = LogicalPlanBuilder::from(self.plan.clone()).limit(rows.min(ALL_ROWS), None)?;
        self.with_plan(plan.build()?)
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
        let mut taken: HashSet<String> =
            outputs.iter().map(|output| output.schema_name().to_string()).collect();
        for aggregate in aggregates {
            columns::check_new_name(&aggregate.name)?;
            if !taken.insert(aggregate.name.clone()) {
                return Err(Error::ColumnExists { name: aggregate.name.clone() });
            }
            let argument = aggregate
                .argument
                .as_ref()
                .map(|argument| resolver.resolve(argument))
                .transpose()?;
            outputs.push(self.aggregate_output(aggregate, argument.as_ref())?);
            let value = functions::aggregate(&aggregate.function, argument)?;
            if let Some(argument) = &aggregate.argument {
                resolver.check_aggregate(&aggregate.function, argument, &value)?;
            }
            values.push(value.alias(&aggregate.name));
        }
        let groups = LogicalPlanBuilder::from(self.plan.clone())
            .aggregate(keys.groups(), values)?
            .build()?;
        // WHY: the builder looks for every output among all aggregates; these are columns already.
        let plan = LogicalPlan::Projection(Projection::try_new(outputs, Arc::new(groups))?);
        Ok(Self { shows_sys: false, ..self.with_plan(plan)? })
    }

    /// Calls a function on every row and appends its results as columns. A function of [`Shape::Any`] may leave rows
    /// out.
    ///
    /// # Errors
    /// An unknown argument, or a result whose name is taken.
    pub fn map(&self, stage: Stage) -> Result<Self> {
        let names = self.plan.schema().fields().iter().map(|field| field.name().clone());
        check_results(&stage.results, &names.collect::<Vec<_>>())?;
        let arguments = self.resolved(&stage.arguments)?;
        self.call(self.plan.clone(), stage, arguments, Keep::All)
    }

    /// Calls a function on every row; its results, any number for a row, stand beside the kept columns.
    ///
    /// # Errors
    /// An unknown argument or column, or a result whose name is taken.
    pub fn generate(&self, stage: Stage, keep: &[String]) -> Result<Self> {
        check_results(&stage.results, keep)?;
        let columns = self.kept_columns(keep)?;
        let arguments = self.resolved(&stage.arguments)?;
        self.call(self.plan.clone(), stage, arguments, Keep::Columns(columns))
    }

    /// Calls a function on every group of rows that agree on the keys; without keys all rows are one group. Its
    /// arguments are lists with the values of the group's rows in their order; groups come in the order of their keys.
    /// Beside the results stand the kept columns, which may be keys, with the values of the group's first row.
    ///
    /// # Errors
    /// An unknown argument, key or column, or a result whose name is taken.
    pub fn aggregate(&self, stage: Stage, keys: &[NamedExpr], keep: &[String]) -> Result<Self> {
        check_results(&stage.results, keep)?;
        let (resolver, mut groups) = (self.resolver(), Vec::with_capacity(keys.len()));
        for key in keys {
            groups.push((key.name.clone(), resolver.resolve(&key.expr)?));
        }
        let mut firsts = Vec::with_capacity(keep.len());
        for name in keep {
            let key = groups.iter().find(|(key, _)| key == name);
            let first = key.map_or_else(
                || resolver.resolve(&Expr::Column(name.clone())),
                |(_, key)| Ok(key.clone()),
            )?;
            firsts.push(first.alias(name));
        }
        let lists = self.resolved(&stage.arguments)?;
        let kept = keep.iter().map(Column::new_unqualified).collect();
        let arguments = (0..lists.len())
            .map(|at| PlanExpr::Column(Column::new_unqualified(GroupRows::list_name(at))))
            .collect();
        let input = if keys.is_empty() {
            self.plan.clone()
        } else {
            LogicalPlanBuilder::from(self.plan.clone())
                .window(vec![row_number().alias(KEY_ROW)])?
                .build()?
        };
        let groups = groups.into_iter().map(|(_, key)| key).collect();
        let node = GroupRows::try_new(input, groups, firsts, lists)?;
        let input = LogicalPlan::Extension(Extension { node: Arc::new(node) });
        self.call(input, stage, arguments, Keep::Groups(kept))
    }

    fn call(
        &self,
        input: LogicalPlan,
        stage: Stage,
        arguments: Vec<PlanExpr>,
        keep: Keep,
    ) -> Result<Self> {
        let (name, shape) = (stage.function.name().to_owned(), stage.function.shape());
        let shows_sys = self.shows_sys && keep == Keep::All;
        let registration = self.session.functions().register(stage.function);
        let (function, results, running) = (registration.id, stage.results, stage.running);
        let call = Call { name, function, shape, arguments, results, keep, running };
        let node = Udf::try_new(input, call)?;
        let mut chain =
            self.with_plan(LogicalPlan::Extension(Extension { node: Arc::new(node) }))?;
        chain.registrations.push(Arc::new(registration));
        if self.shows_sys && !shows_sys {
            return chain.with_sys(true);
        }
        Ok(chain)
    }

    fn resolved(&self, expressions: &[Expr]) -> Result<Vec<PlanExpr>> {
        let resolver = self.resolver();
        expressions.iter().map(|expression| resolver.resolve(expression)).collect()
    }

    /// Whole columns by name.
    fn kept_columns(&self, names: &[String]) -> Result<Vec<Column>> {
        let resolver = self.resolver();
        let column = |name: &String| match resolver.path(name)?.0 {
            PlanExpr::Column(column) => Ok(column),
            _ => Err(Error::InvalidArgument {
                argument: "keep",
                given: name.clone(),
                accepted: "whole columns".to_owned(),
            }),
        };
        names.iter().map(column).collect()
    }

    /// The column of an aggregate over its output; the smallest of some models is such a model itself.
    fn aggregate_output(
        &self,
        aggregate: &Aggregate,
        argument: Option<&PlanExpr>,
    ) -> Result<PlanExpr> {
        let column = PlanExpr::Column(Column::new_unqualified(&aggregate.name));
        let Some(argument) = argument.filter(|_| functions::passes_values(&aggregate.function))
        else {
            return Ok(column);
        };
        let (_, field) = argument.to_field(self.plan.schema())?;
        if field.metadata().is_empty() {
            return Ok(column);
        }
        Ok(functions::with_meaning(column, field.metadata()).alias(&aggregate.name))
    }

    fn project(&self, columns: Vec<PlanExpr>) -> Result<Self> {
        self.with_plan(LogicalPlanBuilder::from(self.plan.clone()).project(columns)?.build()?)
    }

    fn resolver(&self) -> Resolver<'_> {
        Resolver::new(self.plan.schema())
    }

    fn with_plan(&self, plan: LogicalPlan) -> Result<Self> {
        let mut steps = successors(Some(&plan), |plan| plan.inputs().first().copied());
        if steps.nth(Self::MAX_STEPS).is_some() {
            return Err(Error::NotSupported {
                what: format!("a chain of more than {} steps", Self::MAX_STEPS),
                instead: "`persist()` computes what there is and starts a new one".to_owned(),
            });
        }
        let (session, registrations) = (Arc::clone(&self.session), self.registrations.clone());
        Ok(Self { session, plan, registrations, shows_sys: self.shows_sys, facts: None })
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

/// Results need names that are columns and nobody else's.
fn check_results(results: &[FieldRef], taken: &[String]) -> Result<()> {
    for (at, result) in results.iter().enumerate() {
        let name = result.name();
        columns::check_new_name(name)?;
        let twice = results[..at].iter().any(|other| other.name() == name);
        if twice || taken.contains(name) {
            return Err(Error::ColumnExists { name: name.clone() });
        }
    }
    Ok(())
}
