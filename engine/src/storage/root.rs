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
use percent_encoding::percent_decode_str;

use super::presence::{Flock, Presence, Table};
use super::temporary::Temporary;
use super::{Location, files};
use crate::blocking::blocking;
use crate::error::refused;
use crate::{Error, Result};

/// The place that a URL names, by what follows its scheme.
type Open = fn(&str) -> Result<Place>;

/// How the URLs of roots begin, and what they are.
const SCHEMES: [(&str, Open); 2] = [("file", folder), ("memory", memory)];

/// The place of catalog and data: a folder of this machine, or this process's memory. Copies are the same place.
#[derive(Clone, Debug)]
pub struct Root(Arc<Place>);

#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    /// A folder that goes with the last copy of its root.
    Temporary(Temporary),
    Memory(Memory),
}

#[derive(Debug, Default)]
struct Memory {
    store: Arc<InMemory>,
    presence: Table,
    catalog: Arc<MemoryCatalog>,
}

impl Root {
    /// A local path, `file://…`, or `memory://`, which nothing else has.
    ///
    /// # Errors
    /// [`Error::NotSupported`] for URLs of other schemes.
    pub fn parse(text: &str) -> Result<Self> {
        let place = match text.split_once("://") {
            None => {
                Place::Folder(PathBuf::from(files::below_home(text).as_deref().unwrap_or(text)))
            }
            Some((scheme, rest)) => match SCHEMES.iter().find(|(known, _)| is(known, scheme)) {
                Some((_, open)) => open(rest)?,
                None => {
                    return Err(Error::NotSupported {
                        what: format!("a root in `{scheme}://`"),
                        instead: "give a local folder".to_owned(),
                    });
                }
            },
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
            Place::Memory(_) => None,
        }
    }

    /// The catalog of a root that keeps nothing; `None` where it is in a file.
    pub(crate) fn catalog(&self) -> Option<Arc<MemoryCatalog>> {
        match &*self.0 {
            Place::Folder(_) => None,
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

    /// The store below the root, which is made if it can be, and how presence is told there.
    pub(super) async fn open(&self) -> Result<(Arc<dyn ObjectStore>, Arc<dyn Presence>)> {
        if let Place::Memory(memory) = &*self.0 {
            return Ok((Arc::clone(&memory.store) as _, Arc::new(memory.presence.clone())));
        }
        let folder = self.folder().unwrap_or_else(|| Path::new("")).to_owned();
        let made = folder.clone();
        let made = blocking(move || fs::create_dir_all(&made)).await;
        made.map_err(|error| refused("create", self, error))?;
        let store = LocalFileSystem::new_with_prefix(&folder);
        let store = store.map_err(|error| refused("use", self, error))?;
        Ok((Arc::new(store), Arc::new(Flock(folder))))
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.folder() {
            Some(folder) => write!(f, "{}", folder.display()),
            None => f.write_str("memory:///"),
        }
    }
}

fn is(known: &str, scheme: &str) -> bool {
    known.eq_ignore_ascii_case(scheme)
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
