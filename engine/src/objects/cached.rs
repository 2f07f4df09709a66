//! Users' files as files of this machine: looked up, fetched, held, and the same in another process of ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::execution::disk_manager::DiskManager;
use futures::{FutureExt, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use super::{Objects, Wanted};
use crate::storage::cache::{Coming, Pin, Request};
use crate::storage::{Buckets, Cache, CacheOptions, Keep, ObjectKey, files};
use crate::{ClientConfig, Error, Result, StorageKind};

/// What another process of ours needs to reach the same files. It holds credentials.
#[derive(Serialize, Deserialize)]
struct Setup {
    configs: BTreeMap<String, BTreeMap<String, String>>,
    cache: CacheOptions,
}

impl Objects {
    /// Where queries write down what they cannot hold.
    pub(crate) async fn spill_disk(&self) -> Result<Arc<DiskManager>> {
        self.cache.spill_disk().await
    }

    /// Removes the temporary files of processes that died.
    pub(crate) async fn sweep(&self) {
        self.cache.sweep().await;
    }

    /// Its file on this machine, if it was fetched; its use is noted. Nothing is asked of the bucket.
    ///
    /// # Errors
    /// What is wrong with the URI.
    pub fn cached(&self, uri: &str, size: Option<u64>, is: Wanted<'_>) -> Result<Option<String>> {
        let key = ObjectKey::try_new(uri, size, is.etag, is.version)?;
        Ok(key.and_then(|key| self.cache.used(&key)))
    }

    /// Its file on this machine, which is fetched if it is not there yet, and kept for others; a file of this machine
    /// is that itself.
    ///
    /// # Errors
    /// As [`Self::read`]; [`Error::FileChanged`] when it has another size; [`Error::Storage`] when there is no room.
    pub async fn fetch(&self, uri: &str, size: Option<u64>, is: Wanted<'_>) -> Result<String> {
        let Some(key) = ObjectKey::try_new(uri, size, is.etag, is.version)? else {
            return Ok(files::absolute_of(uri)?.to_string_lossy().into_owned());
        };
        let path = self.fetched(&key, Keep::Yes).await?;
        drop(self.cache.used(&key));
        Ok(path)
    }

    /// The same; `None` when there is no room for it.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub async fn fetch_if_room(
        &self,
        uri: &str,
        size: Option<u64>,
        is: Wanted<'_>,
    ) -> Result<Option<String>> {
        match self.fetch(uri, size, is).await {
            Err(Error::Storage { kind: StorageKind::Full, .. }) => Ok(None),
            fetched => fetched.map(Some),
        }
    }

    /// Removes all files that were fetched; how many, and their bytes.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn clear_cache(&self) -> Result<(u64, u64)> {
        self.cache.clear().await
    }

    /// What [`Self::restored`] makes the same of in another process of ours. It holds credentials.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn setup(&self) -> Result<Vec<u8>> {
        let texts = |(place, config): (String, ClientConfig)| {
            let options = config.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
            (place, options.collect())
        };
        let configs = self.buckets.configs().into_iter().map(texts).collect();
        let setup = serde_json::to_vec(&Setup { configs, cache: self.cache.options() });
        setup.map_err(|error| Error::internal(error.to_string()))
    }

    /// The files of the process that made this [`Self::setup`].
    ///
    /// # Errors
    /// None if it did.
    pub fn restored(setup: &[u8]) -> Result<Self> {
        let setup = serde_json::from_slice(setup);
        let Setup { configs, cache } = setup.map_err(|error| Error::internal(error.to_string()))?;
        let buckets = Arc::<Buckets>::default();
        for (place, options) in configs {
            buckets.configure(&place, &ClientConfig::try_new(options)?);
        }
        Ok(Self::of(&buckets, Cache::new(cache)))
    }

    /// Keeps its file, once it is there, for as long as the pin lives.
    pub(crate) fn pin(&self, key: &ObjectKey, keep: Keep) -> Pin {
        self.cache.pin(key, keep)
    }

    /// Its file on this machine, after a download if need be.
    pub(crate) async fn fetched(&self, key: &ObjectKey, keep: Keep) -> Result<String> {
        self.cache.fetch(key, keep, self.request(key)).await
    }

    /// Nothing is asked before the request is polled.
    fn request(&self, key: &ObjectKey) -> Request {
        let (objects, key) = (self.clone(), key.clone());
        let request = async move {
            let object = objects.object(key.uri()).await?;
            let wanted = Wanted { etag: key.etag(), version: key.version() };
            let found = object.bucket.store.get_opts(&object.location, wanted.options(None)).await;
            let found = found.map_err(|error| object.failed("read", error))?;
            let size = found.meta.size;
            let pieces = found.into_stream().map_ok(Vec::from);
            let pieces = pieces.map_err(move |error| object.failed("read", error));
            Ok(Coming { size, pieces: pieces.boxed() })
        };
        request.boxed()
    }
}
