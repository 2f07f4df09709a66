//! Files of this machine that users name. They are not ours: they are looked at and read.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use walkdir::{DirEntry, WalkDir};

/// A file, as far as the file system tells without a look into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    pub(crate) bytes: u64,
    /// When it says that it was written, in seconds since 1970 and nanoseconds.
    pub(crate) modified: (i64, i64),
    /// When anything about it changed: whoever sets its time back cannot set this.
    pub(crate) changed: (i64, i64),
    pub(crate) inode: u64,
}

impl FileState {
    pub(crate) fn of(path: &str) -> io::Result<Self> {
        fs::metadata(path).map(|found| Self::from(&found))
    }

    /// Time since 1970 at which it was written, zero for earlier ones.
    pub(crate) fn modified_since_epoch(&self) -> Duration {
        let (seconds, nanos) = self.modified;
        match (u64::try_from(seconds), u32::try_from(nanos)) {
            (Ok(seconds), Ok(nanos)) => Duration::new(seconds, nanos),
            _ => Duration::ZERO,
        }
    }
}

impl From<&Metadata> for FileState {
    fn from(found: &Metadata) -> Self {
        Self {
            bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            inode: found.ino(),
        }
    }
}

/// What is at a path.
pub(crate) enum Found {
    File(FileState),
    Folder,
    /// A pipe, a device.
    Other,
}

/// Looks at a path, through links.
pub(crate) fn look(path: &Path) -> io::Result<Found> {
    let found = path.metadata()?;
    Ok(match (found.is_file(), found.is_dir()) {
        (true, _) => Found::File(FileState::from(&found)),
        (_, true) => Found::Folder,
        _ => Found::Other,
    })
}

/// Whether something is there.
pub(crate) fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

/// Whether a file is there.
pub(crate) fn is_file(path: &str) -> bool {
    Path::new(path).is_file()
}

/// Whether a folder is there.
pub(crate) fn is_folder(path: &str) -> bool {
    Path::new(path).is_dir()
}

/// The folder that `~` stands for.
pub(crate) fn home() -> Option<String> {
    std::env::home_dir()?.into_os_string().into_string().ok()
}

/// A path that starts with `~`, as shells read it; `./~` is a file of that name.
pub(crate) fn below_home(path: &str) -> Option<String> {
    let rest = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    Some(format!("{}{rest}", home()?))
}

/// The path from the top.
pub(crate) fn absolute(path: &str) -> io::Result<Box<Path>> {
    std::path::absolute(path).map(Into::into)
}

/// A file below a folder.
pub(crate) struct Below(DirEntry);

impl Below {
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn state(&self) -> io::Result<FileState> {
        Ok(FileState::from(&self.0.metadata()?))
    }
}

/// A folder that could not be looked into.
pub(crate) struct Closed {
    pub(crate) path: Option<String>,
    pub(crate) error: io::Error,
}

/// The files below a folder, by name, through links; of its own only, or at any depth. A link to nowhere or to a folder
/// above is none.
pub(crate) fn below(
    folder: &Path,
    recursive: bool,
) -> impl Iterator<Item = Result<Below, Closed>> + use<> {
    let depth = if recursive { usize::MAX } else { 1 };
    let walk = WalkDir::new(folder).follow_links(true).sort_by_file_name().max_depth(depth);
    walk.into_iter().filter_map(|entry| match entry {
        Ok(entry) => entry.file_type().is_file().then_some(Ok(Below(entry))),
        Err(error) if leads_nowhere(&error) => None,
        Err(error) => {
            let path = error.path().map(|path| path.display().to_string());
            Some(Err(Closed { path, error: error.into() }))
        }
    })
}

fn leads_nowhere(error: &walkdir::Error) -> bool {
    let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    error.loop_ancestor().is_some() || error.io_error().is_some_and(is_gone)
}
