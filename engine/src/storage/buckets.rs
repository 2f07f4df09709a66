//! [`Buckets`]: the one registry of users' object stores. A bucket is opened once, with the options that were given
//! for it; sources, files, roots and Lance all get the same store.

mod azure;
mod gcs;
mod http;
mod hugging_face;
mod keys;
mod options;
mod probe;
mod profile;
mod s3;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use object_store::list::PaginatedListStore;
use object_store::memory::InMemory;
use object_store::signer::Signer;
use object_store::{ClientOptions, HeaderValue, ObjectStore, RetryConfig};
use rustls::crypto::ring::default_provider;

use super::uri::{Scheme, Uri};
use crate::Result;
use crate::environment::variable;
use crate::error::refused;

pub(super) use hugging_face::repository;
pub use options::ClientConfig;

/// A server that says nothing for so long is asked again.
const SILENCE: Duration = Duration::from_secs(30);

/// A server that cannot be reached for so long is tried again.
const CONNECT: Duration = Duration::from_secs(10);

/// A bucket and all that its store can do.
#[derive(Clone)]
pub(crate) struct Bucket {
    /// `s3://name`
    pub(crate) place: String,
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Lists from a key on, and by beginnings of names.
    pub(crate) pages: Option<Arc<dyn PaginatedListStore>>,
    /// Makes URLs that work without credentials for a while; none where no credentials are needed.
    pub(crate) signer: Option<Arc<dyn Signer>>,
    /// Whether requests carry no credentials.
    pub(crate) anonymous: bool,
}

impl Bucket {
    fn of<S>(uri: &Uri, store: S, anonymous: bool) -> Self
    where
        S: ObjectStore + PaginatedListStore + Signer,
    {
        let store = Arc::new(store);
        Self {
            place: uri.place(),
            pages: Some(Arc::clone(&store) as _),
            signer: (!anonymous).then(|| Arc::clone(&store) as _),
            store,
            anonymous,
        }
    }

    /// Whether there are only single objects in it: such servers tell nobody what they have.
    pub(crate) fn lists_nothing(&self) -> bool {
        self.place.starts_with("http")
    }

    /// A bucket of which no more is known than that it is a store.
    pub(crate) fn plain(place: String, store: Arc<dyn ObjectStore>) -> Self {
        Self { place, store, pages: None, signer: None, anonymous: false }
    }
}

impl fmt::Debug for Bucket {
    // A store's own text may hold what it is opened with.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("place", &self.place).finish_non_exhaustive()
    }
}

/// All buckets of a session.
#[derive(Debug, Default)]
pub(crate) struct Buckets(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By place; the empty one is for all.
    given: BTreeMap<String, ClientConfig>,
    open: HashMap<String, Arc<Bucket>>,
}

impl Buckets {
    /// Takes these options for a place, `s3://bucket` or all (empty), beside those that it has; what is open with
    /// others is opened again.
    pub(crate) fn configure(&self, place: &str, config: &ClientConfig) {
        let mut state = self.state();
        let known = state.given.entry(place.to_owned()).or_default();
        let merged = known.with(config);
        if *known == merged {
            return;
        }
        *known = merged;
        state.open.retain(|open, _| !place.is_empty() && open != place);
    }

    /// The options for a place.
    pub(crate) fn config(&self, place: &str) -> ClientConfig {
        let state = self.state();
        let of = |place: &str| state.given.get(place).cloned().unwrap_or_default();
        of("").with(&of(place))
    }

    /// All options by place, for another process of ours.
    pub(crate) fn configs(&self) -> BTreeMap<String, ClientConfig> {
        self.state().given.clone()
    }

    /// On which server and in which account a bucket is, as far as somebody said so: elsewhere its name is another's.
    pub(crate) fn server(&self, uri: &Uri) -> String {
        let config = self.config(&uri.place());
        let said = |name: &str, variables: &[&str]| {
            let known = config.get(name).map(str::to_owned);
            known.or_else(|| variables.iter().find_map(|name| variable(name))).unwrap_or_default()
        };
        match uri.scheme {
            Scheme::S3 => {
                said("endpoint", &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"])
            }
            Scheme::Gs => said("endpoint", &["STORAGE_EMULATOR_HOST"]),
            Scheme::Az => {
                said("account_name", &["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"])
            }
            Scheme::Hf => said("endpoint", &["HF_ENDPOINT"]),
            Scheme::Http | Scheme::Https | Scheme::Memory => String::new(),
        }
    }

    /// Puts a store where the bucket would be.
    #[cfg(test)]
    pub(crate) fn insert(&self, bucket: Bucket) {
        self.state().open.insert(bucket.place.clone(), Arc::new(bucket));
    }

    /// The bucket that a URI names.
    pub(crate) async fn open(&self, uri: &Uri) -> Result<Arc<Bucket>> {
        let place = uri.place();
        if let Some(bucket) = self.state().open.get(&place) {
            return Ok(Arc::clone(bucket));
        }
        let bucket = Arc::new(open(uri, &self.config(&place)).await?);
        // Whoever was first: all are to share its connections.
        Ok(Arc::clone(self.state().open.entry(place).or_insert(bucket)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a bucket; nothing is asked of it.
async fn open(uri: &Uri, config: &ClientConfig) -> Result<Bucket> {
    secured();
    match uri.scheme {
        Scheme::S3 => s3::open(uri, config).await,
        Scheme::Gs => gcs::open(uri, config).await,
        Scheme::Az => azure::open(uri, config).await,
        Scheme::Http | Scheme::Https => http::open(uri, config),
        Scheme::Hf => hugging_face::open(uri, config).await,
        Scheme::Memory => Ok(Bucket::plain(uri.place(), Arc::new(InMemory::new()))),
    }
}

/// Says once for this process which library encrypts connections.
fn secured() {
    static ONCE: Once = Once::new();
    // An error says that somebody chose one before, which is as good.
    ONCE.call_once(|| drop(default_provider().install_default()));
}

/// How connections behave: as long as bytes come, an answer may take as long as it likes.
fn client(config: &ClientConfig) -> ClientOptions {
    let options = ClientOptions::new()
        .with_timeout_disabled()
        .with_read_timeout(config.seconds("read_timeout").unwrap_or(SILENCE))
        .with_connect_timeout(config.seconds("connect_timeout").unwrap_or(CONNECT))
        .with_allow_http(true);
    match HeaderValue::from_str(concat!("lakebed/", env!("CARGO_PKG_VERSION"))) {
        Ok(agent) => options.with_user_agent(agent),
        Err(_) => options,
    }
}

/// How often a request is repeated that failed by chance, with growing pauses.
fn retries(config: &ClientConfig) -> RetryConfig {
    let default = RetryConfig::default();
    RetryConfig {
        max_retries: config.number("max_retries").unwrap_or(default.max_retries),
        ..default
    }
}

/// The error of options that do not fit together.
fn unusable(uri: &Uri, error: object_store::Error) -> crate::Error {
    refused("open", uri.place(), error)
}
