//! [`Root`]: where catalog and data are, and which stores there are.

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::MemoryCatalog;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::prefix::PrefixStore;
use percent_encoding::percent_decode_str;

use super::buckets::Buckets;
use super::presence::{Flock, Lease, Presence, Table};
use super::temporary::Temporary;
use super::uri::{Scheme, Uri};
use super::{Location, files};
use crate::blocking::blocking;
use crate::error::refused;
use crate::{Error, Result};

/// Where leases are below a root in a bucket.
const LEASES: &str = "presence";

/// The place of catalog and data: a folder of this machine, a bucket, or this process's memory. Copies are the same place.
#[derive(Clone, Debug)]
pub struct Root(Arc<Place>);

#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    /// A folder that goes with the last copy of its root.
    Temporary(Temporary),
    Memory(Memory),
    /// A bucket, and a folder in it.
    Bucket(Uri),
}

/// What is below a root.
pub(crate) struct Opened {
    /// All that is below the root.
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) presence: Arc<dyn Presence>,
    /// The whole store, whose other parts are not ours; none on a local disk.
    pub(super) whole: Option<Arc<dyn ObjectStore>>,
}

#[derive(Debug, Default)]
struct Memory {
    store: Arc<InMemory>,
    presence: Table,
    catalog: Arc<MemoryCatalog>,
}

impl Root {
    /// A local path, `file://…`, a folder in a bucket, as `s3://bucket/lake`, or `memory://`, which nothing else has.
    ///
    /// # Errors
    /// [`Error::NotSupported`] for URLs of other schemes, and for web servers, on which nobody can write.
    pub fn parse(text: &str) -> Result<Self> {
        let place = match text.split_once("://") {
            None => {
                drop(Uri::parse(text)?);
                Place::Folder(PathBuf::from(files::below_home(text).as_deref().unwrap_or(text)))
            }
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => folder(rest)?,
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("memory") => memory(rest)?,
            Some(_) => bucket(text)?,
        };
        Self::at(place)
    }

    /// A folder of this machine.
    ///
    /// # Errors
    /// [`Error::Storage`] when there is no current folder, in which a relative path would be.
    pub fn folder_at(path: impl Into<PathBuf>) -> Result<Self> {
        Self::at(Place::Folder(path.into()))
    }

    /// A folder of this machine that goes with the last copy of its root; its catalog is in memory.
    ///
    /// # Errors
    /// [`Error::Storage`] when no folder can be made.
    pub fn temporary() -> Result<Self> {
        let folder = Temporary::try_new();
        let folder = folder.map_err(|error| refused("create", "a temporary folder", error))?;
        Self::at(Place::Temporary(folder))
    }

    /// This process's memory; what is there goes with the last copy of its root.
    #[must_use]
    pub fn memory() -> Self {
        Self(Arc::new(Place::Memory(Memory::default())))
    }

    fn at(place: Place) -> Result<Self> {
        let place = match place {
            Place::Folder(path) => {
                let absolute = std::path::absolute(&path);
                Place::Folder(absolute.map_err(|error| refused("use", path.display(), error))?)
            }
            place => place,
        };
        Ok(Self(Arc::new(place)))
    }

