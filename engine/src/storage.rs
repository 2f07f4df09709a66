//! [`Storage`]: the bytes below a root, wherever that is. Nothing else in the engine names a file system.
//!
//! A [`Root`] is a URL; what is below it has a [`Location`], a relative path with `/` between its steps. An object appears
//! whole or not at all. Who is at work below a location is told by [`Presence`].

mod bases;
pub(crate) mod buckets;
pub(crate) mod cache;
mod fetched;
pub(crate) mod files;
mod lance;
mod local;
mod machine;
mod presence;
mod root;
mod scratch;
mod staged;
mod temporary;
pub(crate) mod uri;

#[cfg(test)]
pub(crate) mod faults;

#[cfg(test)]
pub(crate) mod watched;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::buffered::BufWriter;
use object_store::{
    GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};
use tokio::io::AsyncWriteExt;

use crate::blocking::blocking;
use crate::error::{Refused, refused};
use crate::{Error, Pause, Result};

pub use buckets::ClientConfig;
pub(crate) use buckets::{Bucket, Buckets};
pub use cache::CacheOptions;
pub(crate) use cache::{Cache, Keep, ObjectKey};
pub(crate) use fetched::Fetched;
pub(crate) use machine::memory_bytes;
pub(crate) use object_store::path::Path as Location;
pub(crate) use presence::{Entered, Presence};
use root::Opened;
pub use root::Root;
pub(crate) use staged::Staged;
pub(crate) use uri::Uri;

/// Objects that are removed at once.
const REMOVED_AT_ONCE: usize = 10;

/// So much of a file is in memory while it is sent to a store that is not on this machine's disk.
const SENT_BYTES: usize = 8 << 20;

/// An object below the root.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) location: Location,
    pub(crate) bytes: u64,
    pub(crate) modified: SystemTime,
}

impl From<ObjectMeta> for Entry {
    fn from(found: ObjectMeta) -> Self {
        Self { location: found.location, bytes: found.size, modified: found.last_modified.into() }
    }
}

/// The bytes below a root.
#[derive(Debug)]
pub(crate) struct Storage {
    root: Root,
    store: Arc<dyn ObjectStore>,
    presence: Arc<dyn Presence>,
    /// What the root is a part of, where it is not on a local disk.
    whole: Option<Arc<dyn ObjectStore>>,
    /// What runs wait for before they make anything durable.
    pause: Pause,
}

impl Storage {
    /// Opens the root, which is made if it can be.
    pub(crate) async fn open(root: Root, pause: Pause, buckets: &Buckets) -> Result<Self> {
        let Opened { store, presence, whole } = root.open(buckets).await?;
        Ok(Self { root, store, presence, whole, pause })
    }

    /// The same bytes, seen through another store.
    #[cfg(test)]
    pub(crate) fn through(
        self,
        wrap: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>,
    ) -> Self {
        let store = wrap(self.store);
        Self { whole: self.whole.map(|_| Arc::clone(&store)), store, ..self }
    }

    /// The store of all that is below the root, for what has its own ways with objects: the catalog.
    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// Waits until a run that is to be stopped was: whoever makes something durable asks first.
    pub(crate) async fn pause(&self) {
        self.pause.wait().await;
    }

    /// A location as users know it.
    pub(crate) fn show(&self, location: &Location) -> String {
        self.root.join(location)
    }

