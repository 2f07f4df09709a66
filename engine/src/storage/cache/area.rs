//! [`Area`]: the folder in a cache that one process has for itself. What a process that died left is removed by the
//! next.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io, process};

use udf_runtime::OwnedByProcess;

use crate::blocking::blocking;
use crate::storage::local::remove_folder;
use crate::storage::presence::{Entered, Flock, Presence};
use crate::storage::{Location, files};

/// How the names of such folders begin.
const PREFIX: &str = "run-";

/// A name that no other process has, nor another cache of this one.
pub(super) fn new_name() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{PREFIX}{}-{:x}-{number}", process::id(), since.as_nanos())
}

/// The folder, which goes when it is dropped.
#[derive(Debug)]
pub(super) struct Area {
    path: OwnedByProcess<PathBuf>,
    _present: Entered,
}

impl Area {
    /// Makes the folder, and removes those of processes that died.
    pub(super) async fn enter(cache: &Path, name: &str) -> io::Result<Self> {
        // The lock needs a path that stays the same wherever the process goes.
        let cache = files::absolute(&cache.to_string_lossy())?.into_path_buf();
        let present = Flock(cache.clone()).share(&Location::from(name)).await?;
        sweep(&cache, name).await;
        let path = OwnedByProcess::new(cache.join(name), |path| drop(remove_folder(path)));
        Ok(Self { path, _present: present })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Removes the folders of processes that died; what cannot be removed is in nobody's way.
pub(super) async fn sweep(cache: &Path, own: &str) {
    let folder = cache.to_owned();
    let Ok(names) = blocking(move || names(&folder)).await else { return };
    for name in names.into_iter().filter(|name| name != own) {
        let alone = Flock(cache.to_owned()).try_alone(&Location::from(name.as_str())).await;
        if let Ok(Some(_alone)) = alone {
            let path = cache.join(&name);
            drop(blocking(move || remove_folder(&path)).await);
        }
    }
}

fn names(cache: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(cache)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(PREFIX) {
            names.push(name);
        }
    }
    Ok(names)
}
