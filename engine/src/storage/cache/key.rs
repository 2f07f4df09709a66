//! [`ObjectKey`]: what an object was when it was listed, and so what its file in the cache is called.

use blake3::Hasher;

use crate::Result;
use crate::storage::Uri;

/// An object with one content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectKey {
    uri: String,
    size: Option<u64>,
    etag: String,
    version: String,
    name: String,
}

impl ObjectKey {
    /// `None` for files of this machine, which are read where they are. The size is checked if it is known.
    ///
    /// # Errors
    /// Those of [`Uri::parse`].
    pub(crate) fn try_new(
        uri: &str,
        size: Option<u64>,
        etag: &str,
        version: &str,
    ) -> Result<Option<Self>> {
        let Some(uri) = Uri::parse(uri)? else { return Ok(None) };
        let uri = uri.to_string();
        let mut hasher = Hasher::new();
        for part in [uri.as_str(), etag, version] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        let name = hasher.finalize().to_hex().to_string();
        let (etag, version) = (etag.to_owned(), version.to_owned());
        Ok(Some(Self { uri, size, etag, version, name }))
    }

    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// Whether its content may have so many bytes.
    pub(crate) fn fits(&self, bytes: u64) -> bool {
        self.size.is_none_or(|size| size == bytes)
    }

    /// Its bytes, as far as they are known.
    pub(crate) fn bytes(&self) -> u64 {
        self.size.unwrap_or_default()
    }

    pub(crate) fn etag(&self) -> &str {
        &self.etag
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The file's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it would be known if the content were another one.
    pub(crate) fn is_fixed(&self) -> bool {
        !(self.etag.is_empty() && self.version.is_empty())
    }
}
