//! [`Documents`]: objects of JSON in a bucket, and how they change without a transaction.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error as BucketError, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::{Error, Source};
use crate::patience::Patience;

use super::failure::Failure;

/// How many requests of one listing are under way at the same time.
const AT_ONCE: usize = 32;

/// The objects of one catalog.
#[derive(Debug)]
pub(super) struct Documents {
    store: Arc<dyn ObjectStore>,
    root: Path,
    called: String,
}

/// A document, and the state in which it was found.
#[derive(Clone, Debug)]
pub(super) struct Found<D> {
    /// What it holds.
    pub(super) document: D,
    state: UpdateVersion,
}

/// What to do with a document.
#[derive(Debug)]
pub(super) enum Change<D, T> {
    /// Nothing, because it is so already, or cannot be.
    None(T),
    /// Put this in its place.
    To(D, T),
}

impl Documents {
    /// They are below `root`; messages call that place `called`.
    pub(super) fn new(store: Arc<dyn ObjectStore>, root: Path, called: String) -> Self {
        Self { store, root, called }
    }

    /// Where a document is.
    pub(super) fn path(&self, below: fmt::Arguments<'_>) -> Result<Path, Failure> {
        // WHY: as it is; percent signs would make names of three times the length, longer than a
        // key may be.
        let text = format!("{}/{below}", self.root);
        Ok(Path::parse(text).map_err(BucketError::from)?)
    }

