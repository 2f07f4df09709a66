//! Files of this machine that users name. They are not ours: they are looked at and read.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZero;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use tempfile::TempPath;
use walkdir::{DirEntry, WalkDir};

use super::Bucket;
use super::scratch;
use crate::blocking::blocking;
use crate::error::refused;
use crate::{Error, Result};

/// Fewer files are not worth another thread.
const LOOKED_AT_BY_ONE: usize = 256;

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

/// The first line of a file, if it has one.
pub(crate) fn line_of(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.lines().next()?.trim().to_owned()).filter(|line| !line.is_empty())
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

/// The path from the top that a path or `file://` URI names.
pub(crate) fn absolute_of(text: &str) -> Result<Box<Path>> {
    let path = text.strip_prefix("file://").unwrap_or(text);
    let path = below_home(path).unwrap_or_else(|| path.to_owned());
    absolute(&path).map_err(|error| refused("find", text, error))
}

/// This machine as a bucket, and a path or `file://` URI as a location in it.
pub(crate) fn as_bucket(text: &str) -> Result<(Bucket, Location)> {
    let path = absolute_of(text)?;
    let location = Location::from_absolute_path(&path).map_err(|error| Error::InvalidArgument {
        argument: "path",
        given: text.to_owned(),
        accepted: error.to_string(),
    })?;
    let store = Arc::new(LocalFileSystem::new());
    Ok((Bucket::plain("file://".to_owned(), store), location))
}

/// A file that is read on a thread that may wait.
pub(crate) struct Reading(File);

impl Reading {
    /// From a byte of it on.
    pub(crate) fn open(path: &str, start: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        if start > 0 {
            file.seek(SeekFrom::Start(start))?;
        }
        Ok(Self(file))
    }

    /// The next bytes, at most so many; none at the end.
    pub(crate) fn next(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(most);
        Read::by_ref(&mut self.0).take(most as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// A file that is read piece by piece.
pub(crate) struct Pieces(Option<Reading>);

impl Pieces {
    pub(crate) async fn open(path: &str) -> io::Result<Self> {
        let path = path.to_owned();
        blocking(move || Reading::open(&path, 0).map(|file| Self(Some(file)))).await
    }

    /// The next bytes, at most so many; `None` at the end.
    pub(crate) async fn next(&mut self, most: usize) -> io::Result<Option<Vec<u8>>> {
        let Some(mut file) = self.0.take() else { return Ok(None) };
        let read = blocking(move || {
            let bytes = file.next(most)?;
            Ok::<_, io::Error>((file, bytes))
        });
        let (file, bytes) = read.await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.0 = Some(file);
        Ok(Some(bytes))
    }
}

/// Where a file is to be written: the path from the top, through a link that is there.
pub(crate) fn to_write(text: &str) -> Result<Box<Path>> {
    let path = absolute_of(text)?;
    let unfit = |accepted: &str| Error::InvalidArgument {
        argument: "file to write",
        given: text.to_owned(),
        accepted: accepted.to_owned(),
    };
    match look(&path) {
        Ok(Found::File(_)) => {
            let real = fs::canonicalize(&path).map_err(|error| refused("find", text, error))?;
            Ok(real.into())
        }
        Ok(Found::Folder) => Err(unfit("it is a folder; name a file in it")),
        Ok(Found::Other) => Err(unfit("it is no regular file, which could be replaced")),
        Err(_) if text.ends_with('/') => Err(unfit("a trailing `/` names a folder")),
        Err(_) => Ok(path),
    }
}

/// A file under construction, which nobody sees before it is finished. It is not kept open: there may be many.
pub(crate) struct Copy {
    scratch: TempPath,
    _made: MadeFolders,
}

/// Folders that were made for a file; those that stay empty go again, innermost first.
struct MadeFolders(Vec<PathBuf>);

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for folder in &self.0 {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

impl Copy {
    /// Beside the path that it will have.
    pub(crate) async fn beside(path: &str) -> io::Result<Self> {
        Self::at(&absolute(path)?).await
    }

    /// The same for a path from the top.
    async fn at(path: &Path) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(path).to_path_buf();
        blocking(move || {
            let missing = folder.ancestors().take_while(|folder| !folder.is_dir());
            let made = MadeFolders(missing.map(Path::to_path_buf).collect());
            fs::create_dir_all(&folder)?;
            let scratch = scratch::public(&folder)?.into_temp_path();
            Ok(Self { scratch, _made: made })
        })
        .await
    }

    /// The same, in a folder without what others left there that died before they finished it.
    pub(crate) async fn instead_of_left(path: &Path) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(path).to_path_buf();
        let cleaned = blocking(move || {
            scratch::remove_left(&folder);
            Ok::<_, io::Error>(())
        });
        cleaned.await?;
        Self::at(path).await
    }

    /// The same with more bytes at its end.
    pub(crate) async fn with(self, bytes: Vec<u8>) -> io::Result<Self> {
        blocking(move || {
            File::options().append(true).open(&self.scratch)?.write_all(&bytes)?;
            Ok(self)
        })
        .await
    }

    /// Gives it its name; what had it is replaced.
    pub(crate) async fn finish(self, path: &str) -> io::Result<()> {
        self.appear_at(absolute(path)?).await
    }

    /// The same for a path from the top.
    pub(crate) async fn appear_at(self, path: Box<Path>) -> io::Result<()> {
        blocking(move || self.scratch.persist(&path).map_err(|error| error.error)).await
    }
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

/// The states of files, looked at side by side: most of the time that takes is the system's.
pub(crate) fn states(files: &[Below]) -> Vec<io::Result<FileState>> {
    let look = |files: &[Below]| files.iter().map(Below::state).collect::<Vec<_>>();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = files.len().div_ceil(threads).max(LOOKED_AT_BY_ONE);
    let Some((own, others)) = files.split_at_checked(share) else { return look(files) };
    thread::scope(|scope| {
        let others = others.chunks(share).map(|files| {
            let begun = thread::Builder::new().spawn_scoped(scope, move || look(files));
            (files, begun)
        });
        let others: Vec<_> = others.collect();
        let mut states = look(own);
        for (files, begun) in others {
            // Where no thread could be had, this one looks.
            let looked = begun.ok().and_then(|thread| thread.join().ok());
            states.extend(looked.unwrap_or_else(|| look(files)));
        }
        states
    })
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
