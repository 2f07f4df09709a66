//! How much there is below a folder, and how old it is.

use std::time::SystemTime;

use crate::Result;
use crate::storage::{Entry, Location, Storage};

/// How much there is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl Size {
    /// One more file.
    pub(super) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// All that is below a folder.
pub(super) struct Files(Vec<Entry>);

impl Files {
    pub(super) async fn below(storage: &Storage, folder: &Location) -> Result<Self> {
        let found = storage.list(folder).await?;
        storage.own_bytes(found).await.map(Self)
    }

    pub(super) fn size(&self) -> Size {
        let mut size = Size::default();
        self.0.iter().for_each(|entry| size.add(entry.bytes));
        size
    }

    /// When something changed last.
    pub(super) fn newest(&self) -> Option<SystemTime> {
        self.0.iter().map(|entry| entry.modified).max()
    }

    /// The files in one of the folders, without those in folders of it.
    pub(super) fn directly_in(&self, folder: &Location) -> impl Iterator<Item = &Entry> {
        let is_in = move |entry: &&Entry| {
            entry.location.prefix_match(folder).is_some_and(|steps| steps.count() == 1)
        };
        self.0.iter().filter(is_in)
    }

    /// Whether something is below one of the folders.
    pub(super) fn has(&self, folder: &Location) -> bool {
        self.0.iter().any(|entry| entry.location.prefix_matches(folder))
    }
}
