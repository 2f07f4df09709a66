//! One download: from a request to a file in its place.

use std::io;
use std::mem::take;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use futures::TryStreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use super::{Cache, Keep, ObjectKey, shown, unused};
use crate::blocking::blocking;
use crate::storage::Staged;
use crate::{Error, Result, StorageKind};

/// So much of an object is in memory.
const PIECE: usize = 1 << 20;

/// An object that comes.
pub(crate) struct Coming {
    /// What the store says of it.
    pub(crate) size: u64,
    pub(crate) pieces: BoxStream<'static, Result<Vec<u8>>>,
}

/// The request for an object's content.
pub(crate) type Request = BoxFuture<'static, Result<Coming>>;

pub(super) async fn run(
    cache: &Arc<Cache>,
    key: &ObjectKey,
    keep: Keep,
    request: Request,
) -> Result<String> {
    let folder = cache.area().await?.path().to_owned();
    let Coming { size, mut pieces } = request.await?;
    if !key.fits(size) {
        return Err(Error::FileChanged {
            path: key.uri().to_owned(),
            how: format!("has {size} bytes, and had {} when it was listed", key.bytes()),
        });
    }
    let (mut staged, mut bytes, mut came) = (None, Vec::new(), 0);
    while let Some(piece) = pieces.try_next().await? {
        came += piece.len() as u64;
        if came > size {
            break;
        }
        if bytes.is_empty() {
            bytes = piece;
        } else {
            bytes.extend(piece);
        }
        if bytes.len() >= PIECE {
            let (cache, folder, bytes) = (Arc::clone(cache), folder.clone(), take(&mut bytes));
            let written = blocking(move || cache.written(&folder, staged, &bytes)).await;
            staged = Some(written?);
        }
    }
    if came != size {
        return Err(another_length(key, size, came));
    }
    let (cache, slot) = (Arc::clone(cache), (key.name().to_owned(), keep));
    blocking(move || {
        let staged = cache.written(&folder, staged, &bytes)?;
        let path = cache.path(&slot);
        let placed = staged.seal(unused(SystemTime::now())).and_then(|()| staged.place(&path));
        placed.map_err(|error| cache.refused("write", error))?;
        if keep == Keep::Yes {
            cache.added(size);
        }
        Ok(shown(&path))
    })
    .await
}

fn another_length(key: &ObjectKey, size: u64, came: u64) -> Error {
    let than = if came < size { "ended after" } else { "went on after" };
    let at = came.min(size);
    Error::Storage {
        action: "read",
        location: key.uri().to_owned(),
        kind: StorageKind::Corrupt,
        reason: format!("the answer {than} {at} bytes of {size}"),
        source: None,
    }
}

impl Cache {
    /// A file under construction with more bytes at its end. Blocks.
    fn written(&self, folder: &Path, staged: Option<Staged>, bytes: &[u8]) -> Result<Staged> {
        let write = || {
            let mut staged = staged.map_or_else(|| Staged::beside(folder), Ok)?;
            self.write_all(&mut staged, bytes)?;
            Ok(staged)
        };
        write().map_err(|error| self.refused("write", error))
    }

    /// Where the disk is full, files go that nobody needs now.
    fn write_all(&self, staged: &mut Staged, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.disk.write(staged, bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_full(&error) && self.make_room(bytes.len() as u64) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
