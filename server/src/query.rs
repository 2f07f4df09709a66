//! [`Planned`]: a statement that reads, planned over the datasets or over `pg_catalog`.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ParamValues;
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::LogicalPlan;
use engine::{Chain, Progress};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use crate::names::{Reading, without_public};
use crate::service::Service;
use crate::{Error, Result};

/// Rows on their way to a client; dropping it stops the query.
pub(crate) type Batches = BoxStream<'static, Result<RecordBatch>>;

/// A query that can be run, perhaps with values for its parameters.
#[derive(Clone)]
pub(crate) enum Planned {
    /// Over datasets.
    Data(Chain),
    /// Over the names and columns of datasets.
    Catalog(Arc<SessionState>, LogicalPlan),
}

impl Planned {
    /// Plans one statement.
    pub(crate) async fn of(service: &Service, text: &str) -> Result<Self> {
        let catalog = &service.catalog_session;
        match Reading::of(text, |table| catalog.has_system_table(table)) {
            Some(Reading { datasets: true, catalog: true }) => Err(Error::refused(
                "0A000",
                "datasets and tables of `pg_catalog` or `information_schema` are not read by one statement; \
                 hint: two statements",
            )),
            Some(Reading { datasets: true, .. }) => Self::data(service, text).await,
            Some(Reading { catalog: true, .. }) => catalog.plan(&service.session, text).await,
            // Only `pg_catalog` knows `version()`, only the engine has its functions, and errors are best in our words.
            _ => match catalog.plan(&service.session, text).await {
                Ok(planned) => Ok(planned),
                Err(_) => Self::data(service, text).await,
            },
        }
    }

    async fn data(service: &Service, text: &str) -> Result<Self> {
        let text = without_public(text, service.catalog_session.database());
        Ok(Self::Data(sql::query(&service.session, &text).await?))
    }

    fn plan(&self) -> &LogicalPlan {
        match self {
            Self::Data(chain) => chain.plan(),
            Self::Catalog(_, plan) => plan,
        }
    }

    /// The columns.
    pub(crate) fn schema(&self) -> SchemaRef {
        match self {
            Self::Data(chain) => chain.schema(),
            Self::Catalog(_, plan) => Arc::new(plan.schema().as_arrow().clone()),
        }
    }

    /// The types of `$1`, `$2`, …, where the text tells them.
    pub(crate) fn parameters(&self) -> Result<Vec<Option<DataType>>> {
        let found = self.plan().get_parameter_types()?;
        let number =
            |name: &str| name.strip_prefix('$').and_then(|name| name.parse::<usize>().ok());
        let count = found.keys().filter_map(|name| number(name)).max().unwrap_or_default();
        let mut types = vec![None; count];
        for (name, kind) in found {
            if let Some(number @ 1..) = number(&name) {
                types[number - 1] = kind;
            }
        }
        Ok(types)
    }

    /// The query with values for its parameters.
    pub(crate) fn with(&self, values: ParamValues) -> Result<Self> {
        let plan = self.plan().clone().with_param_values(values)?;
        match self {
            Self::Data(chain) => {
                let state = chain.session().state();
                let options = state.config_options();
                let plan = state.analyzer().execute_and_check(plan, options, |_, _| {})?;
                let chains = [chain.clone()];
                Ok(Self::Data(Chain::from_plan(Arc::clone(chain.session()), plan, &chains)))
            }
            Self::Catalog(state, _) => Ok(Self::Catalog(Arc::clone(state), plan)),
        }
    }

    /// Starts it.
    pub(crate) async fn run(&self, service: &Service) -> Result<Batches> {
        let batches: Batches = match self {
            Self::Data(chain) => {
                let (_, batches) = chain.stream(&Arc::<Progress>::default()).await?;
                batches.map_err(Error::from).boxed()
            }
            Self::Catalog(state, plan) => {
                let frame = DataFrame::new(state.as_ref().clone(), plan.clone());
                frame.execute_stream().await?.map_err(Error::from).boxed()
            }
        };
        Ok(service.limits.within(batches))
    }
}