    /// The folder, where the root is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &*self.0 {
            Place::Folder(folder) => Some(folder),
            Place::Temporary(folder) => Some(folder.path()),
            Place::Memory(_) | Place::Bucket(_) => None,
        }
    }

    /// The catalog of a root that keeps nothing; `None` where it is kept.
    pub(crate) fn catalog(&self) -> Option<Arc<MemoryCatalog>> {
        match &*self.0 {
            Place::Folder(_) | Place::Bucket(_) => None,
            Place::Temporary(_) => Some(Arc::default()),
            Place::Memory(memory) => Some(Arc::clone(&memory.catalog)),
        }
    }

    /// A location below the root, as users and Lance name it.
    pub(crate) fn join(&self, location: &Location) -> String {
        match self.folder() {
            Some(folder) => folder.join(location.as_ref()).to_string_lossy().into_owned(),
            None => format!("{self}{location}"),
        }
    }

    /// The bucket, and the folder in it, where the root is one.
    pub(crate) fn bucket(&self) -> Option<&Uri> {
        match &*self.0 {
            Place::Bucket(uri) => Some(uri),
            _ => None,
        }
    }

    /// The store below the root, which is made if it can be, and how presence is told there.
    pub(super) async fn open(&self, buckets: &Buckets) -> Result<Opened> {
        match &*self.0 {
            Place::Memory(memory) => {
                let store: Arc<dyn ObjectStore> = Arc::clone(&memory.store) as _;
                let presence = Arc::new(memory.presence.clone());
                Ok(Opened { whole: Some(Arc::clone(&store)), store, presence })
            }
            Place::Bucket(uri) => {
                let whole = Arc::clone(&buckets.open(uri).await?.store);
                let store: Arc<dyn ObjectStore> =
                    Arc::new(PrefixStore::new(Arc::clone(&whole), uri.location()?));
                let presence = Arc::new(Lease::new(Arc::clone(&store), Location::from(LEASES)));
                Ok(Opened { store, presence, whole: Some(whole) })
            }
            Place::Folder(folder) => self.open_folder(folder).await,
            Place::Temporary(folder) => self.open_folder(folder.path()).await,
        }
    }

    async fn open_folder(&self, folder: &Path) -> Result<Opened> {
        let made = folder.to_owned();
        let made = blocking(move || fs::create_dir_all(&made)).await;
        made.map_err(|error| refused("create", self, error))?;
        let store = LocalFileSystem::new_with_prefix(folder);
        let store = Arc::new(store.map_err(|error| refused("use", self, error))?);
        Ok(Opened { store, presence: Arc::new(Flock(folder.to_owned())), whole: None })
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Place::Folder(folder) => write!(f, "{}", folder.display()),
            Place::Temporary(folder) => write!(f, "{}", folder.path().display()),
            Place::Memory(_) => f.write_str("memory:///"),
            Place::Bucket(uri) => write!(f, "{uri}"),
        }
    }
}

/// The folder's key ends with `/`, also where it is the whole bucket.
fn bucket(text: &str) -> Result<Place> {
    let refused = |accepted: &str| Error::InvalidArgument {
        argument: "root",
        given: text.to_owned(),
        accepted: accepted.to_owned(),
    };
    let Some(uri) = Uri::parse(text)? else { return Err(refused("name a folder of a bucket")) };
    if matches!(uri.scheme, Scheme::Http | Scheme::Https | Scheme::Hf) {
        return Err(Error::NotSupported {
            what: format!("a root that can only be read (`{text}`)"),
            instead: "give a local folder, or one in s3://, gs:// or az://".to_owned(),
        });
    }
    let key = uri.key.trim_end_matches('/');
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_-.=".contains(c);
    if !key.chars().all(is_plain) {
        return Err(refused("the names of its folders have letters, digits, `_`, `-`, `.`, `=`"));
    }
    let key = if key.is_empty() { String::new() } else { format!("{key}/") };
    drop(uri.with_key(key.trim_end_matches('/')).location()?);
    Ok(Place::Bucket(uri.with_key(key)))
}

fn folder(rest: &str) -> Result<Place> {
    let path = rest.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(Error::InvalidArgument {
            argument: "root",
            given: format!("file://{rest}"),
            accepted: "it names another machine; a folder of this one is `file:///folder`"
                .to_owned(),
        });
    }
    let path = percent_decode_str(path).decode_utf8().map_err(|error| Error::InvalidArgument {
        argument: "root",
        given: format!("file://{rest}"),
        accepted: format!("its escapes must be UTF-8: {error}"),
    })?;
    Ok(Place::Folder(PathBuf::from(Cow::into_owned(path))))
}

fn memory(rest: &str) -> Result<Place> {
    if rest.is_empty() {
        return Ok(Place::Memory(Memory::default()));
    }
    Err(Error::InvalidArgument {
        argument: "root",
        given: format!("memory://{rest}"),
        accepted: "memory has no name: `memory://`".to_owned(),
    })
}
