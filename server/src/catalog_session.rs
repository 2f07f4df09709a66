//! [`CatalogSession`]: `pg_catalog` and `information_schema`, over tables with the datasets' names and columns only.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use catalog::{DatasetVersion, QualifiedName, Version, VersionFilter, View};
use datafusion::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::empty::EmptyTable;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, TableProvider,
};
use datafusion::common::ToDFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::ViewTable;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{EmptyRelation, Expr, LogicalPlan};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::setup_pg_catalog;
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use engine::{Session, default_folder};
use tokio::sync::Mutex;

use crate::catalog_functions::functions as text_functions;
use crate::client_facts::ClientFacts;
use crate::constant_functions::functions;
use crate::dialect::simplify;
use crate::information_schema;
use crate::mended_tables::MendedTables;
use crate::names::PUBLIC;
use crate::postgres::wire_schema;
use crate::query::Planned;
use crate::relations::{NUMBERED, Relations, SystemTables, pg_table_is_visible};
use crate::view_texts::pg_get_viewdef;
use crate::{Error, Result};

/// The schema of PostgreSQL's own tables.
pub(crate) const SYSTEM: &str = "pg_catalog";

/// That of the standard's.
const INFORMATION: &str = "information_schema";

/// What a client sees as a table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// `public`, a project of the default namespace, or `namespace.project`.
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) columns: SchemaRef,
    /// The query of one that is a view.
    pub(crate) query: Option<String>,
}

/// What the tables were made of.
type Known = (Vec<(QualifiedName, Version)>, Vec<View>);

/// A session that no statement changes, so that all connections share it.
pub(crate) struct CatalogSession {
    context: SessionContext,
    datasets: Arc<MemoryCatalogProvider>,
    database: String,
    project: String,
    only_reads: bool,
    relations: Arc<Relations>,
    known: Mutex<Known>,
}

impl CatalogSession {
    pub(crate) fn try_new(only_reads: bool) -> Result<Self> {
        let (namespace, project) = default_folder()?;
        let (database, project) = (String::from(namespace), String::from(project));
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema(&database, PUBLIC)
            .with_create_default_catalog_and_schema(false)
            .with_target_partitions(1);
        config.options_mut().execution.time_zone = Some("UTC".to_owned());
        let context = SessionContext::new_with_config(config);
        let datasets = Arc::new(MemoryCatalogProvider::new());
        datasets.register_schema(PUBLIC, Arc::new(MemorySchemaProvider::new()))?;
        context.register_catalog(&database, Arc::<MemoryCatalogProvider>::clone(&datasets));
        setup_pg_catalog(&context, &database, EmptyContextProvider).map_err(|error| *error)?;
        for function in functions(only_reads).into_iter().chain(text_functions(only_reads)) {
            context.register_udf(function);
        }
        let relations = Arc::<Relations>::default();
        context.register_udf(pg_table_is_visible(&relations));
        context.register_udf(pg_get_viewdef(&relations));
        if let Some(tables) = datasets.schema(SYSTEM) {
            let tables = Arc::new(MendedTables::try_new(tables, only_reads)?);
            let tables = SystemTables { tables, relations: Arc::clone(&relations) };
            datasets.register_schema(SYSTEM, Arc::new(tables))?;
        }
        let known = Mutex::default();
        Ok(Self { context, datasets, database, project, only_reads, relations, known })
    }

    /// What clients call the database: the default namespace.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Whether PostgreSQL's own tables have one of this name.
    pub(crate) fn has_system_table(&self, name: &str) -> bool {
        name.starts_with("pg_")
            && self.datasets.schema(SYSTEM).is_some_and(|system| system.table_exist(name))
    }

    /// Plans a query of names and columns, as they are now.
    pub(crate) async fn plan(
        &self,
        session: &Arc<Session>,
        text: &str,
        user: &str,
    ) -> Result<Planned> {
        self.refresh(session).await?;
        let text =
            ClientFacts { user, database: &self.database, schema: PUBLIC, pid: None }.told(text);
        // WHY: the parser is made anew, for its rules need not be shared between threads.
        let statement = PostgresCompatibilityParser::new().parse(&text);
        let mut statement =
            statement.map_err(|error| Error::refused("42601", error.to_string()))?;
        let (Some(mut statement), true) = (statement.pop(), statement.is_empty()) else {
            return Err(Error::refused("42601", "one statement is expected"));
        };
        simplify(&mut statement);
        let state = self.context.state();
        let plan = state.statement_to_plan(Statement::Statement(Box::new(statement))).await?;
        let reads = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        reads.verify_plan(&plan)?;
        Ok(Planned::Catalog(Arc::new(state), with_plain_parameters(plan)?))
    }

    /// The datasets and the views.
    pub(crate) async fn tables(&self, session: &Arc<Session>) -> Result<Vec<Table>> {
        let versions = self.newest(session).await?;
        let mut tables: Vec<Table> = versions.iter().map(|version| self.table(version)).collect();
        for (view, columns) in sql::views_and_columns(session).await? {
            let columns = columns.unwrap_or_else(|| Arc::new(Schema::empty()));
            let view = Table { query: Some(view.text), ..self.named(&view.name, &columns) };
            // A dataset of its name hides it.
            let is_hidden = |it: &Table| (&it.schema, &it.name) == (&view.schema, &view.name);
            if !tables.iter().any(is_hidden) {
                tables.push(view);
            }
        }
        Ok(tables)
    }

