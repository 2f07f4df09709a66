//! Bytes between a session and its workers: frames on a socket, and batches as Arrow IPC inside of them.
//!
//! A frame is a kind byte, a number, two lengths, and as many bytes of head and of body. The body has a buffer of its
//! own, so that the columns in it are aligned and used where they lie.

use std::io::{self, Read};

use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;

#[cfg(test)]
mod tests;

/// The kind byte, a number, the lengths of head and body.
pub(crate) const HEADER_BYTES: usize = 1 + 8 + 8 + 8;

/// A section grows by at least this much, and never beyond twice what has arrived: a wrong length costs no memory.
const GROWTH_BYTES: usize = 1 << 16;

/// One message.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) number: u64,
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Frame {
    /// What goes before head and body.
    pub(crate) fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [self.kind; HEADER_BYTES];
        let numbers = [self.number, self.head.len() as u64, self.body.len() as u64];
        for (place, number) in header[1..].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        header
    }
}

/// Puts frames together from the pieces in which they arrive.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    header: Section,
    head: Section,
    body: Section,
}

/// A part of a frame whose length is known.
#[derive(Debug, Default)]
struct Section {
    bytes: Vec<u8>,
    arrived: usize,
    length: usize,
}

impl Assembly {
    pub(crate) fn new() -> Self {
        Self { header: Section::of(HEADER_BYTES), ..Self::default() }
    }

    /// Whether no frame is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.header.arrived == 0
    }

    /// Where the next bytes go; never empty.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.current().room()
    }

    /// That many bytes have arrived in [`Self::room`]. The frame, when they were its last.
    pub(crate) fn arrived(&mut self, bytes: usize) -> io::Result<Option<Frame>> {
        let in_header = !self.header.is_full();
        self.current().arrived += bytes;
        if in_header && self.header.is_full() {
            let [_, head, body] = self.numbers();
            self.head = Section::of(length(head)?);
            self.body = Section::of(length(body)?);
        }
        if !(self.header.is_full() && self.head.is_full() && self.body.is_full()) {
            return Ok(None);
        }
        let (kind, [number, ..]) = (self.header.bytes[0], self.numbers());
        let Self { head, body, .. } = std::mem::replace(self, Self::new());
        Ok(Some(Frame { kind, number, head: head.bytes, body: body.bytes }))
    }

    fn current(&mut self) -> &mut Section {
        if !self.header.is_full() {
            &mut self.header
        } else if !self.head.is_full() {
            &mut self.head
        } else {
            &mut self.body
        }
    }

    fn numbers(&self) -> [u64; 3] {
        let mut numbers = [0; 3];
        for (number, bytes) in numbers.iter_mut().zip(self.header.bytes[1..].chunks_exact(8)) {
            *number = bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        }
        numbers
    }
}

impl Section {
    fn of(length: usize) -> Self {
        Self { bytes: Vec::new(), arrived: 0, length }
    }

    fn is_full(&self) -> bool {
        self.arrived == self.length
    }

    fn room(&mut self) -> &mut [u8] {
        if self.arrived == self.bytes.len() {
            let grown = self.arrived + self.arrived.max(GROWTH_BYTES);
            self.bytes.resize(grown.min(self.length), 0);
        }
        &mut self.bytes[self.arrived..]
    }
}

/// Waits for a frame; `None` at the end of the stream.
pub(crate) fn read_frame(
    stream: &mut impl Read,
    partial: &mut Assembly,
) -> io::Result<Option<Frame>> {
    loop {
        let bytes = match stream.read(partial.room()) {
            Ok(0) if partial.is_empty() => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if let Some(frame) = partial.arrived(bytes)? {
            return Ok(Some(frame));
        }
    }
}

/// A batch as an Arrow IPC stream.
pub(crate) fn encode(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref())?;
    writer.write(batch)?;
    writer.finish()?;
    writer.into_inner()
}

/// The batch in an Arrow IPC stream; its columns stay in these bytes.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<RecordBatch, ArrowError> {
    let mut buffer = Buffer::from_vec(bytes);
    let mut decoder = StreamDecoder::new();
    while !buffer.is_empty() {
        if let Some(batch) = decoder.decode(&mut buffer)? {
            return Ok(batch);
        }
    }
    Err(ArrowError::IpcError("a message without a batch".to_owned()))
}

/// An error about bytes that mean nothing.
pub(crate) fn garbled(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn length(number: u64) -> io::Result<usize> {
    // No batch is this large: bytes of something else.
    if number > 1 << 42 {
        return Err(garbled("a message of an impossible length"));
    }
    usize::try_from(number).map_err(garbled)
}
