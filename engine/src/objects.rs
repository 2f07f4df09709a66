//! [`Objects`]: users' files one by one, wherever they are: looked at, read, written, copied.

mod cached;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStoreExt, PutOptions, PutPayload};
use reqwest::Method;

use crate::config::cache_of;
use crate::error::{of_bucket, refused};
use crate::storage::{Bucket, Buckets, Cache, Location, Uri, files};
use crate::{ClientConfig, Config, Error, Result, StorageKind};
use writer::attributes_of;

pub use writer::Writer;

/// So many files of a listing are handed on at once.
const PAGE: usize = 1000;

/// So much of a file is in memory while it is sent.
const PIECE: usize = 8 << 20;

/// What a store says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Bytes.
    pub size: u64,
    /// Changes with the content; empty where the store has none.
    pub etag: String,
    /// Names this content for good; empty where the store keeps only the newest.
    pub version: String,
    /// Microseconds since 1970.
    pub modified: i64,
}

impl From<&ObjectMeta> for ObjectInfo {
    fn from(found: &ObjectMeta) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            size: found.size,
            etag: text(&found.e_tag).trim_matches('"').to_owned(),
            version: text(&found.version),
            modified: found.last_modified.timestamp_micros(),
        }
    }
}

/// Which of its contents an object is to have; empty texts ask for none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// What the listing said.
    pub etag: &'a str,
    /// What the listing said.
    pub version: &'a str,
}

/// A file or folder of a listing: its path below what was listed, and what is known; folders end with `/`.
pub type Listed = (String, ObjectInfo);

/// Whether a bucket is there, and who may look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketStatus {
    /// Whether it is there, as far as can be told.
    pub exists: bool,
    /// `anonymous`, `authenticated` or `denied`.
    pub access: &'static str,
    /// Why it cannot be looked into.
    pub error: Option<String>,
}

/// Buckets that are reached in another way.
type Connected = (ClientConfig, Arc<Buckets>);

/// Users' files.
#[derive(Clone, Debug)]
pub struct Objects {
    buckets: Arc<Buckets>,
    cache: Arc<Cache>,
    /// The same files, reached in other ways.
    connected: Arc<Mutex<Vec<Connected>>>,
}

impl Objects {
    pub(crate) fn of(buckets: &Arc<Buckets>, cache: Cache) -> Self {
        let connected = Arc::default();
        Self { buckets: Arc::clone(buckets), cache: Arc::new(cache), connected }
    }

    /// Files that are reached so, without a session; fetched ones are where the environment says.
    ///
    /// # Errors
    /// What is wrong with the environment.
    pub fn without_session(config: &ClientConfig) -> Result<Self> {
        let buckets = Arc::<Buckets>::default();
        buckets.configure("", config);
        Ok(Self::of(&buckets, Cache::new(cache_of(&Config::from_environment()?.root)?)))
    }

    /// The same files, reached with these options and no others.
    #[must_use]
    pub fn connected(&self, config: ClientConfig) -> Self {
        let mut known = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        let buckets = match known.iter().find(|(of, _)| *of == config) {
            Some((_, buckets)) => Arc::clone(buckets),
            None => {
                let buckets = Arc::<Buckets>::default();
                buckets.configure("", &config);
                known.push((config, Arc::clone(&buckets)));
                buckets
            }
        };
        Self { buckets, ..self.clone() }
    }

    /// What is there.
    ///
    /// # Errors
    /// [`Error::PathNotFound`] when nothing is.
    pub async fn head(&self, uri: &str, version: &str) -> Result<ObjectInfo> {
        let object = self.object(uri).await?;
        let options = Wanted { etag: "", version }.options(None).with_head(true);
        let found = object.bucket.store.get_opts(&object.location, options).await;
        Ok(ObjectInfo::from(&found.map_err(|error| object.failed("look at", error))?.meta))
    }

    /// Its bytes from `start` up to `end`, or to its end.
    ///
    /// # Errors
    /// [`Error::PathNotFound`]; [`Error::FileChanged`] when it has another etag.
    pub async fn read(&self, uri: &str, start: u64, end: u64, is: Wanted<'_>) -> Result<Vec<u8>> {
        if start >= end {
            return Ok(Vec::new());
        }
        let object = self.object(uri).await?;
        let options = is.options(Some(GetRange::Bounded(start..end)));
        let read = async {
            let found = object.bucket.store.get_opts(&object.location, options).await?;
            found.bytes().await
        };
        match read.await {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => Err(object.failed("read", error)),
        }
    }

