//! [`Server`]: what listens, and its end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::Session;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::flight::{router, serve as flight_clients};
use crate::limits::Phase;
use crate::options::{Certified, Options};
use crate::postgres::serve as postgres_clients;
use crate::service::{Service, on};
use crate::{Error, Result};

/// How long running statements may go on once the server ends.
const MOMENT: Duration = Duration::from_secs(5);

/// How long it may take to tell clients that they were stopped.
const FAREWELL: Duration = Duration::from_secs(2);

/// Plans are walked by recursion, also when they are given up.
const STACK_BYTES: usize = 32 << 20;

/// A server that runs until it is stopped or dropped.
pub struct Server {
    postgres: Option<SocketAddr>,
    flight: Option<SocketAddr>,
    token: String,
    phase: watch::Sender<Phase>,
    tasks: Arc<Mutex<JoinSet<()>>>,
    lines: Lines,
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
    /// Listens. Queries run on the runtime that this is called in; a thread of the server's own hears its clients.
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
        let service = Service::try_new(session, &options, token.clone(), phases)?;
        let (service, options) = (Arc::new(service), Arc::new(options));
        let lines = Lines::open()?;
        let runtime = lines.handle()?;
        let (mut tasks, mut postgres, mut flight) = (JoinSet::new(), None, None);
        if let Some(address) = &options.postgres {
            let (listener, bound) = listen(&runtime, &options, address).await?;
            let tls = certified.as_ref().map(|certified| certified.postgres.clone());
            tasks.spawn_on(postgres_clients(listener, tls, Arc::clone(&service)), &runtime);
            postgres = Some(bound);
        }
        if let Some(address) = &options.flight {
            let (listener, bound) = listen(&runtime, &options, address).await?;
            let router = router(certified.map(|certified| certified.flight), &service)?;
            tasks.spawn_on(flight_clients(listener, router, service), &runtime);
            flight = Some(bound);
        }
        let tasks = Arc::new(Mutex::new(tasks));
        Ok(Self { postgres, flight, token, phase, tasks, lines })
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
        let Ok(runtime) = self.lines.handle() else {
            return;
        };
        let (tasks, phase) = (Arc::clone(&self.tasks), self.phase.clone());
        // WHY: there, where time passes whatever queries do.
        drop(on(&runtime, end(tasks, phase)).await);
    }
}

async fn end(tasks: Arc<Mutex<JoinSet<()>>>, phase: watch::Sender<Phase>) -> Result<()> {
    let mut tasks = tasks.lock().await;
    phase.send_replace(Phase::Ending);
    let ended = timeout(MOMENT, async { while tasks.join_next().await.is_some() {} }).await;
    phase.send_replace(Phase::Ended);
    if ended.is_err() {
        // What does not even end now is aborted.
        drop(timeout(FAREWELL, async { while tasks.join_next().await.is_some() {} }).await);
    }
    tasks.shutdown().await;
    Ok(())
}

async fn listen(
    runtime: &Handle,
    options: &Arc<Options>,
    address: &str,
) -> Result<(TcpListener, SocketAddr)> {
    let (options, address) = (Arc::clone(options), address.to_owned());
    on(runtime, async move { options.listen(&address).await }).await
}

/// The thread that hears and answers clients: it has time for them whatever queries do on theirs.
struct Lines(Option<Runtime>);

impl Lines {
    fn open() -> Result<Self> {
        let mut threads = Builder::new_multi_thread();
        threads.worker_threads(1).thread_name("lakebed-serve").thread_stack_size(STACK_BYTES);
        let failed = |error| Error::Options { what: format!("cannot start a thread: {error}") };
        Ok(Self(Some(threads.enable_all().build().map_err(failed)?)))
    }

    fn handle(&self) -> Result<Handle> {
        let gone = || Error::Options { what: "the server is gone".to_owned() };
        self.0.as_ref().map(|runtime| runtime.handle().clone()).ok_or_else(gone)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // WHY: to wait for it is not allowed in a task.
            runtime.shutdown_background();
        }
    }
}
