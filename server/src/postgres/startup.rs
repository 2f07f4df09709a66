//! [`Startup`]: who may come in. The password is the server's token, told apart by SCRAM; `CancelRequest` needs none.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{Sink, SinkExt};
use pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, ScramAuth, gen_salted_password};
use pgwire::api::auth::sasl::{SASLState, SCRAM_SHA_256_METHOD};
use pgwire::api::auth::{
    AuthSource, DefaultServerParameterProvider, LoginInfo, Password, StartupHandler,
    finish_authentication, protocol_negotiation, save_startup_parameters_to_metadata,
};
use pgwire::api::cancel::CancelHandler;
use pgwire::api::{ClientInfo, PgWireConnectionState};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::cancel::CancelRequest;
use pgwire::messages::startup::{Authentication, PasswordMessageFamily, Startup as StartupMessage};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::sync::Mutex;

use crate::constant_functions::POSTGRES_VERSION;
use crate::options::random;
use crate::postgres::connection::{Connection, fatal, reported};

/// Lets one client in.
pub(crate) struct Startup {
    connection: Arc<Connection>,
    parameters: DefaultServerParameterProvider,
    scram: ScramAuth,
    state: Mutex<SASLState>,
}

impl Startup {
    pub(crate) fn new(connection: &Arc<Connection>) -> Self {
        let mut parameters = DefaultServerParameterProvider::default();
        parameters.server_version =
            format!("{POSTGRES_VERSION} (lakebed {})", env!("CARGO_PKG_VERSION"));
        parameters.is_superuser = false;
        parameters.default_transaction_read_only = connection.service.write.is_none();
        parameters.date_style = "ISO, MDY".to_owned();
        parameters.time_zone = "UTC".to_owned();
        let token = connection.service.token.clone();
        let scram = ScramAuth::new(Arc::new(Token(token)));
        let state = Mutex::new(SASLState::Initial);
        Self { connection: Arc::clone(connection), parameters, scram, state }
    }

    /// What the client asks for beside its name.
    fn check<C: ClientInfo>(&self, client: &C, startup: &StartupMessage) -> PgWireResult<()> {
        if self.connection.needs_tls && !client.is_secure() {
            return Err(fatal(
                "28000",
                "this server takes only connections with TLS: sslmode=require",
            ));
        }
        if let Some(user) = startup.parameters.get("user") {
            self.connection.is_of(user);
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

    /// One step of the exchange. `pgwire`'s own cannot turn a client away that has said the password.
    async fn on_password<C>(
        &self,
        client: &mut C,
        message: PasswordMessageFamily,
    ) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let mut state = self.state.lock().await;
        let message = match *state {
            SASLState::Initial => {
                let first = message.into_sasl_initial_response()?;
                if first.auth_method != SCRAM_SHA_256_METHOD {
                    return Err(PgWireError::UnsupportedSASLAuthMethod(first.auth_method));
                }
                *state = SASLState::ScramClientFirstReceived;
                PasswordMessageFamily::SASLInitialResponse(first)
            }
            _ => PasswordMessageFamily::SASLResponse(message.into_sasl_response()?),
        };
        let (answer, next) = self.scram.process_scram_message(client, message, &state).await?;
        let is_right = matches!(next, SASLState::Finished);
        if is_right {
            let (pid, key) = self.connection.admit(client)?;
            client.set_pid_and_secret_key(pid, key);
        }
        *state = next;
        client.send(PgWireBackendMessage::Authentication(answer)).await?;
        if is_right {
            finish_authentication(client, &self.parameters).await?;
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
        match message {
            PgWireFrontendMessage::Startup(startup) => {
                self.check(client, &startup)?;
                protocol_negotiation(client, &startup).await?;
                save_startup_parameters_to_metadata(client, &startup);
                client.set_state(PgWireConnectionState::AuthenticationInProgress);
                let known = Authentication::SASL(vec![SCRAM_SHA_256_METHOD.to_owned()]);
                client.send(PgWireBackendMessage::Authentication(known)).await?;
                Ok(())
            }
            PgWireFrontendMessage::PasswordMessageFamily(message) => {
                self.on_password(client, message).await
            }
            _ => Ok(()),
        }
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
