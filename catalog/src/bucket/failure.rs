//! [`Failure`]: what can go wrong with objects, before it is put into words for a user.

use std::{error, fmt};

use crate::error::Error;
use crate::name::QualifiedName;
use crate::version::VersionSpec;

/// A failure that does not know yet what was being done, and in which bucket.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Already in its final form.
    #[error(transparent)]
    Catalog(#[from] Error),
    /// The bucket's.
    #[error(transparent)]
    Bucket(#[from] object_store::Error),
    /// Other writers were faster, again and again.
    #[error("other writers were faster each time")]
    Busy,
    /// The bucket ignores the conditions of a write, or knows none.
    #[error("a conditional write was not treated as one")]
    Unconditional,
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
    /// The public error.
    pub(super) fn explain(self, doing: &str, place: &impl fmt::Display) -> Error {
        let (reason, retryable) = match &self {
            Self::Busy => ("other writers were faster each time", true),
            Self::Unconditional => (
                "the bucket ignores conditional writes, so that writers would overwrite each other's versions; \
                 hint: use a bucket that honours `If-None-Match` and `If-Match`, or a catalog in PostgreSQL",
                false,
            ),
            Self::Bucket(error) => explain_bucket(error),
            Self::Catalog(_) | Self::Missing { .. } => ("", false),
        };
        let what = format!("cannot {doing}: {reason}: {place}");
        match self {
            Self::Catalog(error) => error,
            Self::Missing { name, .. } => Error::DatasetNotFound { name, near: Vec::new() },
            Self::Bucket(source) => Error::Store { what, retryable, source: source.into() },
            other => Error::Store { what, retryable, source: other.into() },
        }
    }
}

/// Why a bucket failed, and whether it may not do so later.
fn explain_bucket(error: &object_store::Error) -> (&'static str, bool) {
    match error {
        object_store::Error::NotFound { .. } => ("the bucket does not exist", false),
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => ("the bucket denies access", false),
        object_store::Error::Generic { source, .. } => match status(source.as_ref()) {
            Some(404) => ("the bucket does not exist", false),
            Some(400..=407 | 409..=428) => ("the bucket refuses the request", false),
            _ => ("the bucket cannot be reached, or failed", true),
        },
        _ => ("the bucket cannot do it", false),
    }
}

/// The status of an answer.
// WHY: from its text, because the client keeps the error that holds it to itself.
fn status(error: &(dyn error::Error + 'static)) -> Option<u16> {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let told = innermost.to_string();
    let (_, after) = told.split_once("status code: ")?;
    after.get(..3)?.parse().ok()
}
