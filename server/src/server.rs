//! [`Server`]: what listens, and its end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::Session;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::limits::Phase;
use crate::options::{Certified, Options};
use crate::service::Service;
use crate::{Error, Result, flight, postgres};

/// How long running statements may go on once the server ends.
const MOMENT: Duration = Duration::from_secs(5);

/// How long it may take to tell clients that they were stopped.
const FAREWELL: Duration = Duration::from_secs(2);

/// A server that runs until it is stopped or dropped.
pub struct Server {
    postgres: Option<SocketAddr>,
    flight: Option<SocketAddr>,
    token: String,
    phase: watch::Sender<Phase>,
    tasks: Mutex<JoinSet<()>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Server");
        shown
            .field("postgres", &self.postgres)
            .field("flight", &self.flight)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Listens; clients are served by tasks of the runtime that this is called in.
    ///
    /// # Errors
    /// [`Error::Options`] for options that would be unsafe or are wrong, [`Error::Listen`].
    pub async fn start(session: Arc<Session>, options: Options) -> Result<Self> {
        if options.postgres.is_none() && options.flight.is_none() {
            let what =
                "nothing to serve; hint: --postgres 127.0.0.1:5433 or --flight 127.0.0.1:50051";
            return Err(Error::Options { what: what.to_owned() });
        }
        if options.limits.max_connections == 0 {
            let what = "no client could connect: max_connections is 1 or more";
            return Err(Error::Options { what: what.to_owned() });
        }
        let token = options.token()?;
        let certified = options.tls.as_ref().map(Certified::read).transpose()?;
        let (phase, phases) = watch::channel(Phase::Open);
        let service = Service::try_new(session, options.limits.clone(), token.clone(), phases)?;
        let service = Arc::new(service);
        let mut tasks = JoinSet::new();
        let mut server =
            Self { postgres: None, flight: None, token, phase, tasks: Mutex::default() };
        if let Some(address) = &options.postgres {
            let (listener, bound) = options.listen(address).await?;
            let tls = certified.as_ref().map(|certified| certified.postgres.clone());
            tasks.spawn(postgres::serve(listener, tls, Arc::clone(&service)));
            server.postgres = Some(bound);
        }
        if let Some(address) = &options.flight {
            let (listener, bound) = options.listen(address).await?;
            let tls = certified.map(|certified| certified.flight);
            tasks.spawn(flight::serve(listener, flight::router(tls, &service)?, service));
            server.flight = Some(bound);
        }
        server.tasks = Mutex::new(tasks);
        Ok(server)
    }

    /// Where clients of PostgreSQL connect.
    #[must_use]
    pub fn postgres(&self) -> Option<SocketAddr> {
        self.postgres
    }

    /// Where clients of Flight SQL connect.
    #[must_use]
    pub fn flight(&self) -> Option<SocketAddr> {
        self.flight
    }

    /// What clients have to know: the password of any user.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Takes no more clients, gives running statements a moment, and ends them.
    pub async fn stop(&self) {
        let mut tasks = self.tasks.lock().await;
        self.phase.send_replace(Phase::Ending);
        let ended = timeout(MOMENT, async { while tasks.join_next().await.is_some() {} }).await;
        self.phase.send_replace(Phase::Ended);
        if ended.is_err() {
            // What does not even end now is aborted.
            drop(timeout(FAREWELL, async { while tasks.join_next().await.is_some() {} }).await);
        }
        tasks.shutdown().await;
    }
}