    /// Writes it whole.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn put(
        &self,
        uri: &str,
        bytes: Vec<u8>,
        attributes: &[(String, String)],
    ) -> Result<ObjectInfo> {
        let object = self.object(uri).await?;
        let options =
            PutOptions { attributes: attributes_of(attributes)?, ..PutOptions::default() };
        let written =
            object.bucket.store.put_opts(&object.location, PutPayload::from(bytes), options);
        written.await.map_err(|error| object.failed("write", error))?;
        self.head(uri, "").await
    }

    /// Writes it piece by piece; it appears when the writer is [finished](Writer::finish).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an attribute that stores do not have.
    pub async fn writer(&self, uri: &str, attributes: &[(String, String)]) -> Result<Writer> {
        let object = self.object(uri).await?;
        let upload = BufWriter::new(Arc::clone(&object.bucket.store), object.location.clone());
        let upload = upload.with_attributes(attributes_of(attributes)?);
        Ok(Writer { upload, objects: self.clone(), object })
    }

    /// Copies a file of this machine to it.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn upload(
        &self,
        path: &str,
        uri: &str,
        attributes: &[(String, String)],
    ) -> Result<ObjectInfo> {
        let mut writer = self.writer(uri, attributes).await?;
        let file = files::Pieces::open(path).await;
        let mut file = file.map_err(|error| refused("read", path, error))?;
        while let Some(piece) =
            file.next(PIECE).await.map_err(|error| refused("read", path, error))?
        {
            writer.write(&piece).await?;
        }
        writer.finish().await
    }

    /// Copies it to a file of this machine, which appears whole or not at all.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn download(&self, uri: &str, path: &str, is: Wanted<'_>) -> Result<ObjectInfo> {
        let object = self.object(uri).await?;
        let found = object.bucket.store.get_opts(&object.location, is.options(None)).await;
        let found = found.map_err(|error| object.failed("read", error))?;
        let info = ObjectInfo::from(&found.meta);
        let mut chunks = found.into_stream();
        let full = |error| refused("write", path, error);
        let mut copy = files::Copy::beside(path).await.map_err(full)?;
        while let Some(chunk) =
            chunks.try_next().await.map_err(|error| object.failed("read", error))?
        {
            copy = copy.with(chunk.to_vec()).await.map_err(full)?;
        }
        copy.finish(path).await.map_err(full)?;
        Ok(info)
    }

    /// What is below a folder, in pages; in it only, folders too, or at any depth.
    ///
    /// # Errors
    /// [`Error::NotSupported`] for servers that tell nobody what they have; the pages': [`Error::Storage`].
    pub async fn list(
        &self,
        uri: &str,
        recursive: bool,
    ) -> Result<BoxStream<'static, Result<Vec<Listed>>>> {
        let object = self.object(uri).await?;
        object.refuse_list(uri)?;
        if recursive {
            let below = object.clone();
            let found = object.bucket.store.list(Some(&object.location));
            let pages = found.try_chunks(PAGE).map(move |page| match page {
                Ok(page) => Ok(page.iter().map(|found| below.listed(found)).collect()),
                Err(error) => Err(below.failed("list", error.1)),
            });
            return Ok(pages.boxed());
        }
        let found = object.bucket.store.list_with_delimiter(Some(&object.location)).await;
        let found = found.map_err(|error| object.failed("list", error))?;
        let nothing =
            ObjectInfo { size: 0, etag: String::new(), version: String::new(), modified: 0 };
        let folders = found.common_prefixes.iter();
        let folders = folders.map(|folder| (format!("{}/", object.below(folder)), nothing.clone()));
        let own = found.objects.iter().map(|found| object.listed(found));
        let page: Vec<Listed> = folders.chain(own).collect();
        Ok(futures::stream::once(async { Ok(page) }).boxed())
    }

    /// Removes it; what is not there is no error.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn delete(&self, uri: &str) -> Result<()> {
        let object = self.object(uri).await?;
        match object.bucket.store.delete(&object.location).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(object.failed("remove", error)),
        }
    }

    /// A URL that reads it without credentials, for a while; where none are needed, its own.
    ///
    /// # Errors
    /// [`Error::NotSupported`] for files of this machine.
    pub async fn sign(&self, uri: &str, expires: Duration, version: &str) -> Result<String> {
        let object = self.object(uri).await?;
        if !version.is_empty() {
            return Err(Error::NotSupported {
                what: format!("a signed URL of one version of `{uri}`"),
                instead: "sign the newest, without its version".to_owned(),
            });
        }
        let signer = match &object.bucket.signer {
            Some(signer) => signer,
            None if object.bucket.anonymous => return Ok(public_url(&object)),
            None => {
                return Err(Error::NotSupported {
                    what: format!("a signed URL of `{uri}`"),
                    instead: "only objects in s3://, gs:// and az:// have one".to_owned(),
                });
            }
        };
        let url = signer.signed_url(Method::GET, &object.location, expires).await;
        url.map(String::from).map_err(|error| object.failed("sign", error))
    }

    /// Whether the bucket of a URI is there, and who may look into it.
    ///
    /// # Errors
    /// What is wrong with the URI or its options.
    pub async fn status(&self, uri: &str) -> Result<BucketStatus> {
        let Some(uri) = Uri::parse(uri)? else {
            return Err(Error::InvalidArgument {
                argument: "bucket",
                given: uri.to_owned(),
                accepted: "name a bucket, as `s3://bucket`".to_owned(),
            });
        };
        let config = self.buckets.config(&uri.place());
        let without = Buckets::default();
        without.configure("", &config.without_credentials());
        let without = Self { buckets: Arc::new(without), ..self.clone() };
        let open = without.looked_into(&uri).await?;
        let Some(error) = open else {
            return Ok(BucketStatus { exists: true, access: "anonymous", error: None });
        };
        if config.anonymous() == Some(true) {
            return Ok(denied(&error));
        }
        Ok(match self.looked_into(&uri).await? {
            None => BucketStatus { exists: true, access: "authenticated", error: None },
            Some(error) => denied(&error),
        })
    }

    /// Why nobody can look into a bucket; `None` if one can.
    async fn looked_into(&self, uri: &Uri) -> Result<Option<Error>> {
        let object = self.object(&uri.with_key("").to_string()).await?;
        object.refuse_list(&uri.to_string())?;
        let first = object.bucket.store.list(None).try_next().await;
        Ok(first.err().map(|error| object.failed("list", error)))
    }

    fn object<'a>(&'a self, uri: &'a str) -> futures::future::BoxFuture<'a, Result<Object>> {
        self.find(uri).boxed()
    }

    async fn find(&self, text: &str) -> Result<Object> {
        match Uri::parse(text)? {
            Some(uri) => Ok(Object {
                bucket: self.buckets.open(&uri).await?,
                location: uri.location()?,
                shown: text.to_owned(),
            }),
            None => {
                let (bucket, location) = files::as_bucket(text)?;
                Ok(Object { bucket: Arc::new(bucket), location, shown: text.to_owned() })
            }
        }
    }
}

