//! [`Relations`]: what the names in a query mean. Tables are dataset versions, functions are the session's.

use std::collections::HashMap;
use std::iter;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;

use catalog::{DatasetRef, NamePart, QualifiedName, VersionSpec, View};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::{Column, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::Result as PlanResult;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, RelationPlanner};
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, LogicalPlanBuilder, ScalarUDF, TableSource,
    WindowUDF,
};
use datafusion::sql::TableReference;
use engine::{Chain, Session, default_folder};

use crate::functions::UserFunction;
use crate::independent::Independent;
use crate::inputs::Inputs;
use crate::interval_product::IntervalProduct;
use crate::json_operators::JsonOperators;
use crate::operators::Operators;
use crate::planner::Planner;
use crate::statement::Statement;
use crate::system::{self, Reader, is_system};
use crate::table_names::FILE;
use crate::type_of::{TYPE_OF, type_of};
use crate::{Error, Result};

/// How the table is called that a statement changes.
pub(crate) const TARGET: &str = "target:";

/// What one statement names, each dataset fixed to one version, over the functions of the session.
pub(crate) struct Relations<'a> {
    session: &'a Arc<Session>,
    inputs: &'a Inputs,
    tables: HashMap<TableReference, Arc<dyn TableSource>>,
    datasets: HashMap<(QualifiedName, VersionSpec), Arc<dyn TableSource>>,
    chains: Vec<Chain>,
    functions: HashMap<String, Arc<ScalarUDF>>,
    planners: Vec<Arc<dyn ExprPlanner>>,
    relation_planners: [Arc<dyn RelationPlanner>; 1],
    /// The views that are being read, from the outermost on.
    trail: Vec<View>,
    /// The views that were read.
    views: Vec<QualifiedName>,
}

/// Rows that are on their way.
type Opening<'o> = Pin<Box<dyn Future<Output = Result<Arc<dyn TableSource>>> + Send + 'o>>;

