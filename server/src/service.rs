//! [`Service`]: what all connections of a server share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use catalog::JobId;
use engine::Session;
use pgwire::api::RandomPidSecretKeyGenerator;
use pgwire::messages::startup::SecretKey;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};

use crate::catalog_session::{CatalogSession, Table};
use crate::limits::{Limits, Phase, Stop};
use crate::options::Options;
use crate::{Error, Result};

/// The session, the names of its datasets, and who is connected.
pub(crate) struct Service {
    pub(crate) session: Arc<Session>,
    pub(crate) catalog_session: CatalogSession,
    pub(crate) limits: Limits,
    pub(crate) token: String,
    /// The job of versions that statements make; none where they only read.
    pub(crate) write: Option<JobId>,
    pub(crate) phase: watch::Receiver<Phase>,
    /// Where queries are planned and run: a query may hold its thread for long.
    pub(crate) engine: Handle,
    /// One for each client of PostgreSQL, or statement of Flight SQL.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) keys: RandomPidSecretKeyGenerator,
    clients: Mutex<HashMap<i32, (SecretKey, Stop)>>,
}

impl Service {
    pub(crate) fn try_new(
        session: Arc<Session>,
        options: &Options,
        token: String,
        phase: watch::Receiver<Phase>,
    ) -> Result<Self> {
        let (limits, write) = (options.limits.clone(), options.write.clone());
        Ok(Self {
            catalog_session: CatalogSession::try_new(write.is_none())?,
            places: Arc::new(Semaphore::new(limits.max_connections)),
            session,
            limits,
            token,
            write,
            phase,
            engine: Handle::current(),
            keys: RandomPidSecretKeyGenerator::default(),
            clients: Mutex::default(),
        })
    }

    /// The datasets and the views, by schema and name.
    pub(crate) async fn tables(self: &Arc<Self>) -> Result<Vec<Table>> {
        let service = Arc::clone(self);
        let tables = async move { service.catalog_session.tables(&service.session).await };
        on(&self.engine, tables).await
    }

    /// Remembers by which key a client stops its statements.
    pub(crate) fn enter(&self, pid: i32, key: SecretKey, stop: Stop) {
        self.clients().insert(pid, (key, stop));
    }

    pub(crate) fn leave(&self, pid: i32) {
        self.clients().remove(&pid);
    }

    /// Stops what a client runs, for who knows its key.
    pub(crate) fn cancel(&self, pid: i32, key: &SecretKey) {
        if let Some((known, stop)) = self.clients().get(&pid)
            && known.eq_value(key)
        {
            stop.ask();
        }
    }

    /// Whether a client has the token; how long it takes to tell says nothing.
    pub(crate) fn is_token(&self, given: &[u8]) -> bool {
        let token = self.token.as_bytes();
        let differs = token.iter().zip(given).fold(0, |found, (a, b)| found | (a ^ b));
        token.len() == given.len() && differs == 0
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<i32, (SecretKey, Stop)>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a task on the threads of a runtime. It ends when nobody waits for it.
pub(crate) async fn on<T: Send + 'static>(
    runtime: &Handle,
    task: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let mut tasks = JoinSet::new();
    tasks.spawn_on(task, runtime);
    match tasks.join_next().await {
        Some(Ok(outcome)) => outcome,
        Some(Err(stopped)) => Err(panicked(&stopped)),
        None => Err(Error::refused("XX000", "the server stops")),
    }
}

/// A task that came to no end: nothing that a client did.
pub(crate) fn panicked(stopped: &JoinError) -> Error {
    Error::refused("XX000", format!("internal error, please report it: {stopped}"))
}
