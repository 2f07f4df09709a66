//! [`Faulty`]: a bucket that counts, fails, dies, repeats itself, or lets others in between. Like a
//! real one, it lets other tasks run before it answers.

use std::fmt;
use std::sync::Mutex;

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result,
};
use tokio::task::yield_now;

/// What happens at one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Nothing; requests are counted.
    Counts,
    /// It fails.
    Fails,
    /// It takes place, and is said to have failed.
    Unheard,
    /// It and all later ones fail.
    Dies,
    /// It takes place, is said to have failed, and all later ones fail.
    DiesUnheard,
    /// It takes place, its answer is lost, and the client tries again.
    Repeats,
    /// `PutMode::Create` overwrites, always.
    IgnoresCreate,
    /// `PutMode::Update` overwrites, always.
    IgnoresUpdate,
}

/// What others do before a request.
pub(super) type Others = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

pub(super) struct Faulty {
    inner: InMemory,
    kind: Kind,
    at: usize,
    seen: Mutex<Vec<&'static str>>,
    others: Mutex<Option<Others>>,
    chance: Mutex<Option<Chance>>,
}

/// Numbers that look like chance, and are the same each time.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

/// What becomes of a request.
enum Fate {
    Passes,
    Fails,
    Unheard,
    Repeats,
}

impl Faulty {
    pub(super) fn new(inner: InMemory, kind: Kind, at: usize) -> Self {
        Self {
            inner,
            kind,
            at,
            seen: Mutex::default(),
            others: Mutex::default(),
            chance: Mutex::default(),
        }
    }

    pub(super) fn counting(inner: InMemory) -> Self {
        Self::new(inner, Kind::Counts, 0)
    }

    /// Lets others do something before the request with this number.
    pub(super) fn meanwhile(inner: InMemory, at: usize, others: Others) -> Self {
        Self { others: Mutex::new(Some(others)), ..Self::new(inner, Kind::Counts, at) }
    }

    /// Answers now sooner, now later.
    pub(super) fn shuffling(inner: InMemory, seed: u64) -> Self {
        Self { chance: Mutex::new(Some(Chance(seed))), ..Self::counting(inner) }
    }

    /// Whether the request with the number was made.
    pub(super) fn struck(&self) -> bool {
        self.seen.lock().unwrap().len() > self.at
    }

    pub(super) fn count(&self, verb: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| **seen == verb).count()
    }

    /// How many requests of which kind there were since the last time.
    pub(super) fn take_counts(&self) -> String {
        let verbs = ["LIST", "GET", "PUT", "DELETE"];
        let counts = verbs.map(|verb| (self.count(verb), verb));
        self.seen.lock().unwrap().clear();
        let told = counts.iter().filter(|(count, _)| *count > 0);
        told.map(|(count, verb)| format!("{count} {verb}")).collect::<Vec<_>>().join(" ")
    }

    pub(super) async fn paths(&self) -> Vec<String> {
        self.inner.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap()
    }

    /// Removes the objects in a folder.
    pub(super) async fn remove(&self, folder: &str) {
        let removed: Vec<String> =
            self.paths().await.into_iter().filter(|path| path.contains(folder)).collect();
        assert!(!removed.is_empty());
        for path in removed {
            self.inner.delete(&Path::from(path)).await.unwrap();
        }
    }

    /// Lets other tasks run.
    async fn wait(&self) {
        let times = self.chance.lock().unwrap().as_mut().map_or(1, |chance| chance.below(6));
        for _ in 0..times {
            yield_now().await;
        }
    }

    async fn meet(&self, verb: &'static str) -> Fate {
        let number = {
            let mut seen = self.seen.lock().unwrap();
            seen.push(verb);
            seen.len() - 1
        };
        if number == self.at {
            let others = self.others.lock().unwrap().take();
            if let Some(others) = others {
                others().await;
            }
        }
        match self.kind {
            Kind::Fails if number == self.at => Fate::Fails,
            Kind::Dies if number >= self.at => Fate::Fails,
            Kind::DiesUnheard if number > self.at => Fate::Fails,
            Kind::Unheard | Kind::DiesUnheard if number == self.at => Fate::Unheard,
            Kind::Repeats if number == self.at => Fate::Repeats,
            _ => Fate::Passes,
        }
    }
}

fn failure() -> Error {
    Error::Generic { store: "faulty", source: "struck".into() }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        match (self.kind, &options.mode) {
            (Kind::IgnoresCreate, PutMode::Create) | (Kind::IgnoresUpdate, PutMode::Update(_)) => {
                options.mode = PutMode::Overwrite;
            }
            _ => {}
        }
        self.wait().await;
        let put = || self.inner.put_opts(path, payload.clone(), options.clone());
        match self.meet("PUT").await {
            Fate::Passes => put().await,
            Fate::Fails => Err(failure()),
            Fate::Unheard => {
                put().await.ok();
                Err(failure())
            }
            Fate::Repeats => {
                put().await.ok();
                put().await
            }
        }
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.wait().await;
        match self.meet("GET").await {
            Fate::Passes | Fate::Repeats => self.inner.get_opts(path, options).await,
            Fate::Fails | Fate::Unheard => Err(failure()),
        }
    }

    fn list(&self, folder: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.meet("LIST").now_or_never() {
            Some(Fate::Passes | Fate::Repeats) => self.inner.list(folder),
            _ => stream::once(async { Err(failure()) }).boxed(),
        }
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        match self.meet("DELETE").now_or_never() {
            Some(Fate::Passes | Fate::Repeats) => self.inner.delete_stream(paths),
            _ => stream::once(async { Err(failure()) }).boxed(),
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn list_with_delimiter(&self, folder: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(folder).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.kind, self.at)
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
