//! Servers of SQL: PostgreSQL's protocol and Arrow Flight SQL over one [`engine::Session`].
//!
//! [`Server::start`] listens, [`Server::stop`] ends it. Both protocols plan with [`sql`] ([`query`]), know the datasets as
//! tables ([`catalog_session`]), ask every client for the same token, and keep the same [`Limits`]. Statements read;
//! nothing here writes.
//!
//! What it is not: it runs no query itself, and it knows nothing of Python.

mod catalog_session;
mod constant_functions;
mod error;
mod flight;
mod limits;
mod names;
mod options;
mod postgres;
mod query;
mod server;
mod service;
mod text;

pub use error::{Error, Result};
pub use limits::Limits;
pub use options::{Options, Tls};
pub use server::Server;
