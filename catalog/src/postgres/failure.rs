//! [`Failure`]: what can go wrong inside a transaction, before it is put into words for a user.

use crate::error::Error;
use crate::name::QualifiedName;
use crate::version::VersionSpec;

use super::Place;

/// Two transactions were not as one after the other; they waited for each other; both made the same
/// row.
const CONFLICTS: [&str; 3] = ["40001", "40P01", "23505"];

/// A failure that does not know yet what was being done, and in which database.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Already in its final form.
    #[error(transparent)]
    Catalog(#[from] Error),
    /// The driver's.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// The address is not one of a database.
    #[error("not an address of a database")]
    Address,
    /// There is no such dataset, or no such version of it; the final error lists what there is
    /// instead.
    #[error("`{name}` does not exist")]
    Missing {
        /// The dataset.
        name: QualifiedName,
        /// The version, if one was asked for.
        wanted: Option<VersionSpec>,
    },
}

impl Failure {
    /// Whether another transaction was in the way.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Sql(error) if CONFLICTS.contains(&code(error).as_str()))
    }

    /// The public error.
    pub(super) fn explain(self, doing: &str, place: &Place) -> Error {
        let (reason, retryable) = match &self {
            Self::Catalog(_) | Self::Missing { .. } => ("", false),
            Self::Address => (
                "the address should be like `postgresql://user:password@host:5432/database`",
                false,
            ),
            Self::Sql(error) => explain_sql(error),
        };
        let what = format!("cannot {doing}: {reason}: {place}");
        match self {
            Self::Catalog(error) => error,
            Self::Missing { name, .. } => Error::DatasetNotFound { name, near: Vec::new() },
            Self::Sql(source @ sqlx::Error::ColumnDecode { .. }) => {
                let what = format!("cannot {doing}: a table is not as it should be: {place}");
                Error::Corrupt { what, source: source.into() }
            }
            Self::Sql(source) => Error::Store { what, retryable, source: source.into() },
            other @ Self::Address => Error::Store { what, retryable, source: other.into() },
        }
    }
}

/// Why a statement failed, and whether it may not do so later. By class of `PostgreSQL`'s codes.
fn explain_sql(error: &sqlx::Error) -> (&'static str, bool) {
    match (error, code(error).as_str()) {
        (sqlx::Error::PoolClosed, _) => ("the catalog was closed", false),
        (sqlx::Error::PoolTimedOut, _) => ("no connection became free in time", true),
        (sqlx::Error::Io(_), _) => ("the server cannot be reached", true),
        (sqlx::Error::Tls(_), _) => ("no secure connection can be made", false),
        (_, "40001" | "40P01" | "23505") => ("other writers were faster each time", true),
        (_, "3D000") => ("the database does not exist", false),
        (_, "42501" | "25006") => ("its user may not write there", false),
        (_, "53100") => ("the server's disk is full", false),
        (_, code) if code.starts_with("28") => ("the server refuses the user or password", false),
        (_, code) if code.starts_with("53") => ("the server is at its limits", true),
        (_, code) if code.starts_with("57P") => ("the server is going down or coming up", true),
        (_, code) if code.starts_with("08") => ("the connection was lost", true),
        _ => ("its server failed", false),
    }
}

/// `PostgreSQL`'s code, or nothing.
fn code(error: &sqlx::Error) -> String {
    let code = error.as_database_error().and_then(|error| error.code());
    code.map(|code| code.into_owned()).unwrap_or_default()
}
