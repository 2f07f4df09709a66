//! [`Uri`]: an object in a bucket, as users name it.

use std::fmt;

use object_store::path::Path as Location;

use super::buckets::repository;
use crate::{Error, Result};

/// The kinds of stores that users' objects are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    S3,
    Gs,
    Az,
    Http,
    Https,
    /// Repositories of the Hugging Face Hub.
    Hf,
    /// Objects of this process, for tests.
    Memory,
}

/// How the URIs of each kind begin.
const SCHEMES: [(&str, Scheme); 7] = [
    ("s3", Scheme::S3),
    ("gs", Scheme::Gs),
    ("az", Scheme::Az),
    ("http", Scheme::Http),
    ("https", Scheme::Https),
    ("hf", Scheme::Hf),
    ("memory", Scheme::Memory),
];

impl Scheme {
    pub(crate) fn as_str(self) -> &'static str {
        SCHEMES.iter().find(|(_, scheme)| *scheme == self).map_or("", |(name, _)| name)
    }
}

/// `s3://bucket/key`: a bucket, and a key in it, which may be the beginning of many keys, or empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Uri {
    pub(crate) scheme: Scheme,
    /// For `http` a host, with its port if it has one; for `hf` a repository, with its revision.
    pub(crate) bucket: String,
    /// As it is; only in `http` are there escapes.
    pub(crate) key: String,
}

impl Uri {
    /// The URI of an object; `None` for paths and URIs of this machine's files.
    ///
    /// # Errors
    /// [`Error::NotSupported`] for other schemes, [`Error::InvalidArgument`] without a bucket or with one slash.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>> {
        let Some((name, rest)) = text.split_once("://") else {
            return one_slash(text).map(|()| None);
        };
        if name.eq_ignore_ascii_case("file") {
            return Ok(None);
        }
        let found = SCHEMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let Some((_, scheme)) = found else {
            return Err(Error::NotSupported {
                what: format!("storage of the kind `{name}://` (`{text}`)"),
                instead: "give s3://, gs://, az://, http(s)://, hf://, file:// or a local path"
                    .to_owned(),
            });
        };
        let (bucket, key) = match scheme {
            Scheme::Hf => repository(rest),
            _ => rest.split_once('/').unwrap_or((rest, "")),
        };
        if (bucket.is_empty() && *scheme != Scheme::Memory) || bucket.contains(['*', '?', '[']) {
            return Err(Error::InvalidArgument {
                argument: "uri",
                given: text.to_owned(),
                accepted: format!("name one bucket, as `{name}://bucket/folder`"),
            });
        }
        Ok(Some(Self { scheme: *scheme, bucket: bucket.to_owned(), key: key.to_owned() }))
    }

    /// `s3://bucket`
    pub(crate) fn place(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.bucket)
    }

    /// The same bucket, another key.
    pub(crate) fn with_key(&self, key: impl Into<String>) -> Self {
        Self { key: key.into(), ..self.clone() }
    }

    /// The key as stores take it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for keys that no store of ours can name, as `a//b`.
    pub(crate) fn location(&self) -> Result<Location> {
        let parsed = match self.scheme {
            Scheme::Http | Scheme::Https => Location::from_url_path(&self.key),
            _ => Location::parse(&self.key),
        };
        parsed.map_err(|error| Error::InvalidArgument {
            argument: "uri",
            given: self.to_string(),
            accepted: format!("its key has no empty steps and neither `.` nor `..`: {error}"),
        })
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/{}", self.scheme.as_str(), self.bucket, self.key)
    }
}

/// Refuses `s3:/bucket`, which would be a folder called `s3:`.
fn one_slash(text: &str) -> Result<()> {
    match text.split_once(":/") {
        Some((name, rest)) if SCHEMES.iter().any(|(known, _)| *known == name) => {
            Err(Error::InvalidArgument {
                argument: "uri",
                given: text.to_owned(),
                accepted: format!("two slashes follow the colon, as in `{name}://{rest}`"),
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Scheme, Uri};

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap().unwrap()
    }

    #[test]
    fn a_uri_is_a_bucket_and_a_key() {
        let found = uri("S3://cats/big/1%20.jpg");
        assert_eq!((found.scheme, found.bucket.as_str()), (Scheme::S3, "cats"));
        // Only on the web are there escapes.
        assert_eq!(found.location().unwrap().as_ref(), "big/1%20.jpg");
        assert_eq!(uri("https://host:80/a%20b").location().unwrap().as_ref(), "a b");
        assert_eq!(found.place(), "s3://cats");
        assert_eq!(found.to_string(), "s3://cats/big/1%20.jpg");
        assert_eq!(uri("gs://cats").key, "");
        assert_eq!(uri("hf://datasets/me/cats@v1/a/b").place(), "hf://datasets/me/cats@v1");
    }

    #[test]
    fn files_of_this_machine_are_none() {
        for text in ["a/b", "/a", "file:///a", "C:"] {
            assert_eq!(Uri::parse(text).unwrap(), None, "{text}");
        }
    }

    #[test]
    fn what_names_no_bucket_is_refused() {
        for (text, said) in [
            ("ftp://a/b", "ftp://"),
            ("s3:///a", "name one bucket"),
            ("s3:/a/b", "`s3://a/b`"),
            ("s3://a*/b", "name one bucket"),
        ] {
            let error = Uri::parse(text).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains(text), "{error}");
        }
        let error = uri("s3://a/b//c").location().unwrap_err().to_string();
        assert!(error.contains("s3://a/b//c"), "{error}");
    }
}
