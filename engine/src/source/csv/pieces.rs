//! [`Pieces`]: the bytes of a file, wherever it is, packed or not, on a thread that may wait.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use flate2::write::MultiGzDecoder;
use futures::executor::block_on;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::{GetOptions, ObjectStoreExt};

use crate::error::{of_bucket, refused};
use crate::source::FileAt;
use crate::source::parquet::Opened;
use crate::storage::{Bucket, Buckets, Location};
use crate::{Error, Result};

/// So much is read of a file at once.
const PIECE: u64 = 1 << 20;

/// So much of a packed one, which may be a thousand times as much.
const PACKED_PIECE: u64 = 64 << 10;

/// How packed files begin.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file, as it was when it was looked at.
#[derive(Clone, Debug)]
pub(super) struct CsvFile {
    pub(super) at: FileAt,
    pub(super) opened: Opened,
    pub(super) bytes: u64,
    object: Option<Object>,
}

#[derive(Clone, Debug)]
struct Object {
    bucket: Arc<Bucket>,
    location: Location,
    e_tag: Option<String>,
}

impl CsvFile {
    pub(super) async fn look(buckets: &Buckets, file: FileAt) -> Result<Self> {
        let Some(uri) = &file.uri else {
            let opened = Opened::now(&file.path)?;
            let bytes = opened.identity().bytes;
            return Ok(Self { at: file, opened, bytes, object: None });
        };
        let bucket = buckets.open(uri).await?;
        let location = uri.location()?;
        let found = bucket.store.head(&location).await;
        let found = found.map_err(|error| failed(&file.path, error))?;
        let modified = found.last_modified.timestamp_micros();
        let opened = Opened::of_store(uri, found.size, modified, found.e_tag.clone());
        let object = Object { bucket, location, e_tag: found.e_tag };
        Ok(Self { at: file, opened, bytes: found.size, object: Some(object) })
    }

    pub(super) fn path(&self) -> &str {
        &self.opened.path
    }

    /// Whether it can only be read from its start.
    pub(super) fn is_packed(&self) -> bool {
        self.path().to_ascii_lowercase().ends_with(".gz")
    }

    /// Its bytes, if it still is what it was.
    pub(super) fn pieces(&self) -> Result<Pieces<'_>> {
        self.opened.check()?;
        let from = match &self.object {
            Some(object) => From::Object(block_on(object.stream(self))?),
            None => {
                let file = File::open(self.path());
                From::File(file.map_err(|error| refused("read", self.path(), error))?)
            }
        };
        Ok(Pieces { of: self, from, unpacking: None, is_first: true })
    }
}

impl Object {
    async fn stream(&self, file: &CsvFile) -> Result<BoxStream<'static, Result<Vec<u8>>>> {
        // A weak one says only that the content means the same.
        let if_match = self.e_tag.clone().filter(|e_tag| !e_tag.starts_with("W/"));
        let options = GetOptions { if_match, ..GetOptions::default() };
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
    of: &'f CsvFile,
    from: From,
    unpacking: Option<MultiGzDecoder<Vec<u8>>>,
    is_first: bool,
}

enum From {
    File(File),
    Object(BoxStream<'static, Result<Vec<u8>>>),
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
            From::Object(stream) => {
                let piece = block_on(stream.try_next())?;
                Ok(piece.filter(|piece| !piece.is_empty()))
            }
            From::File(file) => {
                let mut bytes = Vec::with_capacity(usize::try_from(most).unwrap_or_default());
                let read = Read::by_ref(file).take(most).read_to_end(&mut bytes);
                read.map_err(|error| refused("read", self.of.path(), error))?;
                Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
            }
        }
    }
}

impl CsvFile {
    fn damaged(&self, error: io::Error) -> Error {
        Error::Corrupt {
            what: self.path().to_owned(),
            reason: format!("it cannot be unpacked: {error}"),
            source: Some(Box::new(error)),
        }
    }
}
