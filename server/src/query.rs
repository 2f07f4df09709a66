//! [`Planned`]: a statement that reads, planned over the datasets or over `pg_catalog`.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ParamValues;
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as Parsed;
use engine::{Chain, Progress};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use sql::Statement;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinSet;

use crate::client_facts::ClientFacts;
use crate::names::{PUBLIC, Reading, without_public};
use crate::service::{Service, on, panicked};
use crate::{Error, Result};

/// Rows on their way to a client; dropping it stops the query.
pub(crate) type Batches = BoxStream<'static, Result<RecordBatch>>;

/// A statement as a client sends it.
#[derive(Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) text: &'a str,
    /// What the client calls itself.
    pub(crate) user: &'a str,
    /// The types of `$1`, `$2`, …, where the client says them.
    pub(crate) types: &'a [Option<DataType>],
}

/// A query that can be run, perhaps with values for its parameters.
#[derive(Clone)]
pub(crate) enum Planned {
    /// Over datasets.
    Data(Chain),
    /// Over the names and columns of datasets.
    Catalog(Arc<SessionState>, LogicalPlan),
}

impl Planned {
    /// Plans one statement of a user.
    pub(crate) async fn of(service: &Arc<Service>, sent: Sent<'_>) -> Result<Self> {
        let (shared, sent) = (Arc::clone(service), Kept::of(sent));
        on(&service.engine, async move { Self::anywhere(&shared, sent.sent()).await }).await
    }

    /// Plans one statement over datasets.
    pub(crate) async fn of_data(service: &Arc<Service>, sent: Sent<'_>) -> Result<Self> {
        let (shared, sent) = (Arc::clone(service), Kept::of(sent));
        on(&service.engine, async move { Self::data(&shared, sent.sent()).await }).await
    }

    async fn anywhere(service: &Service, sent: Sent<'_>) -> Result<Self> {
        let Sent { text, user, .. } = sent;
        let catalog = &service.catalog_session;
        let is_system = |table: &str| catalog.has_system_table(table);
        let reading = sql::parsed(text).ok().and_then(|parsed| Reading::of(&parsed, is_system));
        match reading {
            Some(Reading { datasets: true, catalog: true }) => Err(Error::refused(
                "0A000",
                "datasets and tables of `pg_catalog` or `information_schema` are not read by one statement; \
                 hint: two statements",
            )),
            Some(Reading { datasets: true, .. }) => Self::data(service, sent).await,
            Some(Reading { catalog: true, .. }) => catalog.plan(&service.session, text, user).await,
            // Only the engine has its functions, only `pg_catalog` knows its own, and errors are best in our words.
            _ => match Self::data(service, sent).await {
                Ok(planned) => Ok(planned),
                Err(error) => match catalog.plan(&service.session, text, user).await {
                    Ok(planned) => Ok(planned),
                    Err(_) => Err(error),
                },
            },
        }
    }

    async fn data(service: &Service, sent: Sent<'_>) -> Result<Self> {
        let statement = statement(service, sent)?;
        Ok(Self::Data(sql::prepare_as(&service.session, &statement, sent.types).await?))
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

    /// Runs it. What goes wrong at the start comes as the first batch.
    pub(crate) fn run(&self, service: &Service) -> Batches {
        let (sender, receiver) = channel(1);
        let planned = self.clone();
        let mut task = JoinSet::new();
        let run = async move {
            match planned.start().await {
                Ok(batches) => pump(batches, &sender).await,
                // A client that is gone need not know.
                Err(error) => drop(sender.send(Err(error)).await),
            }
        };
        task.spawn_on(run, &service.engine);
        let batches = stream::unfold((receiver, task), |(mut receiver, mut task)| async move {
            let batch = match receiver.recv().await {
                Some(batch) => batch,
                None => Err(panicked(&task.join_next().await?.err()?)),
            };
            Some((batch, (receiver, task)))
        });
        service.limits.within(batches.boxed())
    }

    async fn start(self) -> Result<Batches> {
        match self {
            Self::Data(chain) => {
                let (_, batches) = chain.stream(&Arc::<Progress>::default()).await?;
                Ok(batches.map_err(Error::from).boxed())
            }
            Self::Catalog(state, plan) => {
                let frame = DataFrame::new(state.as_ref().clone(), plan);
                Ok(frame.execute_stream().await?.map_err(Error::from).boxed())
            }
        }
    }
}

/// A statement over datasets, with the names that these have outside of a server, and with what it asks about its user.
pub(crate) fn statement(service: &Service, sent: Sent<'_>) -> Result<Statement> {
    let Sent { text, user, .. } = sent;
    let database = service.catalog_session.database();
    let mut parsed = sql::parsed(text)?;
    without_public(&mut parsed, database);
    if let Parsed::Statement(inner) = &mut parsed {
        ClientFacts { user, database, schema: PUBLIC, pid: None }.tell(inner);
    }
    Ok(Statement::of(text, parsed)?)
}

/// [`Sent`] for another thread.
struct Kept {
    text: String,
    user: String,
    types: Vec<Option<DataType>>,
}

impl Kept {
    fn of(sent: Sent<'_>) -> Self {
        let Sent { text, user, types } = sent;
        Self { text: text.to_owned(), user: user.to_owned(), types: types.to_vec() }
    }

    fn sent(&self) -> Sent<'_> {
        Sent { text: &self.text, user: &self.user, types: &self.types }
    }
}

/// Hands batches on, as long as somebody takes them.
pub(crate) async fn pump(mut batches: Batches, sender: &Sender<Result<RecordBatch>>) {
    while let Some(batch) = batches.next().await {
        let is_last = batch.is_err();
        if sender.send(batch).await.is_err() || is_last {
            return;
        }
    }
}
