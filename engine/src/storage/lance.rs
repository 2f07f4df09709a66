//! Lance reads and writes below the same root through the same store, where that is not this machine's disk.

use std::sync::Arc;

use async_trait::async_trait;
use lance_io::object_store::{
    DEFAULT_CLOUD_IO_PARALLELISM, DEFAULT_DOWNLOAD_RETRY_COUNT, ObjectStore as LanceStore,
    ObjectStoreParams, ObjectStoreProvider, ObjectStoreRegistry,
};
use object_store::ObjectStore;
use url::Url;

use super::{Location, Storage};

impl Storage {
    /// Where Lance finds a location.
    pub(crate) fn lance_uri(&self, location: &Location) -> String {
        self.root.join(location)
    }

    /// The stores that Lance may use.
    pub(crate) fn lance_stores(&self) -> Arc<ObjectStoreRegistry> {
        let stores = ObjectStoreRegistry::default();
        if let Some(whole) = &self.whole {
            let scheme = self.root.bucket().map_or("memory", |uri| uri.scheme.as_str());
            stores.insert(scheme, Arc::new(Shared(Arc::clone(whole))));
        }
        Arc::new(stores)
    }
}

/// Gives Lance our store.
#[derive(Debug)]
struct Shared(Arc<dyn ObjectStore>);

#[async_trait]
impl ObjectStoreProvider for Shared {
    async fn new_store(
        &self,
        base: Url,
        params: &ObjectStoreParams,
    ) -> lance_core::Result<LanceStore> {
        Ok(LanceStore::new(
            Arc::clone(&self.0),
            base,
            params.block_size,
            None,
            false,
            true,
            DEFAULT_CLOUD_IO_PARALLELISM,
            DEFAULT_DOWNLOAD_RETRY_COUNT,
            None,
        ))
    }
}
