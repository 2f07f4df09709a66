//! [`Failure`]: what can go wrong inside a transaction, before it is put into words for a user.

use std::io;
use std::path::Path;

use crate::error::{Error, Source};
use crate::name::QualifiedName;
use crate::version::VersionSpec;

const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const NOTADB: i32 = 26;

/// A failure that does not know yet what was being done, and to which file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Already in its final form.
    #[error(transparent)]
    Catalog(#[from] Error),
    /// The driver's.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// The file system's.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The file at the path is not the one that was opened.
    #[error("the catalog is gone")]
    Gone(Source),
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
    /// Whether another process was in the way.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Sql(error) if matches!(primary_code(error), Some(BUSY | LOCKED)))
    }

    /// The public error.
    pub(super) fn explain(self, doing: &str, path: &Path) -> Error {
        match self {
            Self::Catalog(error) => error,
            Self::Missing { name, .. } => Error::DatasetNotFound { name, near: Vec::new() },
            Self::File(error) => {
                store_error(doing, "its folder cannot be created, or is read-only", false, path)(
                    error.into(),
                )
            }
            Self::Sql(error) => explain_sql(error, doing, path),
            Self::Gone(source) => {
                let what = format!(
                    "cannot {doing}: the catalog at `{}` was removed or replaced while open; hint: start a new session",
                    path.display()
                );
                Error::Store { what, retryable: false, source }
            }
        }
    }
}

fn explain_sql(error: sqlx::Error, doing: &str, path: &Path) -> Error {
    let (reason, retryable) = match (&error, primary_code(&error)) {
        (sqlx::Error::ColumnDecode { .. }, _) | (_, Some(CORRUPT | NOTADB)) => {
            let what =
                format!("cannot {doing}: the file is not a readable catalog: `{}`", path.display());
            return Error::Corrupt { what, source: error.into() };
        }
        (sqlx::Error::PoolTimedOut, _) | (_, Some(BUSY | LOCKED)) => {
            ("another process holds its lock", true)
        }
        (sqlx::Error::PoolClosed, _) => ("the catalog was closed", false),
        (_, Some(PERM | READONLY | CANTOPEN)) => {
            ("the file or its folder is missing or read-only", false)
        }
        (_, Some(FULL)) => ("the disk is full", false),
        _ => ("its store failed", false),
    };
    store_error(doing, reason, retryable, path)(error.into())
}

fn store_error(
    doing: &str,
    reason: &str,
    retryable: bool,
    path: &Path,
) -> impl FnOnce(Source) -> Error {
    let what = format!("cannot {doing}: {reason}: `{}`", path.display());
    move |source| Error::Store { what, retryable, source }
}

/// `SQLite`'s result code without its extension.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}
