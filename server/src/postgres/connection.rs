//! [`Connection`]: what the handlers of one client share.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use pgwire::api::{ClientInfo, PidSecretKeyGenerator};
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::PgWireFrontendMessage;
use pgwire::messages::startup::SecretKey;

use crate::Error;
use crate::limits::Stop;
use crate::postgres::settings::Settings;
use crate::service::Service;

/// No client has this number.
const NOBODY: i32 = 0;

/// One client, with settings of its own.
pub(crate) struct Connection {
    pub(crate) service: Arc<Service>,
    pub(crate) settings: Settings,
    pub(crate) stop: Stop,
    /// Whether it has to use TLS.
    pub(crate) needs_tls: bool,
    /// Whether there are too many clients already.
    pub(crate) is_one_too_many: bool,
    pid: AtomicI32,
}

impl Connection {
    #[expect(
        clippy::fn_params_excessive_bools,
        reason = "two facts of a connection, told apart by name"
    )]
    pub(crate) fn new(service: Arc<Service>, needs_tls: bool, is_one_too_many: bool) -> Self {
        let settings = Settings::new(service.limits.statement_timeout);
        let stop = Stop::new(service.phase.clone());
        Self { service, settings, stop, needs_tls, is_one_too_many, pid: AtomicI32::new(NOBODY) }
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

    /// Ends when what the client asked for has to end.
    pub(crate) async fn interrupted(&self) -> PgWireError {
        reported(&self.stop.fired(self.settings.statement_timeout()).await)
    }

    pub(crate) fn leave(&self) {
        self.service.leave(self.pid.load(Ordering::Acquire));
    }
}

/// Asked for when the password was right, and at no other time.
impl PidSecretKeyGenerator for Connection {
    fn generate(&self, client: &dyn ClientInfo) -> (i32, SecretKey) {
        let (pid, key) = self.service.keys.generate(client);
        self.service.enter(pid, key.clone(), self.stop.clone());
        self.pid.store(pid, Ordering::Release);
        (pid, key)
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
