//! [`Relations`]: what the names in a query mean. Tables are dataset versions, functions are the session's.

use std::collections::HashMap;
use std::sync::Arc;

use catalog::DatasetRef;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::{Column, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::Result as PlanResult;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner};
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, LogicalPlanBuilder, ScalarUDF, TableSource,
    WindowUDF,
};
use datafusion::sql::TableReference;
use engine::{Chain, Session, default_folder};

use crate::{Error, Result};

/// The datasets that one query names, each fixed to one version, over the functions of the session.
pub(crate) struct Relations<'a> {
    state: &'a SessionState,
    tables: HashMap<TableReference, Arc<dyn TableSource>>,
    chains: Vec<Chain>,
}

impl<'a> Relations<'a> {
    /// Opens what the references name.
    pub(crate) async fn open(
        session: &'a Arc<Session>,
        references: Vec<TableReference>,
    ) -> Result<Self> {
        let mut relations =
            Self { state: session.state(), tables: HashMap::new(), chains: Vec::new() };
        let mut opened = HashMap::new();
        let (namespace, project) = default_folder()?;
        for reference in references {
            let dataset: DatasetRef = written(&reference).parse()?;
            let name = dataset.resolve(&namespace, &project);
            let key = (name, dataset.version);
            if !opened.contains_key(&key) {
                let chain = session.read_dataset(&key.0, &key.1).await?;
                let plan = visible(&chain).map_err(|error| Error::about("", &error))?;
                let table = provider_as_source(Arc::new(ViewTable::new(plan, None)));
                relations.chains.push(chain);
                opened.insert(key.clone(), table);
            }
            relations.tables.insert(reference, Arc::clone(&opened[&key]));
        }
        Ok(relations)
    }

    /// The chains that the tables were made of.
    pub(crate) fn into_chains(self) -> Vec<Chain> {
        self.chains
    }
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
        self.state.expr_planners()
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.state.udf(name).ok()
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.udaf(name).ok()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.state.udwf(name).ok()
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.state.scalar_functions().keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.state.higher_order_functions().keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.state.window_functions().keys().cloned().collect()
    }
}