impl<'a> Relations<'a> {
    pub(crate) fn new(session: &'a Arc<Session>, inputs: &'a Inputs) -> Self {
        let function = |(name, function): (&String, &UserFunction)| {
            (name.clone(), Arc::new(function.stand_in(name)))
        };
        let built_in = (TYPE_OF.to_owned(), Arc::new(type_of()));
        let own = inputs.functions.iter().map(function);
        let functions = iter::once(built_in).chain(own).collect();
        let (tables, datasets, chains) = (HashMap::new(), HashMap::new(), Vec::new());
        let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(IntervalProduct)];
        planners.extend(JsonOperators::of(session.state()).map(|it| Arc::new(it) as _));
        planners.extend(Operators::of(session.state()).map(|it| Arc::new(it) as _));
        planners.extend(session.state().expr_planners().iter().cloned());
        let relation_planners = [Arc::new(Independent) as _];
        Self {
            session,
            inputs,
            tables,
            datasets,
            chains,
            functions,
            planners,
            relation_planners,
            trail: Vec::new(),
            views: Vec::new(),
        }
    }

    /// Opens what the references name, unless it is open.
    pub(crate) async fn open(&mut self, references: Vec<TableReference>) -> Result<()> {
        for reference in references {
            if !self.tables.contains_key(&reference) {
                let table = self.table(&reference).await?;
                self.tables.insert(reference, table);
            }
        }
        Ok(())
    }

    /// What a statement changes, from now on with the column `sys`.
    pub(crate) fn set_target(&mut self, chain: Chain) {
        let table = view_of(chain.plan().clone());
        self.chains.push(chain);
        self.tables.insert(TableReference::bare(TARGET), table);
    }

    /// The chains that the tables were made of.
    pub(crate) fn chains(&self) -> &[Chain] {
        &self.chains
    }

    pub(crate) fn session(&self) -> &'a Arc<Session> {
        self.session
    }

    /// The names of all functions.
    pub(crate) fn function_names(&self) -> Vec<String> {
        let names = [self.udf_names(), self.udaf_names(), self.udwf_names()];
        names.into_iter().flatten().collect()
    }

    /// The views that were read, also those in others.
    pub(crate) fn views(&self) -> &[QualifiedName] {
        &self.views
    }

    async fn table(&mut self, reference: &TableReference) -> Result<Arc<dyn TableSource>> {
        let (schema, table) = (reference.schema(), reference.table());
        let chain = match (schema, table.strip_prefix(FILE)) {
            (None, Some(path)) => self.file(path)?,
            (None, None) if self.inputs.tables.contains_key(table) => {
                self.inputs.tables[table].clone()
            }
            (Some(schema), _) if is_system(reference.catalog(), schema) => {
                system::table(self.session, schema, table, self.reader()).await?
            }
            _ => return self.dataset(reference).await,
        };
        if !Arc::ptr_eq(chain.session(), self.session) {
            return Err(Error::Plan {
                reason: format!("the chain `{table}` belongs to another session: save it there"),
            });
        }
        self.viewed(chain)
    }

    fn file(&self, path: &str) -> Result<Chain> {
        self.inputs.files.get(path).cloned().ok_or_else(|| {
            Error::refused(
                format!("the file `{path}` as a table"),
                "here tables are datasets: save it as one",
            )
        })
    }

    async fn dataset(&mut self, reference: &TableReference) -> Result<Arc<dyn TableSource>> {
        let dataset: DatasetRef = written(reference).parse()?;
        let (namespace, project) = self.folder()?;
        let key = (dataset.resolve(&namespace, &project), dataset.version);
        if let Some(table) = self.datasets.get(&key) {
            return Ok(Arc::clone(table));
        }
        let table = match self.session.read_dataset(&key.0, &key.1).await {
            Ok(chain) => self.viewed(chain)?,
            Err(error) => match self.view_named(&key, &error).await? {
                Some(view) => self.view(view).await?,
                None => return Err(error.into()),
            },
        };
        self.datasets.insert(key, Arc::clone(&table));
        Ok(table)
    }

    /// The namespace and the project of names that have none.
    fn folder(&self) -> Result<(NamePart, NamePart)> {
        match self.trail.last() {
            Some(view) => Ok((view.namespace.clone(), view.project.clone())),
            None => Ok(default_folder()?),
        }
    }

    fn reader(&self) -> Reader {
        if self.trail.is_empty() { Reader::Statement } else { Reader::View }
    }

    /// What is called so where there is no dataset.
    async fn view_named(
        &self,
        (name, spec): &(QualifiedName, VersionSpec),
        error: &engine::Error,
    ) -> Result<Option<View>> {
        match error {
            engine::Error::Catalog(catalog::Error::DatasetNotFound { .. })
                if *spec == VersionSpec::Latest =>
            {
                Ok(self.session.catalog().view(name).await?)
            }
            _ => Ok(None),
        }
    }

    /// The rows of a view, whose text is planned now.
    pub(crate) fn view(&mut self, view: View) -> Opening<'_> {
        Box::pin(async move {
            let title = view.name.short().to_string();
            let opened = self.open_view(view).await;
            opened.map_err(|error| {
                let reason = match error {
                    Error::Plan { reason } => reason,
                    error => error.to_string(),
                };
                Error::Plan { reason: format!("the view `{title}` cannot be read: {reason}") }
            })
        })
    }

    async fn open_view(&mut self, view: View) -> Result<Arc<dyn TableSource>> {
        let mut trail = self.trail.clone();
        if trail.iter().any(|outer| outer.name == view.name) {
            let names = trail.iter().chain([&view]).map(|it| it.name.short().to_string());
            let names = names.collect::<Vec<_>>().join("` reads `");
            return Err(Error::Plan { reason: format!("it reads itself: `{names}`") });
        }
        self.views.push(view.name.clone());
        let statement = Statement::parse(&view.text)?;
        trail.push(view);
        let inputs = Inputs { functions: self.inputs.functions.clone(), ..Inputs::default() };
        let (datasets, views) = (mem::take(&mut self.datasets), mem::take(&mut self.views));
        let relations =
            Relations { trail, datasets, views, ..Relations::new(self.session, &inputs) };
        let mut planner = Planner::of_view(relations, &statement, &inputs);
        let read = planner.read(&statement).await;
        let Relations { datasets, views, chains, .. } = planner.relations;
        (self.datasets, self.views) = (datasets, views);
        self.chains.extend(chains);
        self.viewed(read?)
    }

    fn viewed(&mut self, chain: Chain) -> Result<Arc<dyn TableSource>> {
        let plan = visible(&chain).map_err(|error| Error::about("", &error))?;
        self.chains.push(chain);
        Ok(view_of(plan))
    }
}

fn view_of(plan: LogicalPlan) -> Arc<dyn TableSource> {
    provider_as_source(Arc::new(ViewTable::new(plan, None)))
}

/// The reference as one text: quoting only decides where its parts end.
fn written(reference: &TableReference) -> String {
    let parts = [reference.catalog(), reference.schema(), Some(reference.table())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(".")
}

/// The chain's plan without columns that users do not see, such as `sys`.
fn visible(chain: &Chain) -> PlanResult<LogicalPlan> {
    let (plan, shown) = (chain.plan(), chain.schema());
    let columns =
        plan.schema().iter().filter(|(_, field)| shown.column_with_name(field.name()).is_some());
    let columns: Vec<Expr> =
        columns.map(|(qualifier, field)| Expr::Column(Column::from((qualifier, field)))).collect();
    LogicalPlanBuilder::from(plan.clone()).project(columns)?.build()
}

impl ContextProvider for Relations<'_> {
    fn get_table_source(&self, name: TableReference) -> PlanResult<Arc<dyn TableSource>> {
        match self.tables.get(&name) {
            Some(table) => Ok(Arc::clone(table)),
            None => plan_err!("unknown table `{name}`"),
        }
    }

    fn create_cte_work_table(
        &self,
        name: &str,
        schema: SchemaRef,
    ) -> PlanResult<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        &self.relation_planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let own = self.functions.get(name).cloned();
        own.or_else(|| self.session.state().udf(name).ok())
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.session.state().higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.session.state().udaf(name).ok()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.session.state().udwf(name).ok()
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.session.state().config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        let known = self.session.state().scalar_functions().keys();
        known.chain(self.functions.keys()).cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.session.state().higher_order_functions().keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.session.state().aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.session.state().window_functions().keys().cloned().collect()
    }
}