    async fn newest(&self, session: &Session) -> Result<Vec<DatasetVersion>> {
        let filter = VersionFilter { newest_only: true, ..VersionFilter::default() };
        let mut versions = session.catalog().versions(filter).await?;
        versions.retain(|one| !one.dataset.is_listing() && !one.dataset.is_of_session());
        Ok(versions)
    }

    fn table(&self, version: &DatasetVersion) -> Table {
        self.named(&version.dataset, &version.schema)
    }

    fn named(&self, name: &QualifiedName, columns: &Schema) -> Table {
        let (namespace, project) = (name.namespace.as_str(), name.project.as_str());
        let schema = match (namespace == self.database, project == self.project) {
            (true, true) => PUBLIC.to_owned(),
            (true, false) if project != PUBLIC => project.to_owned(),
            _ => format!("{namespace}.{project}"),
        };
        let shown = columns.fields().iter().filter(|field| field.name() != "sys");
        let columns: Vec<Field> = shown.map(|field| field.as_ref().clone()).collect();
        let (name, columns) = (name.name.to_string(), Arc::new(Schema::new(columns)));
        Table { schema, name, columns, query: None }
    }

    /// Makes the tables what the datasets are now.
    async fn refresh(&self, session: &Arc<Session>) -> Result<()> {
        let versions = self.newest(session).await?.into_iter();
        let versions = versions.map(|one| (one.dataset, one.version)).collect();
        let now: Known = (versions, session.catalog().views().await?);
        // WHY: held until the tables have their numbers, which belong to these and no others.
        let mut known = self.known.lock().await;
        if *known == now {
            return Ok(());
        }
        let mut tables = self.tables(session).await?;
        self.register(&tables)?;
        let numbered = self.context.sql(NUMBERED).await?.collect().await?;
        for table in &mut tables {
            table.columns = seen(&table.columns);
        }
        self.relations.set(&numbered, tables);
        *known = now;
        Ok(())
    }

    fn register(&self, tables: &[Table]) -> Result<()> {
        let mut schemas = BTreeMap::from([(PUBLIC.to_owned(), HashMap::new())]);
        for (name, table) in information_schema::tables(&self.database, self.only_reads, tables)? {
            schemas.entry(INFORMATION.to_owned()).or_default().insert(name.to_owned(), table);
        }
        for Table { schema, name, columns, query } in tables {
            let columns = seen(columns);
            let table: Arc<dyn TableProvider> = match query {
                Some(query) => view_without_rows(columns, query)?,
                None => Arc::new(EmptyTable::new(columns)),
            };
            // A project of that name is asked for with its namespace.
            if schema != INFORMATION && schema != SYSTEM {
                schemas.entry(schema.clone()).or_default().insert(name.clone(), table);
            }
        }
        for gone in self.datasets.schema_names() {
            if gone != SYSTEM && !schemas.contains_key(&gone) {
                self.datasets.deregister_schema(&gone, true)?;
            }
        }
        for (schema, tables) in schemas {
            let provider = MemorySchemaProvider::new();
            for (name, table) in tables {
                provider.register_table(name, table)?;
            }
            self.datasets.register_schema(&schema, Arc::new(provider))?;
        }
        Ok(())
    }
}

/// The plan whose parameters have types and nothing else: one that is compared with a schema's number and with another
/// would be of two kinds.
fn with_plain_parameters(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plain = |expr: Expr| match expr {
        Expr::Placeholder(Placeholder { id, field: Some(field) })
            if !field.metadata().is_empty() =>
        {
            let field = Some(Arc::new(field.as_ref().clone().with_metadata(HashMap::new())));
            Ok(Transformed::yes(Expr::Placeholder(Placeholder { id, field })))
        }
        expr => Ok(Transformed::no(expr)),
    };
    let plan = plan.transform_up_with_subqueries(|step| {
        step.map_expressions(|expr| expr.transform_up(plain))
    })?;
    Ok(plan.data)
}

/// What `pg_class` takes for a view.
fn view_without_rows(columns: SchemaRef, query: &str) -> Result<Arc<dyn TableProvider>> {
    let schema = columns.to_dfschema_ref()?;
    let rows = LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema });
    Ok(Arc::new(ViewTable::new(rows, Some(query.to_owned()))))
}

/// Columns as they are sent, of which some are never null.
fn seen(columns: &Schema) -> SchemaRef {
    let sent = wire_schema(columns);
    let both = columns.fields().iter().zip(sent.fields());
    let field = |(own, sent): (&FieldRef, &FieldRef)| {
        sent.as_ref().clone().with_nullable(own.is_nullable())
    };
    Arc::new(Schema::new(both.map(field).collect::<Vec<_>>()))
}