fn denied(error: &Error) -> BucketStatus {
    let exists = !matches!(
        error,
        Error::PathNotFound { .. } | Error::Storage { kind: StorageKind::NotFound, .. }
    );
    BucketStatus { exists, access: "denied", error: Some(error.to_string()) }
}

/// An object's own URL, where everybody may read it.
fn public_url(object: &Object) -> String {
    let (scheme, bucket) = object.bucket.place.split_once("://").unwrap_or_default();
    let key = object.location.as_ref();
    match scheme {
        "s3" => format!("https://{bucket}.s3.amazonaws.com/{key}"),
        "gs" => format!("https://storage.googleapis.com/{bucket}/{key}"),
        _ => object.shown.clone(),
    }
}

impl Wanted<'_> {
    fn options(self, range: Option<GetRange>) -> GetOptions {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let quoted = |etag: String| match etag.starts_with(['"', 'W', '*']) {
            true => etag,
            false => format!("\"{etag}\""),
        };
        GetOptions {
            range,
            // A version has one content for good.
            if_match: some(self.etag).filter(|_| self.version.is_empty()).map(quoted),
            version: some(self.version),
            ..GetOptions::default()
        }
    }
}

/// An object in its store.
#[derive(Clone, Debug)]
struct Object {
    bucket: Arc<Bucket>,
    location: Location,
    shown: String,
}

impl Object {
    fn failed(&self, action: &'static str, error: object_store::Error) -> Error {
        let known = of_bucket(action, &self.shown, &error);
        known.unwrap_or_else(|| refused(action, &self.shown, error))
    }

    fn refuse_list(&self, uri: &str) -> Result<()> {
        if self.bucket.lists_nothing() {
            return Err(Error::NotSupported {
                what: format!("a listing of `{uri}`"),
                instead: "a web server does not tell what it has; name each file".to_owned(),
            });
        }
        Ok(())
    }

    fn listed(&self, found: &ObjectMeta) -> Listed {
        (self.below(&found.location), ObjectInfo::from(found))
    }

    fn below(&self, location: &Location) -> String {
        let below = location.as_ref().strip_prefix(self.location.as_ref());
        below.unwrap_or_else(|| location.as_ref()).trim_start_matches('/').to_owned()
    }
}
