//! [`Faults`]: a store and a catalog that fail at a chosen operation, as if the disk refused or the process died.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use catalog::{
    CatalogStore, Claim, ClaimRequest, CompletedVersion, Dataset, DatasetEdit, DatasetVersion,
    Folder, FolderName, Job, JobId, JobNotes, JobStatus, NewJob, QualifiedName, Version,
    VersionFilter, View,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What a store's bytes are; their own crate is none of our dependencies.
type Bytes = <PutPayload as IntoIterator>::Item;

/// How it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The operation does not happen; those after it do.
    Refuses,
    /// The process dies before the operation: nothing happens any more.
    DiesBefore,
    /// The operation happens, and nobody hears of it.
    DiesAfter,
}

/// Counts operations and fails at one of them.
#[derive(Debug)]
pub(crate) struct Faults {
    mode: Mode,
    left: AtomicUsize,
    struck: AtomicBool,
}

impl Faults {
    /// Fails at operation `at`, counted from 0.
    pub(crate) fn new(mode: Mode, at: usize) -> Arc<Self> {
        Arc::new(Self { mode, left: AtomicUsize::new(at), struck: AtomicBool::new(false) })
    }

    /// Whether it came to that.
    pub(crate) fn struck(&self) -> bool {
        self.struck.load(Ordering::SeqCst)
    }

    /// The operation, or its failure.
    async fn pass<T, E: From<Struck>>(
        &self,
        operation: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        let before =
            self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if before.is_ok() {
            return operation.await;
        }
        let first = !self.struck.swap(true, Ordering::SeqCst);
        match self.mode {
            Mode::Refuses if !first => operation.await,
            Mode::DiesAfter if first => {
                operation.await?;
                Err(Struck.into())
            }
            _ => Err(Struck.into()),
        }
    }
}

struct Struck;

const TOLD: &str = "told to fail";

impl From<Struck> for object_store::Error {
    fn from(_: Struck) -> Self {
        Self::Generic { store: "faults", source: TOLD.into() }
    }
}

impl From<Struck> for catalog::Error {
    fn from(_: Struck) -> Self {
        Self::Store { what: TOLD.to_owned(), retryable: false, source: TOLD.into() }
    }
}

/// A store or a catalog with faults.
#[derive(Debug)]
pub(crate) struct Faulty<T: ?Sized> {
    faults: Arc<Faults>,
    inner: Arc<T>,
}

impl<T: ?Sized> Faulty<T> {
    pub(crate) fn new(faults: &Arc<Faults>, inner: Arc<T>) -> Self {
        Self { faults: Arc::clone(faults), inner }
    }
}

impl fmt::Display for Faulty<dyn ObjectStore> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Faulty<dyn ObjectStore> {
    async fn put_opts(
        &self,
        at: &Path,
        bytes: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.faults.pass(self.inner.put_opts(at, bytes, options)).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.faults.pass(self.inner.put_multipart_opts(at, options)).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.faults.pass(self.inner.get_opts(at, options)).await
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.faults.pass(self.inner.get_ranges(at, ranges)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let (faults, inner) = (Arc::clone(&self.faults), Arc::clone(&self.inner));
        locations
            .then(move |location| {
                let (faults, inner) = (Arc::clone(&faults), Arc::clone(&inner));
                async move {
                    let location = location?;
                    let one = futures::stream::iter([Ok(location.clone())]).boxed();
                    let deleted = async { inner.delete_stream(one).next().await.transpose() };
                    faults.pass(deleted).await?;
                    Ok(location)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (faults, inner) = (Arc::clone(&self.faults), Arc::clone(&self.inner));
        let prefix = prefix.cloned();
        let listed = async move { faults.pass(async { Ok(inner.list(prefix.as_ref())) }).await };
        let listed = futures::stream::once(listed).map(|found: Result<_>| match found {
            Ok(found) => found,
            Err(error) => futures::stream::iter([Err(error)]).boxed(),
        });
        listed.flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.faults.pass(self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.faults.pass(self.inner.copy_opts(from, to, options)).await
    }
}

#[async_trait]
impl CatalogStore for Faulty<dyn CatalogStore> {
    async fn claim_version(&self, request: ClaimRequest) -> catalog::Result<Claim> {
        self.faults.pass(self.inner.claim_version(request)).await
    }

    async fn complete_version(
        &self,
        claim: &Claim,
        completed: CompletedVersion,
    ) -> catalog::Result<DatasetVersion> {
        self.faults.pass(self.inner.complete_version(claim, completed)).await
    }

    async fn abandon_version(&self, claim: &Claim, error: &str) -> catalog::Result<()> {
        self.faults.pass(self.inner.abandon_version(claim, error)).await
    }

    async fn datasets(&self) -> catalog::Result<Vec<Dataset>> {
        self.faults.pass(self.inner.datasets()).await
    }

    async fn versions(&self, filter: VersionFilter) -> catalog::Result<Vec<DatasetVersion>> {
        self.faults.pass(self.inner.versions(filter)).await
    }

    async fn remove_version(&self, name: &QualifiedName, version: Version) -> catalog::Result<()> {
        self.faults.pass(self.inner.remove_version(name, version)).await
    }

    async fn rename(&self, from: &QualifiedName, to: &QualifiedName) -> catalog::Result<()> {
        self.faults.pass(self.inner.rename(from, to)).await
    }

    async fn edit_dataset(
        &self,
        name: &QualifiedName,
        edit: DatasetEdit,
    ) -> catalog::Result<Dataset> {
        self.faults.pass(self.inner.edit_dataset(name, edit)).await
    }

    async fn make_folder(
        &self,
        name: &FolderName,
        description: Option<String>,
    ) -> catalog::Result<Folder> {
        self.faults.pass(self.inner.make_folder(name, description)).await
    }

    async fn made_folders(&self) -> catalog::Result<Vec<Folder>> {
        self.faults.pass(self.inner.made_folders()).await
    }

    async fn forget_folder(&self, name: &FolderName) -> catalog::Result<bool> {
        self.faults.pass(self.inner.forget_folder(name)).await
    }

    async fn make_view(&self, view: View) -> catalog::Result<View> {
        self.faults.pass(self.inner.make_view(view)).await
    }

    async fn replace_view(&self, view: View) -> catalog::Result<()> {
        self.faults.pass(self.inner.replace_view(view)).await
    }

    async fn view(&self, name: &QualifiedName) -> catalog::Result<Option<View>> {
        self.faults.pass(self.inner.view(name)).await
    }

    async fn views(&self) -> catalog::Result<Vec<View>> {
        self.faults.pass(self.inner.views()).await
    }

    async fn drop_view(&self, name: &QualifiedName) -> catalog::Result<bool> {
        self.faults.pass(self.inner.drop_view(name)).await
    }

    async fn start_job(&self, job: NewJob) -> catalog::Result<Job> {
        self.faults.pass(self.inner.start_job(job)).await
    }

    async fn note_job(&self, id: &JobId, notes: JobNotes) -> catalog::Result<()> {
        self.faults.pass(self.inner.note_job(id, notes)).await
    }

    async fn finish_job(
        &self,
        id: &JobId,
        status: JobStatus,
        error: Option<String>,
    ) -> catalog::Result<()> {
        self.faults.pass(self.inner.finish_job(id, status, error)).await
    }

    async fn job(&self, id: &JobId) -> catalog::Result<Job> {
        self.faults.pass(self.inner.job(id)).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
