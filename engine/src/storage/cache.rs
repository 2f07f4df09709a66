//! [`Cache`]: objects of users' buckets as files of this machine, shared by all processes that use its folder.
//!
//! A file is named by what its object is known by, appears whole or not at all, and is never written again. Those that
//! are kept are in folders of two letters; others in a folder of the process that fetched them, which goes with it.

mod area;
mod disk;
mod download;
mod evict;
mod key;
mod options;
mod spill;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::OnceCell;

use crate::error::refused;
use crate::{Error, Result};
use area::Area;
use disk::Disk;
use evict::Usage;

pub(crate) use download::{Coming, Request};
pub(crate) use key::ObjectKey;
pub use options::CacheOptions;

/// When a file was used last is written down this often.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// Downloads that nobody waits for any more are forgotten when there are more.
const MOST_FORGOTTEN: usize = 64;

/// Whether a file stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Keep {
    /// Until there are too many.
    Yes,
    /// Until nobody holds a [`Pin`].
    No,
}

/// A download that all who want its object wait for. It ends when none of them waits any more.
type Downloading = BoxFuture<'static, Result<String, Arc<Error>>>;

/// The same for all who wait for it.
type Download = Shared<Downloading>;

/// A file's name, and whether it is to stay.
type Slot = (String, Keep);

/// The files of one folder.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    limit_bytes: u64,
    /// The name of this process's own folder.
    own: String,
    /// That of the process that started this one.
    parents: Option<String>,
    area: OnceCell<Area>,
    under_way: Mutex<HashMap<Slot, WeakShared<Downloading>>>,
    pins: Mutex<HashMap<Slot, usize>>,
    usage: Mutex<Usage>,
    disk: Disk,
}

impl Cache {
    pub(crate) fn new(options: CacheOptions) -> Self {
        let CacheOptions { folder, limit_bytes, parents } = options;
        Self {
            folder: folder.into(),
            limit_bytes,
            own: area::new_name(),
            parents,
            area: OnceCell::new(),
            under_way: Mutex::default(),
            pins: Mutex::default(),
            usage: Mutex::default(),
            disk: Disk::default(),
        }
    }

    /// The same files, for a process that this one starts.
    pub(crate) fn options(&self) -> CacheOptions {
        CacheOptions {
            folder: self.folder.to_string_lossy().into_owned(),
            limit_bytes: self.limit_bytes,
            parents: Some(self.own.clone()),
        }
    }

    /// The object's file, if it is there; its use is noted.
    pub(crate) fn used(&self, key: &ObjectKey) -> Option<String> {
        let path = self.find(key)?;
        note_use(&path);
        Some(shown(&path))
    }

    /// The object's file, after a download if need be. Those who want it at the same time share one.
    ///
    /// # Errors
    /// The request's; [`Error::FileChanged`] when the object has another size; [`Error::Storage`], also when the disk is
    /// full.
    pub(crate) async fn fetch(
        self: &Arc<Self>,
        key: &ObjectKey,
        keep: Keep,
        request: Request,
    ) -> Result<String> {
        if let Some(path) = self.find(key) {
            return Ok(shown(&path));
        }
        let download = self.download(key, keep, request);
        download.await.map_err(|error| error.without_source())
    }

    /// Keeps the object's file, once it is there, until the pin is dropped.
    pub(crate) fn pin(self: &Arc<Self>, key: &ObjectKey, keep: Keep) -> Pin {
        let slot = (key.name().to_owned(), keep);
        *self.pins().entry(slot.clone()).or_default() += 1;
        Pin { cache: Arc::clone(self), slot }
    }

    fn find(&self, key: &ObjectKey) -> Option<PathBuf> {
        if !key.is_fixed() {
            return None;
        }
        let of = |area: &String| self.folder.join(area).join(key.name());
        let elsewhere = [Some(&self.own), self.parents.as_ref()].into_iter().flatten().map(of);
        let mut places = [self.kept_path(key.name())].into_iter().chain(elsewhere);
        places.find(|path| fs::metadata(path).is_ok_and(|found| key.fits(found.len())))
    }

    fn download(self: &Arc<Self>, key: &ObjectKey, keep: Keep, request: Request) -> Download {
        let slot = (key.name().to_owned(), keep);
        let mut under_way = lock(&self.under_way);
        if let Some(download) = under_way.get(&slot).and_then(WeakShared::upgrade) {
            return download;
        }
        let (cache, key, done) = (Arc::clone(self), key.clone(), slot.clone());
        let download = async move {
            let outcome = download::run(&cache, &key, keep, request).await;
            lock(&cache.under_way).remove(&done);
            outcome.map_err(Arc::new)
        };
        let download = download.boxed().shared();
        if under_way.len() > MOST_FORGOTTEN {
            under_way.retain(|_, download| download.upgrade().is_some());
        }
        if let Some(weak) = download.downgrade() {
            under_way.insert(slot, weak);
        }
        download
    }

    /// This process's own folder.
    async fn area(&self) -> Result<&Area> {
        let enter = || async { Area::enter(&self.folder, &self.own).await };
        let area = self.area.get_or_try_init(enter).await;
        area.map_err(|error| self.refused("create", error))
    }

    fn kept_path(&self, name: &str) -> PathBuf {
        let (start, rest) = name.split_at(2);
        self.folder.join(start).join(rest)
    }

    fn path(&self, (name, keep): &Slot) -> PathBuf {
        match keep {
            Keep::Yes => self.kept_path(name),
            Keep::No => self.folder.join(&self.own).join(name),
        }
    }

    fn refused(&self, action: &'static str, error: io::Error) -> Error {
        refused(action, self.folder.display(), error)
    }

    fn pins(&self) -> MutexGuard<'_, HashMap<Slot, usize>> {
        lock(&self.pins)
    }
}

/// Keeps a file until it is dropped.
#[derive(Debug)]
pub(crate) struct Pin {
    cache: Arc<Cache>,
    slot: Slot,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.cache.pins();
        let left = pins.get_mut(&self.slot).map_or(0, |count| {
            *count -= 1;
            *count
        });
        if left > 0 {
            return;
        }
        pins.remove(&self.slot);
        if self.slot.1 == Keep::No {
            // It may never have come.
            drop(fs::remove_file(self.cache.path(&self.slot)));
        }
    }
}

/// Whether anybody asked for a fetched file; false when it is gone.
pub(crate) fn was_used(path: &str) -> bool {
    fs::metadata(path).is_ok_and(|found| found.mtime_nsec() != 0)
}

/// The time of a file that nobody used yet: whole seconds. So every process sees what it was fetched for.
fn unused(now: SystemTime) -> SystemTime {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

fn note_use(path: &Path) {
    let Ok(found) = fs::metadata(path) else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let before = u64::try_from(found.mtime()).map_or(now, Duration::from_secs);
    if found.mtime_nsec() != 0 && now.saturating_sub(before) < NOTED_EVERY {
        return;
    }
    let now = UNIX_EPOCH + Duration::new(now.as_secs(), now.subsec_nanos().max(1_000_000));
    // Another user's files say nothing about us.
    drop(fs::File::open(path).and_then(|file| file.set_modified(now)));
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
