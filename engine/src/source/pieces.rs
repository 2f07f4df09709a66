//! [`Pieces`]: the bytes of a file, wherever it is, packed or not, on a thread that may wait.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::write::MultiGzDecoder;
use futures::executor::block_on;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::{GetOptions, GetRange, ObjectStoreExt};

use crate::error::{of_bucket, refused};
use crate::source::FileAt;
use crate::source::parquet::Opened;
use crate::storage::files::Reading;
use crate::storage::{Bucket, Buckets, Location};
use crate::{Error, Result};

/// So much is read of a file at once.
const PIECE: usize = 1 << 20;

/// So much of a packed one, which may be a thousand times as much.
const PACKED_PIECE: usize = 64 << 10;

/// Objects up to this size are fetched whole, some before it is their turn.
const SMALL: u64 = 1 << 20;

/// How packed files begin.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file, as it was when it was looked at.
#[derive(Clone, Debug)]
pub(super) struct FileBytes {
    pub(super) at: FileAt,
    pub(super) opened: Opened,
    pub(super) bytes: u64,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    /// This machine.
    Disk,
    Bucket(Object),
    /// Memory, where it was fetched to.
    Memory(Arc<Vec<u8>>),
}

#[derive(Clone, Debug)]
struct Object {
    bucket: Arc<Bucket>,
    location: Location,
    e_tag: Option<String>,
}

impl FileBytes {
    pub(super) async fn look(buckets: &Buckets, file: FileAt) -> Result<Self> {
        let Some(uri) = &file.uri else {
            let opened = Opened::now(&file.path)?;
            let bytes = opened.identity().bytes;
            return Ok(Self { at: file, opened, bytes, place: Place::Disk });
        };
        let bucket = buckets.open(uri).await?;
        let location = uri.location()?;
        let found = match &file.listed {
            Some(found) => found.clone(),
            None => {
                let found = bucket.store.head(&location).await;
                found.map_err(|error| failed(&file.path, error))?
            }
        };
        let modified = found.last_modified.timestamp_micros();
        let opened = Opened::of_store(uri, found.size, modified, found.e_tag.clone());
        let object = Object { bucket, location, e_tag: found.e_tag };
        Ok(Self { at: file, opened, bytes: found.size, place: Place::Bucket(object) })
    }

    pub(super) fn path(&self) -> &str {
        &self.opened.path
    }

    /// Whether it can only be read from its start.
    pub(super) fn is_packed(&self) -> bool {
        self.path().to_ascii_lowercase().ends_with(".gz")
    }

    /// Whether it is an object that is fetched sooner than its answer comes.
    pub(super) fn is_small_object(&self) -> bool {
        matches!(self.place, Place::Bucket(_)) && self.bytes <= SMALL
    }

    /// The same in memory.
    pub(super) async fn fetched(self) -> Result<Self> {
        let Place::Bucket(object) = &self.place else { return Ok(self) };
        let bytes = object.stream(&self, 0).await?.try_concat().await?;
        Ok(Self { place: Place::Memory(Arc::new(bytes)), ..self })
    }

    /// Its bytes from a place on, if it still is what it was.
    pub(super) fn pieces(&self, start: u64) -> Result<Pieces<'_>> {
        self.opened.check()?;
        let from = match &self.place {
            Place::Bucket(object) => From::Object(block_on(object.stream(self, start))?),
            Place::Memory(bytes) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX);
                From::Memory(bytes.get(start..).map(<[u8]>::to_vec))
            }
            Place::Disk => {
                let file = Reading::open(self.path(), start);
                From::File(file.map_err(|error| refused("read", self.path(), error))?)
            }
        };
        Ok(Pieces { of: self, from, unpacking: None, is_first: start == 0 })
    }
}

impl Object {
    async fn stream(
        &self,
        file: &FileBytes,
        start: u64,
    ) -> Result<BoxStream<'static, Result<Vec<u8>>>> {
        if start >= file.bytes {
            return Ok(futures::stream::empty().boxed());
        }
        let options = GetOptions {
            range: (start > 0).then_some(GetRange::Offset(start)),
            // A weak one says only that the content means the same.
            if_match: self.e_tag.clone().filter(|e_tag| !e_tag.starts_with("W/")),
            ..GetOptions::default()
        };
        let path = file.path().to_owned();
        let found = self.bucket.store.get_opts(&self.location, options).await;
        let found = found.map_err(|error| failed(&path, error))?;
        let bytes = found.into_stream().map_ok(Into::into);
        Ok(bytes.map_err(move |error| failed(&path, error)).boxed())
    }
}

fn failed(path: &str, error: object_store::Error) -> Error {
    of_bucket("read", path, &error).unwrap_or_else(|| refused("read", path, error))
}

/// A file that is read.
pub(super) struct Pieces<'f> {
    of: &'f FileBytes,
    from: From,
    unpacking: Option<MultiGzDecoder<Vec<u8>>>,
    is_first: bool,
}

enum From {
    File(Reading),
    Object(BoxStream<'static, Result<Vec<u8>>>),
    Memory(Option<Vec<u8>>),
}

impl Pieces<'_> {
    /// The next bytes, not empty; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let piece = self.raw()?;
            let is_first = std::mem::take(&mut self.is_first);
            if is_first && piece.as_ref().is_some_and(|piece| piece.starts_with(&GZIP)) {
                self.unpacking = Some(MultiGzDecoder::new(Vec::new()));
            }
            let Some(unpacking) = &mut self.unpacking else {
                if piece.is_none() {
                    self.of.opened.check_after()?;
                }
                return Ok(piece);
            };
            let unpacked = match &piece {
                Some(piece) => unpacking.write_all(piece),
                None => unpacking.try_finish(),
            };
            unpacked.map_err(|error| self.of.damaged(error))?;
            let bytes = std::mem::take(unpacking.get_mut());
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
            if piece.is_none() {
                return Ok(None);
            }
        }
    }

    fn raw(&mut self) -> Result<Option<Vec<u8>>> {
        let most = if self.of.is_packed() { PACKED_PIECE } else { PIECE };
        match &mut self.from {
            From::Memory(bytes) => Ok(bytes.take().filter(|bytes| !bytes.is_empty())),
            From::Object(stream) => {
                let piece = block_on(stream.try_next())?;
                Ok(piece.filter(|piece| !piece.is_empty()))
            }
            From::File(file) => {
                let bytes = file.next(most);
                let bytes = bytes.map_err(|error| refused("read", self.of.path(), error))?;
                Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
            }
        }
    }
}

impl FileBytes {
    fn damaged(&self, error: io::Error) -> Error {
        Error::Corrupt {
            what: self.path().to_owned(),
            reason: format!("it cannot be unpacked: {error}"),
            source: Some(Box::new(error)),
        }
    }
}
