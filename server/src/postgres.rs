//! PostgreSQL's protocol: takes clients, and reads and answers their messages.
//!
//! `pgwire` has the messages and their order. Ours is the loop around it: nobody is heard before the password, a
//! message has a size, and whatever takes too long is dropped where it stands, be it a plan, a row or a client that
//! does not read.

mod connection;
mod prepared;
mod queries;
mod settings;
mod startup;
mod strangers;
mod wire;

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::StreamExt;
use pgwire::api::{ClientInfo, NoopHandler};
use pgwire::error::PgWireError;
use pgwire::messages::PgWireFrontendMessage;
use pgwire::tokio::TlsAcceptor;
use pgwire::tokio::server::{negotiate_tls, process_error, process_message};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::connection::Connection;
use self::prepared::Prepared;
use self::queries::Queries;
pub(crate) use self::settings::first_settings;
use self::startup::Startup;
use self::strangers::{Stranger, Strangers};
pub(crate) use self::wire::wire_schema;
use crate::limits::Stop;
use crate::service::Service;

/// How long it may take a client to read why it was stopped.
const FAREWELL: Duration = Duration::from_secs(2);

/// The longest message of somebody whom nobody knows.
const STRANGERS_BYTES: usize = 64 << 10;

/// The longest message of a client.
const MESSAGE_BYTES: usize = 64 << 20;

/// Serves until the server ends, and all clients are gone.
pub(crate) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, service: Arc<Service>) {
    let stop = Stop::new(service.phase.clone());
    let (mut clients, strangers) = (JoinSet::new(), Arc::<Strangers>::default());
    loop {
        tokio::select! {
            biased;
            () = stop.ending() => break,
            // A client's panic is its own.
            Some(_) = clients.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    let connection = Connection::new(Arc::clone(&service), tls.is_some());
                    clients.spawn(attend(socket, tls.clone(), connection, strangers.enter()));
                }
                // Out of file descriptors, as a rule: it passes.
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }
    drop(listener);
    while clients.join_next().await.is_some() {}
}

async fn attend(
    socket: TcpStream,
    tls: Option<TlsAcceptor>,
    connection: Connection,
    stranger: Stranger,
) {
    let connection = Arc::new(connection);
    // A client that is gone needs no answer.
    drop(Box::pin(converse(socket, tls, &connection, stranger)).await);
    connection.leave().await;
}

async fn converse(
    socket: TcpStream,
    tls: Option<TlsAcceptor>,
    connection: &Arc<Connection>,
    stranger: Stranger,
) -> io::Result<()> {
    let mut stranger = Some(stranger);
    let negotiated = tokio::select! {
        biased;
        () = Stranger::has_to_go(stranger.as_ref()) => return Ok(()),
        negotiated = negotiate_tls::<Arc<Prepared>>(socket, tls) => negotiated?,
    };
    let Some(mut socket) = negotiated else {
        return Ok(());
    };
    let startup = Arc::new(Startup::new(connection));
    let queries = Arc::new(Queries::new(connection));
    let copy = Arc::new(NoopHandler);
    loop {
        stranger = stranger.filter(|_| !connection.is_admitted());
        let most = if connection.is_admitted() { MESSAGE_BYTES } else { STRANGERS_BYTES };
        let next = poll_fn(|context| match socket.poll_next_unpin(context) {
            Poll::Pending if socket.read_buffer().len() > most => {
                let held = socket.read_buffer().len();
                Poll::Ready(Some(Err(PgWireError::MessageTooLarge(most, held))))
            }
            polled => polled,
        });
        let message = tokio::select! {
            biased;
            () = Stranger::has_to_go(stranger.as_ref()) => return Ok(()),
            () = connection.stop.ending() => Some(Err(connection::ending())),
            message = next => message,
        };
        let message = match message {
            None | Some(Ok(PgWireFrontendMessage::Terminate(_))) => return Ok(()),
            Some(Ok(message)) if connection.may_send(&message) => message,
            Some(Ok(_)) => return Ok(()),
            Some(Err(error)) => {
                return timeout(FAREWELL, process_error(&mut socket, error, false)).await?;
            }
        };
        let is_extended = message.is_extended_query();
        let (startup, queries) = (Arc::clone(&startup), Arc::clone(&queries));
        let (simple, cancel, copy) =
            (Arc::clone(&queries), Arc::clone(&startup), Arc::clone(&copy));
        let work = process_message(message, &mut socket, startup, simple, queries, copy, cancel);
        let outcome = tokio::select! {
            biased;
            () = Stranger::has_to_go(stranger.as_ref()) => return Ok(()),
            // WHY: first, for a statement that never waits leaves nothing of its turn to what comes after it.
            error = connection.interrupted() => Err(error),
            outcome = Box::pin(work) => outcome,
        };
        if let Err(error) = outcome {
            let error = connection.failed(error).await;
            let is_last = !connection.is_admitted() || connection::is_last(&error);
            // WHY: `pgwire` does not know that a `ROLLBACK` which failed ends a transaction too, nor that one begins
            // in a text that fails later.
            socket.set_transaction_status(connection.status());
            timeout(FAREWELL, process_error(&mut socket, error, is_extended)).await??;
            if is_last {
                return Ok(());
            }
        }
    }
}
