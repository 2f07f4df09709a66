//! The tables `lakebed.…` and `information_schema.…`: what the catalog knows, as rows, to be read only.
//!
//! They hide projects that are called so; datasets in those are written with their namespace.

mod catalog_tables;
mod information;
mod rows;

use std::sync::Arc;

use engine::{Chain, Session};

use crate::{Error, Result};

pub use information::views_and_columns;
pub(crate) use rows::Rows;

const LAKEBED: &str = "lakebed";
const INFORMATION: &str = "information_schema";

/// What reads one of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Statement,
    /// It sees no columns of views, of which it may be one.
    View,
}

/// Whether tables of a schema are ours.
pub(crate) fn is_system(namespace: Option<&str>, schema: &str) -> bool {
    namespace.is_none() && (schema == LAKEBED || schema.eq_ignore_ascii_case(INFORMATION))
}

/// One of the tables.
pub(crate) async fn table(
    session: &Arc<Session>,
    schema: &str,
    name: &str,
    reader: Reader,
) -> Result<Chain> {
    let rows = match schema == LAKEBED {
        true => catalog_tables::named(session, name).await?,
        false => information::named(session, &name.to_lowercase(), reader).await?,
    };
    rows.into_chain(session)
}

fn unknown(schema: &str, name: &str, known: &[(&str, Rows)]) -> Error {
    let known: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let known = known.join("`, `");
    Error::Plan { reason: format!("unknown table `{schema}.{name}`; there are `{known}`") }
}
