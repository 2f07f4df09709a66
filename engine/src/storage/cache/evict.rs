//! What goes: the files that were not used for longest, when there are too many or the disk is full; or all.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fs, io};

use super::{Cache, Keep, lock};
use crate::Result;
use crate::blocking::blocking;

/// A file that was used so lately may be about to be read.
const YOUNG: Duration = Duration::from_secs(180);

/// On a full disk, so much goes at least.
const LEAST_ROOM: u64 = 64 << 20;

/// What is known of the files that are kept; other processes add some too.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// Their bytes when they were counted last.
    counted: Option<u64>,
    /// What this process added since.
    added: u64,
}

/// A file that is kept.
struct Kept {
    path: PathBuf,
    name: String,
    bytes: u64,
    used: SystemTime,
}

impl Cache {
    /// A file more is kept. Blocks.
    pub(super) fn added(&self, bytes: u64) {
        let mut usage = lock(&self.usage);
        usage.added += bytes;
        let Usage { counted, added } = *usage;
        // The others may have added as much.
        let may_exceed = counted.is_none_or(|counted| counted + added > self.limit_bytes)
            || added > self.limit_bytes / 16;
        if may_exceed {
            let files = self.kept_files();
            let whole: u64 = files.iter().map(|file| file.bytes).sum();
            let too_many = whole.saturating_sub(self.limit_bytes);
            // A little more, so that the next file is not one too many again.
            let goal = if too_many > 0 { too_many + self.limit_bytes / 10 } else { 0 };
            let gone = self.evict(files, goal);
            *usage = Usage { counted: Some(whole - gone), added: 0 };
        }
    }

    /// The disk is full: files that nobody needs now go. Whether any did. Blocks.
    pub(super) fn make_room(&self, bytes: u64) -> bool {
        self.evict(self.kept_files(), bytes.max(LEAST_ROOM)) > 0
    }

    /// Removes all that is kept, and what processes that died left; how many files, and their bytes.
    pub(crate) async fn clear(self: &Arc<Self>) -> Result<(u64, u64)> {
        self.sweep().await;
        let cache = Arc::clone(self);
        let removed = blocking(move || {
            let (mut files, mut bytes) = (0, 0);
            for file in cache.kept_files() {
                match cache.disk.remove(&file.path, file.bytes) {
                    Ok(()) => (files, bytes) = (files + 1, bytes + file.bytes),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            *lock(&cache.usage) = Usage::default();
            Ok((files, bytes))
        });
        removed.await.map_err(|error| self.refused("clear", error))
    }

    /// Removes the files that were used longest ago, until so many bytes are gone; how many are.
    fn evict(&self, mut files: Vec<Kept>, goal: u64) -> u64 {
        let now = SystemTime::now();
        let is_old = |file: &Kept| now.duration_since(file.used).is_ok_and(|age| age >= YOUNG);
        files.retain(is_old);
        files.sort_unstable_by_key(|file| file.used);
        let mut gone = 0;
        for file in files {
            if gone >= goal {
                break;
            }
            let is_pinned = self.pins().contains_key(&(file.name.clone(), Keep::Yes));
            if !is_pinned && self.disk.remove(&file.path, file.bytes).is_ok() {
                gone += file.bytes;
            }
        }
        gone
    }

    /// What cannot be looked at does not count.
    fn kept_files(&self) -> Vec<Kept> {
        let mut files = Vec::new();
        for folder in entries(&self.folder) {
            let start = folder.file_name().to_string_lossy().into_owned();
            if start.len() != 2 {
                continue;
            }
            for file in entries(&folder.path()) {
                let Ok(found) = file.metadata() else { continue };
                let Ok(used) = found.modified() else { continue };
                let name = format!("{start}{}", file.file_name().to_string_lossy());
                files.push(Kept { path: file.path(), name, bytes: found.len(), used });
            }
        }
        files
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = fs::DirEntry> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten()
}
