//! [`WithinFiles`]: a damaged footer asks for more bytes than any memory holds; the store would make room for them first.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    RenameOptions, Result,
};
use futures::stream::BoxStream;

use super::Bytes;

/// Not worth a look at the file's size: the store itself finds out that the file is shorter.
const HARMLESS_BYTES: u64 = 64 << 20;

/// The store within, which reads no further than its files go.
#[derive(Debug)]
pub(super) struct WithinFiles(pub(super) Arc<dyn ObjectStore>);

impl fmt::Display for WithinFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for WithinFiles {
    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let is_harmless = |range: &Range<u64>| {
            range.start <= range.end && range.end - range.start <= HARMLESS_BYTES
        };
        if !ranges.iter().all(is_harmless) {
            let size = self.0.head(location).await?.size;
            let beyond = |range: &&Range<u64>| range.start > range.end || range.end > size;
            if let Some(Range { start, end }) = ranges.iter().find(beyond) {
                let source = format!("bytes {start} to {end} are asked for, of {size}").into();
                return Err(Error::Generic { store: "file", source });
            }
        }
        self.0.get_ranges(location, ranges).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(location, options).await
    }

    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.0.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.0.rename_opts(from, to, options).await
    }
}
