//! What kinds of trouble a store has, told from the types of its errors: [`StorageKind`].

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, ErrorKind};

use object_store::client::{HttpError, HttpErrorKind};

use crate::Error;

/// Why a store refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StorageKind {
    /// Nothing is there.
    NotFound,
    /// Something is there already.
    Exists,
    /// The credentials or permissions do not allow it, or the place is read-only.
    Denied,
    /// Too many requests for now.
    Throttled,
    /// No answer in time, or the connection broke.
    TimedOut,
    /// No room is left.
    Full,
    /// The bytes are not what was written.
    Corrupt,
    /// None of these.
    Other,
}

impl StorageKind {
    /// Whether the same request may succeed when it is repeated.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::TimedOut)
    }

    fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::AlreadyExists => Self::Exists,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Denied,
            ErrorKind::TimedOut
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::Interrupted => Self::TimedOut,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::Full
            }
            ErrorKind::UnexpectedEof | ErrorKind::InvalidData => Self::Corrupt,
            _ => Self::Other,
        }
    }

    fn of_store(error: &object_store::Error) -> Option<Self> {
        match error {
            object_store::Error::NotFound { .. } => Some(Self::NotFound),
            object_store::Error::AlreadyExists { .. }
            | object_store::Error::Precondition { .. } => Some(Self::Exists),
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => Some(Self::Denied),
            // Its source tells.
            _ => None,
        }
    }
}

impl StorageKind {
    fn of_http(kind: HttpErrorKind) -> Self {
        match kind {
            HttpErrorKind::Connect
            | HttpErrorKind::Request
            | HttpErrorKind::Timeout
            | HttpErrorKind::Interrupted => Self::TimedOut,
            HttpErrorKind::Decode => Self::Corrupt,
            _ => Self::Other,
        }
    }

    fn of_status(status: u16) -> Option<Self> {
        match status {
            404 => Some(Self::NotFound),
            429 | 503 => Some(Self::Throttled),
            507 => Some(Self::Full),
            500..=599 | 408 => Some(Self::TimedOut),
            _ => None,
        }
    }
}

/// The kind that an error, or what caused it, has by its type; `None` if none of them is a store's.
pub(crate) fn kind_of(error: &(dyn StdError + 'static)) -> Option<StorageKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            match (StorageKind::of_io(error), error.get_ref()) {
                // Not the system's: it carries another one.
                (StorageKind::Other, Some(inner)) => return kind_of(inner),
                (kind, _) => return Some(kind),
            }
        }
        if let Some(kind) = error.downcast_ref().and_then(StorageKind::of_store) {
            return Some(kind);
        }
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return Some(StorageKind::of_http(error.kind()));
        }
        match error.source() {
            None => return status_of(&error.to_string()).and_then(StorageKind::of_status),
            source => next = source,
        }
    }
    None
}

/// A store's error.
#[derive(Debug)]
pub(crate) struct Refused(Box<dyn StdError + Send + Sync>);

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self(Box::new(error))
    }
}

impl From<object_store::Error> for Refused {
    fn from(error: object_store::Error) -> Self {
        Self(Box::new(error))
    }
}

/// The error of a place that users know by this name.
pub(crate) fn refused(
    action: &'static str,
    location: impl fmt::Display,
    error: impl Into<Refused>,
) -> Error {
    let Refused(source) = error.into();
    Error::Storage {
        action,
        location: location.to_string(),
        kind: kind_of(source.as_ref()).unwrap_or(StorageKind::Other),
        reason: reason_of(source.as_ref()),
        source: Some(source),
    }
}

/// What a bucket said about an object that users know by this name, if that is what went wrong.
pub(crate) fn of_bucket(
    action: &'static str,
    location: &str,
    error: &(dyn StdError + 'static),
) -> Option<Error> {
    let location = location.to_owned();
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        return Some(match error.downcast_ref() {
            None => continue,
            Some(object_store::Error::NotFound { .. }) => Error::PathNotFound { path: location },
            Some(object_store::Error::Precondition { .. }) => Error::FileChanged {
                path: location,
                how: "was written anew since it was listed".to_owned(),
            },
            Some(found) => Error::Storage {
                action,
                location,
                kind: kind_of(found).unwrap_or(StorageKind::Other),
                reason: reason_of(found),
                source: None,
            },
        });
    }
    None
}

/// The innermost message: what is around it repeats the location in the store's own form.
fn reason_of(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    of_answer(&text).unwrap_or(text)
}

/// What a cloud's answer says: its code and message, without the request that it repeats.
fn of_answer(text: &str) -> Option<String> {
    let between = |tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        rest.split_once(&format!("</{tag}>")).map(|(inner, _)| inner.trim())
    };
    let code = between("Code")?;
    Some(match between("Message") {
        Some(message) => format!("{code}: {message}"),
        None => code.to_owned(),
    })
}

/// The status of an answer that was no success. Its type is private to the library, its text is not.
fn status_of(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{StorageKind, of_answer, status_of};

    #[test]
    fn a_clouds_answer_is_its_code_and_message() {
        let text = "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?>\
                    <Error><Code>AccessDenied</Code><Message>Access Denied</Message>\
                    <AWSAccessKeyId>AKIA</AWSAccessKeyId></Error>";
        assert_eq!(of_answer(text).as_deref(), Some("AccessDenied: Access Denied"));
        assert_eq!(of_answer("connection refused"), None);
    }

    #[test]
    fn a_status_tells_whether_to_try_again() {
        let text = "Server returned non-2xx status code: 503 Service Unavailable: ";
        let kind = status_of(text).and_then(StorageKind::of_status);
        assert_eq!(kind, Some(StorageKind::Throttled));
        assert!(StorageKind::of_status(400).is_none());
    }
}
