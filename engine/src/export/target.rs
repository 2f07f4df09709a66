//! [`Target`]: the file that an export writes, which nobody sees before it is finished.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use crate::error::refused;
use crate::objects::{ObjectInfo, Objects, Writer};
use crate::storage::{Uri, files};
use crate::{Error, Result};

type Slot = Arc<AsyncMutex<Option<Writer>>>;

/// What is on its way to buckets, for who ends an export early: the store would keep it, unseen.
#[derive(Clone, Default)]
pub struct Uploads(Arc<Mutex<Vec<Slot>>>);

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploads").finish_non_exhaustive()
    }
}

impl Uploads {
    /// Takes back what was sent of files that are not finished.
    pub async fn abandon(&self) {
        let slots = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for slot in slots {
            let unfinished = slot.lock().await.take();
            if let Some(writer) = unfinished {
                // The error that ended the export says more than one of cleaning up.
                drop(writer.abort().await);
            }
        }
    }

    fn begin(&self, writer: Writer) -> Slot {
        let slot = Arc::new(AsyncMutex::new(Some(writer)));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&slot));
        slot
    }
}

/// A file under construction; dropped unfinished, it never was.
pub(super) struct Target {
    objects: Objects,
    uri: String,
    place: Place,
}

enum Place {
    /// `None` while it is written to.
    Local {
        path: Box<Path>,
        copy: Option<files::Copy>,
    },
    Bucket(Slot),
}

impl Target {
    pub(super) async fn open(objects: &Objects, uri: &str, uploads: &Uploads) -> Result<Self> {
        let place = if Uri::parse(uri)?.is_some() {
            Place::Bucket(uploads.begin(objects.writer(uri, &[]).await?))
        } else {
            let path = files::to_write(uri)?;
            let copy = files::Copy::instead_of_left(&path).await;
            let copy = copy.map_err(|error| refused("write", uri, error))?;
            Place::Local { path, copy: Some(copy) }
        };
        Ok(Self { objects: objects.clone(), uri: uri.to_owned(), place })
    }

    pub(super) async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        match &mut self.place {
            Place::Local { copy, .. } => {
                let begun = copy.take().ok_or_else(|| ended(&self.uri))?;
                let longer = begun.with(bytes).await;
                *copy = Some(longer.map_err(|error| refused("write", &self.uri, error))?);
            }
            Place::Bucket(slot) => {
                let mut slot = slot.lock().await;
                slot.as_mut().ok_or_else(|| ended(&self.uri))?.write(&bytes).await?;
            }
        }
        Ok(())
    }

    /// Makes it appear; a file that was there is replaced.
    pub(super) async fn finish(self) -> Result<ObjectInfo> {
        match self.place {
            Place::Local { path, copy } => {
                let copy = copy.ok_or_else(|| ended(&self.uri))?;
                let named = copy.appear_at(path).await;
                named.map_err(|error| refused("write", &self.uri, error))?;
                self.objects.head(&self.uri, "").await
            }
            Place::Bucket(slot) => {
                let writer = slot.lock().await.take();
                writer.ok_or_else(|| ended(&self.uri))?.finish().await
            }
        }
    }
}

fn ended(uri: &str) -> Error {
    Error::internal(format!("`{uri}` is written to after it failed or was finished"))
}