    /// The bytes of an object; `None` where there is none.
    pub(crate) async fn get(&self, location: &Location) -> Result<Option<Vec<u8>>> {
        let read = async { self.store.get(location).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.refused("read", location, error)),
        }
    }

    /// An object as a file that can be read anywhere: itself on a local disk, else a copy; `None` where there is none.
    pub(crate) async fn fetch(&self, location: &Location) -> Result<Option<Fetched>> {
        let failed = |error| self.refused("read", location, error);
        let found = match self.store.get(location).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if let GetResultPayload::File(file, _) = found.payload {
            return Ok(Some(Fetched::from(file)));
        }
        let mut chunks = found.into_stream();
        let mut copy =
            Fetched::empty().map_err(|error| refused("write", "a temporary file", error))?;
        let full = |error| refused("write", "a temporary file", error);
        while let Some(chunk) = chunks.try_next().await.map_err(failed)? {
            copy = blocking(move || copy.with(&chunk)).await.map_err(full)?;
        }
        blocking(move || copy.rewound()).await.map(Some).map_err(full)
    }

    /// Writes an object anew.
    pub(crate) async fn put(&self, location: &Location, bytes: Vec<u8>) -> Result<()> {
        let written = self.store.put(location, PutPayload::from(bytes)).await;
        written.map(drop).map_err(|error| self.refused("write", location, error))
    }

    /// Writes an object where there is none; whether it did.
    pub(crate) async fn put_new(&self, location: &Location, bytes: Vec<u8>) -> Result<bool> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(location, PutPayload::from(bytes), options).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(self.refused("write", location, error)),
        }
    }

    /// A file of this machine that becomes an object below `folder` when it is [published](Self::publish). Blocks.
    pub(crate) fn stage(&self, folder: &Location) -> Result<Staged> {
        let staged = match self.folder(folder) {
            Some(folder) => Staged::beside(&folder),
            None => Staged::elsewhere(),
        };
        staged.map_err(|error| self.refused("write", folder, error))
    }

    /// Makes a finished file an object.
    pub(crate) async fn publish(&self, staged: Staged, location: &Location) -> Result<()> {
        if let Some(path) = self.folder(location) {
            let moved = blocking(move || staged.persist(&path)).await;
            return moved.map_err(|error| self.refused("write", location, error));
        }
        let failed = |error: io::Error| self.refused("write", location, error);
        let mut upload = BufWriter::new(Arc::clone(&self.store), location.clone());
        let (mut staged, mut sent) = (staged, 0);
        loop {
            let read = blocking(move || staged.read(sent, SENT_BYTES)).await;
            let (rest, bytes) = read.map_err(failed)?;
            if bytes.is_empty() {
                break;
            }
            (staged, sent) = (rest, sent + bytes.len() as u64);
            upload.write_all(&bytes).await.map_err(failed)?;
        }
        upload.shutdown().await.map_err(failed)
    }

    /// Gives an object another name as well. On a local disk that is a hard link, in a bucket a copy that stays there.
    pub(crate) async fn link(&self, from: &Location, to: &Location) -> Result<()> {
        self.store.copy(from, to).await.map_err(|error| self.refused("write", to, error))
    }

    /// All objects below a location, in no order.
    pub(crate) async fn list(&self, folder: &Location) -> Result<Vec<Entry>> {
        let found = self.store.list(Some(folder)).map_ok(Entry::from).try_collect().await;
        match found {
            Err(object_store::Error::NotFound { .. }) => Ok(Vec::new()),
            found => found.map_err(|error| self.refused("list", folder, error)),
        }
    }

    /// The same objects, of which those count no bytes that have other names too: when one name goes, the bytes stay.
    pub(crate) async fn own_bytes(&self, mut found: Vec<Entry>) -> Result<Vec<Entry>> {
        let Some(root) = self.root.folder().map(Path::to_path_buf) else { return Ok(found) };
        blocking(move || {
            for entry in &mut found {
                if local::has_other_names(&root.join(entry.location.as_ref())) {
                    entry.bytes = 0;
                }
            }
            Ok(found)
        })
        .await
    }

    /// Whether there is nothing below a folder.
    pub(crate) async fn is_empty(&self, folder: &Location) -> Result<bool> {
        match self.store.list(Some(folder)).next().await {
            None | Some(Err(object_store::Error::NotFound { .. })) => Ok(true),
            Some(Ok(_)) => Ok(false),
            Some(Err(error)) => Err(self.refused("list", folder, error)),
        }
    }

    /// The locations `depth` steps below a folder under which there is anything, sorted.
    pub(crate) async fn folders(&self, folder: &Location, depth: usize) -> Result<Vec<Location>> {
        let mut folders = vec![folder.clone()];
        for _ in 0..depth {
            let mut below = Vec::new();
            for folder in folders {
                match self.store.list_with_delimiter(Some(&folder)).await {
                    Ok(found) => below.extend(found.common_prefixes),
                    Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(self.refused("list", &folder, error)),
                }
            }
            folders = below;
        }
        folders.sort();
        Ok(folders)
    }

    /// Removes an object; one that is not there is none.
    pub(crate) async fn delete(&self, location: &Location) -> Result<()> {
        match self.store.delete(location).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.refused("remove", location, error)),
        }
    }

    /// Removes all that is below a location.
    pub(crate) async fn delete_all(&self, folder: &Location) -> Result<()> {
        if let Some(path) = self.folder(folder) {
            let removed = blocking(move || local::remove_folder(&path)).await;
            return removed.map_err(|error| self.refused("remove", folder, error));
        }
        let found = self.list(folder).await?;
        stream::iter(found.iter().map(|entry| Ok(&entry.location)))
            .try_for_each_concurrent(REMOVED_AT_ONCE, |location| self.delete(location))
            .await
    }

    /// Removes a folder in which there is nothing; whether it did. Where folders are only in names, there is none then.
    pub(crate) async fn delete_empty(&self, folder: &Location) -> Result<bool> {
        match self.folder(folder) {
            Some(path) => {
                let removed = blocking(move || Ok::<_, io::Error>(local::remove_empty(&path)));
                Ok(removed.await.unwrap_or(false))
            }
            None => Ok(self.list(folder).await?.is_empty()),
        }
    }

    /// Removes files that were never published, unless somebody is there, whose they may be.
    pub(crate) async fn sweep(&self, folder: &Location) {
        if let Some(path) = self.folder(folder)
            && let Ok(Some(_alone)) = self.try_alone(folder).await
        {
            // What cannot be removed is in nobody's way.
            drop(blocking(move || staged::sweep(&path)).await);
        }
    }

    /// Shares a location with other writers, until the result is dropped or the process ends in whatever way; waits
    /// while somebody has it alone.
    pub(crate) async fn share(&self, folder: &Location) -> Result<Entered> {
        let entered = self.presence.share(folder).await;
        entered.map_err(|error| self.refused("create", folder, error))
    }

    /// Has a location alone; `None` while somebody is there.
    pub(crate) async fn try_alone(&self, folder: &Location) -> io::Result<Option<Entered>> {
        self.presence.try_alone(folder).await
    }

    /// The location that a URI of [`Self::lance_uri`] names; `None` outside of the root.
    pub(crate) fn within(&self, uri: &str) -> Option<Location> {
        let below = uri.strip_prefix(&self.root.to_string())?;
        Location::parse(below.trim_start_matches('/')).ok()
    }

    /// An error that names the location.
    pub(crate) fn refused(
        &self,
        action: &'static str,
        location: &Location,
        error: impl Into<Refused>,
    ) -> Error {
        refused(action, self.show(location), error)
    }

    /// Where a location is on this machine's disk, if it is.
    fn folder(&self, location: &Location) -> Option<PathBuf> {
        self.root.folder().map(|root| root.join(location.as_ref()))
    }
}
