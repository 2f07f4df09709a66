//! [`Service`]: what all connections of a server share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::Session;
use pgwire::api::RandomPidSecretKeyGenerator;
use pgwire::messages::startup::SecretKey;
use tokio::sync::{Semaphore, watch};

use crate::Result;
use crate::catalog_session::CatalogSession;
use crate::limits::{Limits, Phase, Stop};

/// The session, the names of its datasets, and who is connected.
pub(crate) struct Service {
    pub(crate) session: Arc<Session>,
    pub(crate) catalog_session: CatalogSession,
    pub(crate) limits: Limits,
    pub(crate) token: String,
    pub(crate) phase: watch::Receiver<Phase>,
    /// One for each client of PostgreSQL, or statement of Flight SQL.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) keys: RandomPidSecretKeyGenerator,
    clients: Mutex<HashMap<i32, (SecretKey, Stop)>>,
}

impl Service {
    pub(crate) fn try_new(
        session: Arc<Session>,
        limits: Limits,
        token: String,
        phase: watch::Receiver<Phase>,
    ) -> Result<Self> {
        Ok(Self {
            catalog_session: CatalogSession::try_new()?,
            places: Arc::new(Semaphore::new(limits.max_connections)),
            session,
            limits,
            token,
            phase,
            keys: RandomPidSecretKeyGenerator::default(),
            clients: Mutex::default(),
        })
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
