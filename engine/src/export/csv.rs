//! [`Csv`]: rows as lines of text, as Python's `csv` module writes them.

use std::array;

use arrow::array::Array;
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;

use super::Encoder;
use super::cells::{Cell, plain};
use super::flat::{Flat, Tags};
use crate::words::first_of;
use crate::{Error, Result};

/// Values have often about so many.
const CELL_BYTES: usize = 8;

/// What numbers are written with, also those that are none.
const OF_NUMBERS: &[u8] = b"0123456789+-.eEinfa";

/// Which values stand in quotes; the names are those of Python's `csv` module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quoting {
    /// Those that would be misread otherwise.
    Minimal,
    /// All.
    All,
    /// All that are no numbers.
    NonNumeric,
    /// None: what would be misread is escaped.
    None,
    /// Text.
    Strings,
    /// All but missing ones.
    NotNull,
}

/// How the lines look.
#[derive(Clone, Debug)]
pub struct CsvStyle {
    /// Between values; not empty.
    pub delimiter: String,
    /// Around values.
    pub quote: Option<char>,
    /// Which ones.
    pub quoting: Quoting,
    /// Before what would end a value otherwise.
    pub escape: Option<char>,
    /// A quote inside of quotes is written twice; otherwise it is escaped.
    pub doubled: bool,
    /// Behind each line.
    pub line_end: String,
}

pub(super) struct Csv {
    style: CsvStyle,
    /// The bytes that what would be misread begins with.
    special: [bool; 256],
    /// The same, where they are no more than these.
    stops: Option<[u8; 4]>,
    /// Whether none of them is in a number.
    are_numbers_plain: bool,
    flat: Flat,
}

/// What a column means for quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Other,
}

impl Csv {
    pub(super) fn try_new(style: CsvStyle, schema: &SchemaRef) -> Result<Self> {
        let has_quote = style.quote.is_some() || style.quoting == Quoting::None;
        if style.delimiter.is_empty() || !has_quote {
            return Err(Error::InvalidArgument {
                argument: "delimiter",
                given: style.delimiter,
                accepted: "CSV has a delimiter, and a quote unless nothing is quoted".to_owned(),
            });
        }
        let special = special(&style);
        let are_numbers_plain = !OF_NUMBERS.iter().any(|byte| special[usize::from(*byte)]);
        let (stops, flat) = (stops(&special), Flat::try_new(schema, Tags::Nowhere)?);
        Ok(Self { style, special, stops, are_numbers_plain, flat })
    }

