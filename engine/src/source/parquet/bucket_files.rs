//! [`BucketFiles`]: objects in buckets for the query engine, which has a kind of store of its own. A location is
//! `s3:/bucket/key`; each object is read as it was when its footer was, or not at all.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store as ours;

use crate::storage::{Bucket, Location, Uri};

/// What the store is called in messages.
const NAME: &str = "bucket";

/// The objects of some buckets; everything else is asked of the store beside.
#[derive(Debug)]
pub(super) struct BucketFiles {
    beside: Arc<dyn ObjectStore>,
    buckets: HashMap<String, Arc<Bucket>>,
    /// What each object was when it was first looked at.
    etags: RwLock<HashMap<Path, String>>,
}

impl BucketFiles {
    pub(super) fn new(
        beside: Arc<dyn ObjectStore>,
        buckets: impl IntoIterator<Item = Arc<Bucket>>,
    ) -> Self {
        let buckets = buckets.into_iter().map(|bucket| (bucket.place.clone(), bucket)).collect();
        Self { beside, buckets, etags: RwLock::default() }
    }

    /// Where an object is.
    pub(super) fn location(uri: &Uri) -> crate::Result<Path> {
        let key = uri.location()?;
        let text = format!("{}:/{}/{key}", uri.scheme.as_str(), uri.bucket);
        Path::parse(text).map_err(|error| crate::Error::internal(error.to_string()))
    }

    /// The bucket, and the object in it; `None` for what is not in one.
    fn find(&self, location: &Path) -> Option<(&Arc<Bucket>, Location)> {
        let (scheme, rest) = location.as_ref().split_once(":/")?;
        let (bucket, key) = rest.split_once('/')?;
        let bucket = self.buckets.get(&format!("{scheme}://{bucket}"))?;
        Some((bucket, Location::parse(key).ok()?))
    }

    fn etag(&self, location: &Path) -> Option<String> {
        self.etags.read().unwrap_or_else(PoisonError::into_inner).get(location).cloned()
    }
}

impl fmt::Display for BucketFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)
    }
}

#[async_trait]
impl ObjectStore for BucketFiles {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let Some((bucket, object)) = self.find(location) else {
            return self.beside.get_opts(location, options).await;
        };
        let options = ours::GetOptions {
            if_match: options.if_match.or_else(|| self.etag(location)),
            if_none_match: options.if_none_match,
            if_modified_since: options.if_modified_since,
            if_unmodified_since: options.if_unmodified_since,
            range: options.range.map(range),
            version: options.version,
            head: options.head,
            ..ours::GetOptions::default()
        };
        let found = bucket.store.get_opts(&object, options).await.map_err(failed)?;
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified: found.meta.last_modified,
            size: found.meta.size,
            e_tag: found.meta.e_tag.clone(),
            version: found.meta.version.clone(),
        };
        // A weak one says only that the content means the same.
        if let Some(etag) = found.meta.e_tag.clone().filter(|etag| !etag.starts_with("W/")) {
            let mut etags = self.etags.write().unwrap_or_else(PoisonError::into_inner);
            etags.entry(location.clone()).or_insert(etag);
        }
        let range = found.range.clone();
        let bytes = found.into_stream().map_err(failed).boxed();
        Ok(GetResult {
            payload: GetResultPayload::Stream(bytes),
            meta,
            range,
            attributes: Attributes::default(),
        })
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(read_only())
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(read_only())
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(read_only()) }).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::once(async { Err(read_only()) }).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(read_only())
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(read_only())
    }
}

fn range(range: GetRange) -> ours::GetRange {
    match range {
        GetRange::Bounded(range) => ours::GetRange::Bounded(range),
        GetRange::Offset(from) => ours::GetRange::Offset(from),
        GetRange::Suffix(bytes) => ours::GetRange::Suffix(bytes),
    }
}

fn failed(error: ours::Error) -> Error {
    let source = Box::new(error);
    match &*source {
        ours::Error::NotFound { path, .. } => Error::NotFound { path: path.clone(), source },
        _ => Error::Generic { store: NAME, source },
    }
}

fn read_only() -> Error {
    Error::NotImplemented { operation: "more than reading".into(), implementer: NAME.into() }
}
