//! [`CacheOptions`]: where fetched files are kept, and how many.

use serde::{Deserialize, Serialize};

use crate::storage::{Root, files};

/// How many bytes there may be unless somebody says otherwise; on a smaller disk there is room for less.
const LIMIT_BYTES: u64 = 50 << 30;

/// Where fetched files are kept, and how many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheOptions {
    /// A folder of this machine.
    pub folder: String,
    /// How many bytes they may have together; when there are more, those go that were not used for longest.
    pub limit_bytes: u64,
    /// The folder in it with the files of the process that started this one.
    pub(crate) parents: Option<String>,
}

impl CacheOptions {
    /// Files in a folder.
    #[must_use]
    pub fn at(folder: impl Into<String>) -> Self {
        Self { folder: folder.into(), limit_bytes: LIMIT_BYTES, parents: None }
    }

    /// Beside the data where that is in a folder of this machine, else in `caches`, where the user's programs have
    /// theirs.
    pub(crate) fn beside(root: &Root, caches: Option<String>) -> Self {
        let home = || files::home().map(|home| format!("{home}/.cache"));
        match root.folder() {
            Some(folder) => Self::at(folder.join("cache").to_string_lossy()),
            None => {
                let caches = caches.or_else(home).unwrap_or_else(|| ".cache".to_owned());
                Self::at(format!("{caches}/lakebed/files"))
            }
        }
    }
}