    /// The bytes of an object, and its state.
    pub(super) async fn bytes(&self, path: &Path) -> Result<Option<Found<Vec<u8>>>, Failure> {
        let found = match self.store.get(path).await {
            Ok(found) => found,
            Err(BucketError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let (e_tag, version) = (found.meta.e_tag.clone(), found.meta.version.clone());
        let document = found.bytes().await?.to_vec();
        Ok(Some(Found { document, state: UpdateVersion { e_tag, version } }))
    }

    /// A document, if it is there.
    pub(super) async fn get<D: DeserializeOwned>(
        &self,
        path: &Path,
    ) -> Result<Option<Found<D>>, Failure> {
        let Some(Found { document, state }) = self.bytes(path).await? else {
            return Ok(None);
        };
        let document =
            serde_json::from_slice(&document).map_err(|error| corrupt(path, error.into()))?;
        Ok(Some(Found { document, state }))
    }

    /// Writes an object that always has the same bytes, or that nobody else knows of yet.
    pub(super) async fn put(&self, path: &Path, bytes: Vec<u8>) -> Result<(), Failure> {
        self.store.put(path, bytes.into()).await?;
        Ok(())
    }

    /// Writes a document if it is still in that state, or still absent; false if it is not.
    ///
    /// False may be said of a write that took place: the bucket's client tries again when an answer
    /// is lost, and finds its own document. So whoever is told reads it to see who wrote it.
    pub(super) async fn put_if<D: Serialize>(
        &self,
        path: &Path,
        document: &D,
        state: Option<UpdateVersion>,
    ) -> Result<bool, Failure> {
        let bytes = to_bytes(document)?;
        let absent = state.is_none();
        let mode = state.map_or(PutMode::Create, PutMode::Update);
        match self.store.put_opts(path, bytes.into(), mode.into()).await {
            Ok(_) => Ok(true),
            Err(BucketError::AlreadyExists { .. } | BucketError::Precondition { .. }) => Ok(false),
            Err(BucketError::NotFound { .. }) if !absent => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes a document, starting from what was found of it, and again from what others make of
    /// it meanwhile.
    ///
    /// A change must recognise itself: when it took place, but nobody was told, it is asked about
    /// its own result and must want no more.
    pub(super) async fn edit<D, T, C>(
        &self,
        path: &Path,
        mut found: Option<Found<D>>,
        mut change: C,
    ) -> Result<T, Failure>
    where
        D: Serialize + DeserializeOwned + Send + Sync,
        T: Send,
        C: FnMut(Option<D>) -> Result<Change<D, T>, Failure> + Send,
    {
        let mut patience = Patience::new();
        loop {
            let (document, state) = found.map(|found| (found.document, found.state)).unzip();
            let (document, outcome) = match change(document)? {
                Change::None(outcome) => return Ok(outcome),
                Change::To(document, outcome) => (document, outcome),
            };
            match self.put_if(path, &document, state).await {
                Ok(true) => return Ok(outcome),
                Ok(false) => pause(&mut patience).await?,
                Err(failure) => return self.unless_done(path, failure, change).await,
            }
            found = self.get(path).await?;
        }
    }

    /// The failure, unless the change took place all the same.
    async fn unless_done<D, T, C>(
        &self,
        path: &Path,
        failure: Failure,
        mut change: C,
    ) -> Result<T, Failure>
    where
        D: DeserializeOwned,
        C: FnMut(Option<D>) -> Result<Change<D, T>, Failure>,
    {
        let Ok(found) = self.get(path).await else { return Err(failure) };
        match change(found.map(|found| found.document)) {
            Ok(Change::None(outcome)) => Ok(outcome),
            _ => Err(failure),
        }
    }

    /// Removes a document; that it is gone already is no failure.
    pub(super) async fn delete(&self, path: &Path) -> Result<(), Failure> {
        match self.store.delete(path).await {
            Ok(()) | Err(BucketError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The paths of all documents in a folder.
    pub(super) async fn list(&self, folder: &str) -> Result<Vec<Path>, Failure> {
        let folder = self.root.clone().join(folder);
        Ok(self.store.list(Some(&folder)).map_ok(|found| found.location).try_collect().await?)
    }

    /// What several requests return, in their order.
    pub(super) async fn all<T: Send>(
        requests: Vec<BoxFuture<'_, Result<T, Failure>>>,
    ) -> Result<Vec<T>, Failure> {
        stream::iter(requests).buffered(AT_ONCE).try_collect().await
    }

    /// Refuses a bucket that does not honour the conditions of a write.
    pub(super) async fn probe(&self) -> Result<(), Failure> {
        let path = self.path(format_args!("probes/{}.json", Uuid::new_v4()))?;
        let honoured = self.honours_conditions(&path).await;
        // WHY: whether it can be removed does not matter; nobody looks for it.
        self.store.delete(&path).await.ok();
        match honoured {
            Ok(true) => Ok(()),
            Ok(false)
            | Err(Failure::Bucket(
                BucketError::NotImplemented { .. } | BucketError::NotSupported { .. },
            )) => Err(Failure::Unconditional),
            Err(failure) => Err(failure),
        }
    }

    async fn honours_conditions(&self, path: &Path) -> Result<bool, Failure> {
        self.put_if(path, &1, None).await?;
        let created_twice = self.put_if(path, &2, None).await?;
        let Some(Found { state, .. }) = self.get::<i64>(path).await? else { return Ok(false) };
        self.put_if(path, &3, Some(state.clone())).await?;
        let updated_twice = self.put_if(path, &4, Some(state)).await?;
        Ok(!created_twice && !updated_twice)
    }
}

impl fmt::Display for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.called)
    }
}

impl<D> Found<D> {
    /// The same state with another reading of the document.
    pub(super) fn map<E>(self, read: impl FnOnce(D) -> E) -> Found<E> {
        Found { document: read(self.document), state: self.state }
    }

    /// The state.
    pub(super) fn state(&self) -> UpdateVersion {
        self.state.clone()
    }
}

/// Waits for others, but not for ever.
pub(super) async fn pause(patience: &mut Patience) -> Result<(), Failure> {
    if patience.pause().await { Ok(()) } else { Err(Failure::Busy) }
}

/// A document as it is stored.
pub(super) fn to_bytes<D: Serialize>(document: &D) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(document).map_err(|error| {
        Error::Internal { what: format!("a record cannot be written: {error}") }.into()
    })
}

/// The failure of an object that is not what it should be.
pub(super) fn corrupt(path: &Path, source: Source) -> Failure {
    Error::Corrupt { what: format!("`{path}` cannot be read"), source }.into()
}
