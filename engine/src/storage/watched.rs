//! [`Watched`]: a bucket in memory that counts what is asked of it, answers when it is let, and may end too early.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::{Bucket, Buckets};

/// The bucket's place.
pub(crate) const PLACE: &str = "memory://watched";

/// A bucket under observation.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    inner: InMemory,
    asked: AtomicUsize,
    /// Whether answers end before their last byte.
    ends_early: AtomicBool,
}

impl Watched {
    /// Puts itself where these buckets are.
    pub(crate) fn among(buckets: &Buckets) -> Arc<Self> {
        let watched = Arc::<Self>::default();
        buckets.insert(Bucket::plain(PLACE.to_owned(), Arc::clone(&watched) as _));
        watched
    }

    /// Puts an object; its etag.
    pub(crate) async fn put(&self, name: &str, bytes: usize) -> String {
        let (at, content) = (Path::from(name), PutPayload::from(vec![b'x'; bytes]));
        self.inner.put(&at, content).await.unwrap().e_tag.unwrap()
    }

    /// How often contents were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn ends_early(&self, does: bool) {
        self.ends_early.store(does, Ordering::SeqCst);
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

#[async_trait]
impl ObjectStore for Watched {
    async fn put_opts(
        &self,
        at: &Path,
        bytes: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_opts(at, bytes, options).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut found = self.inner.get_opts(at, options).await?;
        if self.ends_early.load(Ordering::SeqCst) {
            let nothing = GetResultPayload::Stream(stream::empty().boxed());
            let GetResultPayload::Stream(pieces) = std::mem::replace(&mut found.payload, nothing)
            else {
                panic!("memory is no file")
            };
            let short = pieces.map_ok(|piece| piece.slice(..piece.len() - 1));
            found.payload = GetResultPayload::Stream(short.boxed());
        }
        Ok(found)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
