//! [`Connection`]: what the handlers of one client share.

use std::borrow::Cow;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};

use pgwire::api::{ClientInfo, PidSecretKeyGenerator};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::PgWireFrontendMessage;
use pgwire::messages::response::TransactionStatus;
use pgwire::messages::startup::SecretKey;
use tokio::sync::OwnedSemaphorePermit;

use crate::client_facts::ClientFacts;
use crate::limits::Stop;
use crate::names::PUBLIC;
use crate::postgres::settings::Settings;
use crate::service::Service;
use crate::write::{Extent, Transaction};
use crate::{Error, Result};

/// No client has this number.
const NOBODY: i32 = 0;

/// One client, with settings of its own.
pub(crate) struct Connection {
    pub(crate) service: Arc<Service>,
    pub(crate) settings: Settings,
    pub(crate) stop: Stop,
    /// Whether it has to use TLS.
    pub(crate) needs_tls: bool,
    /// What it may take back.
    pub(crate) transaction: Transaction,
    user: OnceLock<String>,
    pid: AtomicI32,
    /// One of those that there are, from the password on.
    place: OnceLock<OwnedSemaphorePermit>,
}

impl Connection {
    pub(crate) fn new(service: Arc<Service>, needs_tls: bool) -> Self {
        let settings = Settings::new(service.limits.statement_timeout, service.write.is_none());
        let stop = Stop::new(service.phase.clone());
        Self {
            service,
            settings,
            stop,
            needs_tls,
            transaction: Transaction::default(),
            user: OnceLock::new(),
            pid: AtomicI32::new(NOBODY),
            place: OnceLock::new(),
        }
    }

    /// What the client calls itself.
    pub(crate) fn user(&self) -> &str {
        self.user.get().map_or("lakebed", String::as_str)
    }

    /// Remembers what the client calls itself.
    pub(crate) fn is_of(&self, user: &str) {
        self.user.get_or_init(|| user.to_owned());
    }

    /// A statement whose names say what the client's search path says for them.
    pub(crate) async fn in_path<'t>(&self, text: &'t str) -> Result<Cow<'t, str>> {
        let database = self.service.catalog_session.database();
        let pid = Some(self.pid.load(Ordering::Acquire));
        let facts = ClientFacts { user: self.user(), database, schema: PUBLIC, pid };
        match self.settings.search_path() {
            Some(path) => Ok(path.applied(text, &self.service.tables().await?, facts)),
            // The rest is told where the statement is planned.
            None if text.contains("pg_backend_pid") => Ok(facts.told(text)),
            None => Ok(Cow::Borrowed(text)),
        }
    }

    /// Lets the client in, which has said the password, unless there are too many.
    pub(crate) fn admit(&self, client: &dyn ClientInfo) -> PgWireResult<(i32, SecretKey)> {
        let Ok(place) = Arc::clone(&self.service.places).try_acquire_owned() else {
            let most = self.service.limits.max_connections;
            return Err(fatal("53300", &format!("too many clients: this server takes {most}")));
        };
        self.place.get_or_init(|| place);
        let (pid, key) = self.service.keys.generate(client);
        self.service.enter(pid, key.clone(), self.stop.clone());
        self.pid.store(pid, Ordering::Release);
        Ok((pid, key))
    }

    /// Whether the client has said the password.
    pub(crate) fn is_admitted(&self) -> bool {
        self.pid.load(Ordering::Acquire) != NOBODY
    }

    /// Whether a client may send it: before the password only what leads to it.
    pub(crate) fn may_send(&self, message: &PgWireFrontendMessage) -> bool {
        let is_for_strangers = matches!(
            message,
            PgWireFrontendMessage::SslNegotiation(_)
                | PgWireFrontendMessage::Startup(_)
                | PgWireFrontendMessage::CancelRequest(_)
                | PgWireFrontendMessage::PasswordMessageFamily(_)
        );
        is_for_strangers || self.is_admitted()
    }

    /// Whether what the client asks for now may only read.
    pub(crate) fn only_reads(&self) -> bool {
        let default = || self.settings.only_reads();
        self.settings.may_not_write() || self.transaction.only_reads().unwrap_or_else(default)
    }

    /// What a client is in after a failure, before it is told of that.
    pub(crate) fn status(&self) -> TransactionStatus {
        match self.transaction.extent() {
            Extent::Open => TransactionStatus::Transaction,
            _ => TransactionStatus::Idle,
        }
    }

    /// Ends when what the client asked for has to end.
    pub(crate) async fn interrupted(&self) -> PgWireError {
        reported(&self.stop.fired(self.settings.statement_timeout()).await)
    }

    /// What the client is told of a failure, once what it may have written is taken back.
    pub(crate) async fn failed(&self, error: PgWireError) -> PgWireError {
        match self.transaction.fail(&self.service).await {
            Ok(()) => error,
            Err(left) => reported(&left),
        }
    }

    /// Takes back what is not to stay.
    pub(crate) async fn leave(&self) {
        // There is nobody to tell.
        drop(self.transaction.roll_back(&self.service).await);
        self.service.leave(self.pid.load(Ordering::Acquire));
    }
}

/// The error as a client is told.
pub(crate) fn reported(error: &Error) -> PgWireError {
    let text = error.to_string();
    let (what, hint) = match text.split_once("; hint: ") {
        Some((what, hint)) => (what.to_owned(), Some(hint.to_owned())),
        None => (text, None),
    };
    let mut info = ErrorInfo::new("ERROR".to_owned(), error.state().to_owned(), what);
    info.hint = hint;
    PgWireError::UserError(Box::new(info))
}

/// An error after which the connection ends.
pub(crate) fn fatal(state: &str, what: &str) -> PgWireError {
    let info = ErrorInfo::new("FATAL".to_owned(), state.to_owned(), what.to_owned());
    PgWireError::UserError(Box::new(info))
}

/// What clients without a statement are told when the server ends.
pub(crate) fn ending() -> PgWireError {
    fatal("57P01", "terminating connection: the server stops")
}

/// Whether the connection ends with it.
pub(crate) fn is_last(error: &PgWireError) -> bool {
    match error {
        PgWireError::UserError(info) => info.severity == "FATAL",
        PgWireError::IoError(_)
        | PgWireError::InvalidMessageType(_)
        | PgWireError::InvalidTargetType(_)
        | PgWireError::MessageTooLarge(..)
        | PgWireError::InvalidElementCount(..)
        | PgWireError::NotReadyForQuery => true,
        _ => false,
    }
}
