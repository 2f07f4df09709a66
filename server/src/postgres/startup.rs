//! [`Startup`]: who may come in. The password is the server's token, told apart by SCRAM; `CancelRequest` needs none.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::Sink;
use pgwire::api::auth::sasl::SASLAuthStartupHandler;
use pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, ScramAuth, gen_salted_password};
use pgwire::api::auth::{
    AuthSource, DefaultServerParameterProvider, LoginInfo, Password, StartupHandler,
};
use pgwire::api::cancel::CancelHandler;
use pgwire::api::{ClientInfo, PidSecretKeyGenerator};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::cancel::CancelRequest;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};

use crate::constant_functions::POSTGRES_VERSION;
use crate::options::random;
use crate::postgres::connection::{Connection, fatal, reported};

/// Lets one client in.
pub(crate) struct Startup {
    connection: Arc<Connection>,
    password: SASLAuthStartupHandler<DefaultServerParameterProvider>,
}

impl Startup {
    pub(crate) fn new(connection: &Arc<Connection>) -> Self {
        let mut parameters = DefaultServerParameterProvider::default();
        parameters.server_version =
            format!("{POSTGRES_VERSION} (lakebed {})", env!("CARGO_PKG_VERSION"));
        parameters.is_superuser = false;
        parameters.default_transaction_read_only = true;
        parameters.date_style = "ISO, MDY".to_owned();
        parameters.time_zone = "UTC".to_owned();
        let token = connection.service.token.clone();
        let generator: Arc<dyn PidSecretKeyGenerator> = Arc::<Connection>::clone(connection);
        let password = SASLAuthStartupHandler::new(Arc::new(parameters))
            .with_scram(ScramAuth::new(Arc::new(Token(token))))
            .with_pid_secret_key_generator(generator);
        Self { connection: Arc::clone(connection), password }
    }

    /// What the client asks for beside its name.
    fn check<C: ClientInfo>(
        &self,
        client: &C,
        message: &PgWireFrontendMessage,
    ) -> PgWireResult<()> {
        let PgWireFrontendMessage::Startup(startup) = message else {
            return Ok(());
        };
        if self.connection.needs_tls && !client.is_secure() {
            return Err(fatal(
                "28000",
                "this server takes only connections with TLS: sslmode=require",
            ));
        }
        if self.connection.is_one_too_many {
            let most = self.connection.service.limits.max_connections;
            return Err(fatal("53300", &format!("too many clients: this server takes {most}")));
        }
        let options = startup.parameters.get("options").map_or("", String::as_str);
        for option in options.split_whitespace() {
            let option = option.trim_start_matches("--").trim_start_matches("-c");
            if let Some((name, value)) = option.split_once('=') {
                let set = self.connection.settings.set(name, value);
                set.map_err(|error| reported(&error))?;
            }
        }
        if let Some(name) = startup.parameters.get("application_name") {
            self.connection.settings.set("application_name", name).map_err(|e| reported(&e))?;
        }
        Ok(())
    }
}

#[async_trait]
impl StartupHandler for Startup {
    async fn on_startup<C>(
        &self,
        client: &mut C,
        message: PgWireFrontendMessage,
    ) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        self.check(client, &message)?;
        self.password.on_startup(client, message).await
    }
}

#[async_trait]
impl CancelHandler for Startup {
    async fn on_cancel_request(&self, request: CancelRequest) {
        self.connection.service.cancel(request.pid, &request.secret_key);
    }
}

struct Token(String);

/// Not the token.
impl Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

#[async_trait]
impl AuthSource for Token {
    async fn get_password(&self, _login: &LoginInfo) -> PgWireResult<Password> {
        let salt: [u8; 16] = random().map_err(|error| reported(&error))?;
        let salted = gen_salted_password(&self.0, &salt, SCRAM_ITERATIONS);
        Ok(Password::new(Some(salt.to_vec()), salted))
    }
}
