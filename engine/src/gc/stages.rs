//! Kept results of functions that nobody used for a while.

use std::io;

use super::files::{Size, stage_folders};
use super::{Collector, Found, IN_USE};
use crate::folder::FolderLock;

const KEPT: &str = "no run used it for the time to live";

impl Collector<'_> {
    /// A run that uses a stage holds its folder, however long its function takes.
    pub(super) fn stages(&mut self) {
        for location in stage_folders(self.session.root()) {
            let folder = self.session.root().join(&location);
            let found = Found { title: location, folder, records: Vec::new() };
            match FolderLock::try_alone(&found.folder) {
                Ok(Some(_lock)) => self.remove_if_old(&found, self.options.results_ttl, KEPT),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Ok(None) | Err(_) => self.keep(&found, IN_USE, Size::of(&found.folder)),
            }
        }
    }
}