    /// Puts quotes and escapes around and into what stands from `start` on.
    fn guard(&self, start: usize, kind: Kind, is_only: bool, out: &mut Vec<u8>) -> Result<()> {
        use Quoting::{All, Minimal, NonNumeric, NotNull, Strings};
        let style = &self.style;
        let is_empty = out.len() == start;
        let asked = match style.quoting {
            All | NotNull => true,
            NonNumeric => kind != Kind::Number,
            Strings => kind == Kind::Text,
            // Empty text is not a missing value.
            Minimal => is_empty && (kind == Kind::Text || is_only),
            Quoting::None => false,
        };
        let is_plain = kind == Kind::Number && self.are_numbers_plain;
        if !asked && (is_plain || !self.is_special(&out[start..])) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&out.split_off(start)).into_owned();
        match style.quote.filter(|_| style.quoting != Quoting::None) {
            Some(quote) => self.write_quoted(&text, quote, out),
            None => self.write_escaped(&text, out),
        }
    }

    fn write_quoted(&self, text: &str, quote: char, out: &mut Vec<u8>) -> Result<()> {
        push(quote, out);
        for letter in text.chars() {
            if letter == quote && self.style.doubled {
                push(quote, out);
            } else if letter == quote || Some(letter) == self.style.escape {
                push(self.style.escape.ok_or_else(|| self.inescapable(text))?, out);
            }
            push(letter, out);
        }
        push(quote, out);
        Ok(())
    }

    fn write_escaped(&self, text: &str, out: &mut Vec<u8>) -> Result<()> {
        for letter in text.chars() {
            let mut bytes = [0; 4];
            if self.is_special(letter.encode_utf8(&mut bytes).as_bytes()) {
                push(self.style.escape.ok_or_else(|| self.inescapable(text))?, out);
            }
            push(letter, out);
        }
        Ok(())
    }

    fn inescapable(&self, text: &str) -> Error {
        Error::Value {
            what: format!(
                "`{text}` cannot be written without an escape (quote {:?}, delimiter `{}`); \
                 hint: escapechar='\\\\'",
                self.style.quote, self.style.delimiter
            ),
        }
    }

    fn is_special(&self, text: &[u8]) -> bool {
        match self.stops {
            Some(stops) => first_of(stops, text, 0) < text.len(),
            None => text.iter().any(|byte| self.special[usize::from(*byte)]),
        }
    }

    fn write_row(
        &self,
        row: usize,
        cells: &[(Cell<'_>, Kind, Option<NullBuffer>)],
        out: &mut Vec<u8>,
    ) -> Result<()> {
        use Quoting::{All, NonNumeric};
        for (place, (cell, kind, nulls)) in cells.iter().enumerate() {
            if place > 0 {
                out.extend_from_slice(self.style.delimiter.as_bytes());
            }
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                // A line of nothing would be no row to readers.
                if cells.len() == 1 || matches!(self.style.quoting, All | NonNumeric) {
                    self.guard(out.len(), Kind::Other, true, out)?;
                }
                continue;
            }
            let start = out.len();
            cell(row, out);
            self.guard(start, *kind, false, out)?;
        }
        out.extend_from_slice(self.style.line_end.as_bytes());
        Ok(())
    }
}

impl Encoder for Csv {
    fn head(&self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        for (place, field) in self.flat.schema.fields().iter().enumerate() {
            if place > 0 {
                line.extend_from_slice(self.style.delimiter.as_bytes());
            }
            let start = line.len();
            line.extend_from_slice(field.name().as_bytes());
            self.guard(start, Kind::Text, false, &mut line)?;
        }
        line.extend_from_slice(self.style.line_end.as_bytes());
        Ok(line)
    }

    fn encode(&self, batch: &RecordBatch) -> Result<Vec<u8>> {
        let columns = self.flat.columns(batch)?;
        let fields = self.flat.schema.fields();
        let cells = columns.iter().zip(fields).map(|(column, field)| {
            let kind = match column.data_type() {
                kind if kind.is_numeric() => Kind::Number,
                kind if kind.is_string() => Kind::Text,
                DataType::Dictionary(_, values) if values.is_string() => Kind::Text,
                _ => Kind::Other,
            };
            let nulls = column.logical_nulls().filter(|nulls| nulls.null_count() > 0);
            Ok((plain(column, field)?, kind, nulls))
        });
        let cells = cells.collect::<Result<Vec<_>>>()?;
        let mut text = Vec::with_capacity(batch.num_rows() * cells.len() * CELL_BYTES);
        for row in 0..batch.num_rows() {
            self.write_row(row, &cells, &mut text)?;
        }
        Ok(text)
    }

    fn between(&self) -> &'static [u8] {
        b""
    }

    fn tail(&self) -> &'static [u8] {
        b""
    }
}

fn special(style: &CsvStyle) -> [bool; 256] {
    let mut special = [false; 256];
    let letters = [style.quote, style.escape, style.delimiter.chars().next()];
    let letters = letters.into_iter().flatten().chain(style.line_end.chars()).chain(['\r', '\n']);
    for letter in letters {
        special[usize::from(letter.encode_utf8(&mut [0; 4]).as_bytes()[0])] = true;
    }
    special
}

fn stops(special: &[bool; 256]) -> Option<[u8; 4]> {
    let found: Vec<u8> = (0..=u8::MAX).filter(|byte| special[usize::from(*byte)]).collect();
    let first = *found.first()?;
    let stop = |at: usize| found.get(at).copied().unwrap_or(first);
    (found.len() <= 4).then(|| array::from_fn(stop))
}

fn push(letter: char, out: &mut Vec<u8>) {
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}
