//! [`Writer`]: an object under construction.

use std::fmt;

use object_store::buffered::BufWriter;
use object_store::{Attribute, Attributes};
use tokio::io::AsyncWriteExt;

use super::{Object, ObjectInfo, Objects};
use crate::error::refused;
use crate::{Error, Result};

/// An object under construction; dropped unfinished, it never was.
pub struct Writer {
    pub(super) upload: BufWriter,
    pub(super) objects: Objects,
    pub(super) object: Object,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Writer").field(&self.object.shown).finish()
    }
}

impl Writer {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.upload.write_all(bytes).await;
        written.map_err(|error| refused("write", &self.object.shown, error))
    }

    /// Makes it appear.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn finish(mut self) -> Result<ObjectInfo> {
        let ended = self.upload.shutdown().await;
        ended.map_err(|error| refused("write", &self.object.shown, error))?;
        self.objects.head(&self.object.shown, "").await
    }

    /// Takes back what was sent.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn abort(mut self) -> Result<()> {
        let ended = self.upload.abort().await;
        ended.map_err(|error| self.object.failed("write", error))
    }
}

pub(super) fn attributes_of(given: &[(String, String)]) -> Result<Attributes> {
    let mut attributes = Attributes::new();
    for (name, value) in given {
        let attribute = match name.as_str() {
            "content-type" => Attribute::ContentType,
            "content-disposition" => Attribute::ContentDisposition,
            "cache-control" => Attribute::CacheControl,
            "content-encoding" => Attribute::ContentEncoding,
            "content-language" => Attribute::ContentLanguage,
            "storage-class" => Attribute::StorageClass,
            other => match other.strip_prefix("metadata:") {
                Some(key) => Attribute::Metadata(key.to_owned().into()),
                None => {
                    return Err(Error::InvalidArgument {
                        argument: "write option",
                        given: name.clone(),
                        accepted: "content_type, content_disposition, cache_control, \
                                   content_encoding, storage_class or metadata"
                            .to_owned(),
                    });
                }
            },
        };
        attributes.insert(attribute, value.clone().into());
    }
    Ok(attributes)
}
