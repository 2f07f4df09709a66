//! Servers of SQL: PostgreSQL's protocol and Arrow Flight SQL over one [`engine::Session`].
//!
//! [`Server::start`] listens, [`Server::stop`] ends it. Both protocols plan with [`sql`] ([`query`]), know the datasets
//! as tables ([`catalog_session`]), ask every client for the same token, and keep the same [`Limits`]. Statements
//! only read, unless [`Options::write`] says otherwise ([`write`]).
//!
//! What it is not: it runs no query itself, and it knows nothing of Python.

mod catalog_functions;
mod catalog_session;
mod client_facts;
mod constant_functions;
mod dialect;
mod error;
mod flight;
mod information_schema;
mod limits;
mod mended_tables;
mod names;
mod options;
mod postgres;
mod query;
mod relations;
mod search_path;
mod server;
mod service;
mod system_views;
mod text;
mod view_texts;
mod write;

pub use error::{Error, Result};
pub use limits::Limits;
pub use options::{Options, Tls};
pub use server::Server;
