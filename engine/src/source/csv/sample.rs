//! [`sampled`]: some records of some files tell how they are written, and which columns they have.

use std::collections::HashSet;
use std::convert::Infallible;

use arrow::datatypes::FieldRef;

use super::chunks::Chunks;
use super::infer::Seen;
use super::split::{Broken, Dialect, Ragged, Records};
use super::{CsvRequest, nullable};
use crate::source::pieces::FileBytes;
use crate::{Error, Result};

/// So much of the start of the first file tells types, and so much of each of the others.
const FIRST: Share = Share { rows: 20_480, bytes: 8 << 20 };
const OTHER: Share = Share { rows: 2_560, bytes: 1 << 20 };

/// The rest of the first file is looked at in so many places, at so much.
const PLACES: u64 = 8;
const PLACE_BYTES: usize = 64 << 10;

/// Tried where commas divide nothing.
const DELIMITERS: &[u8] = b"\t;|";

/// Records that are tried.
const TRIED_RECORDS: usize = 100;

/// What the files have in common.
pub(super) struct Sample {
    pub(super) dialect: Dialect,
    pub(super) columns: Vec<FieldRef>,
}

/// What is looked at, at most.
#[derive(Clone, Copy)]
struct Share {
    rows: usize,
    bytes: usize,
}

/// What is found in the columns of a file.
struct Look<'s> {
    dialect: &'s Dialect,
    /// Which column a field is of.
    places: Vec<Option<usize>>,
    seen: &'s mut [Seen],
}

/// Looks at the beginnings of the files, and into the first.
pub(super) fn sampled(files: &[FileBytes], request: &CsvRequest) -> Result<Sample> {
    let dialect = dialect(files, request)?;
    let mut names: Option<Vec<String>> = request.names.clone();
    let mut seen: Vec<Seen> = vec![Seen::default(); names.as_ref().map_or(0, Vec::len)];
    let mut share = FIRST;
    for file in files {
        let mut chunks = Chunks::open(file, &dialect)?;
        let (header, text) = match request.header {
            true => match chunks.header()? {
                Some(start) => start,
                None => continue,
            },
            false => (Vec::new(), chunks.next()?.unwrap_or_default()),
        };
        if names.is_none() {
            check_names(file, &header)?;
            seen = vec![Seen::default(); header.len()];
        }
        let known = names.get_or_insert_with(|| header.clone());
        let width = if request.header { header.len() } else { known.len() };
        if request.names.is_some() && width != known.len() {
            return Err(renamed(file, width, known));
        }
        let place = |name: &String| known.iter().position(|known| known == name);
        let places = match request.names {
            Some(_) => (0..width).map(Some).collect(),
            None => header.iter().map(place).collect(),
        };
        let mut look = Look { dialect: &dialect, places, seen: &mut seen };
        let is_more = look.start(&mut chunks, text, share)?;
        if is_more && share.rows == FIRST.rows && request.rows.is_none() && !file.is_packed() {
            look.rest(file)?;
        }
        share = OTHER;
    }
    let Some(names) = names else { return Err(empty(files)) };
    let typed = |(name, seen): (&String, &Seen)| nullable(name, seen.kind());
    let mut columns: Vec<FieldRef> = names.iter().zip(&seen).map(typed).collect();
    for (name, kind) in &request.types {
        let Some(at) = names.iter().position(|known| known == name) else {
            return Err(Error::UnknownColumn { name: name.clone(), near: vec![], known: names });
        };
        columns[at] = nullable(name, kind.clone());
    }
    Ok(Sample { dialect, columns })
}

impl Look<'_> {
    /// Looks at the first records; those with another number of fields tell nothing. Whether there are more.
    fn start(&mut self, chunks: &mut Chunks<'_>, mut text: String, share: Share) -> Result<bool> {
        let Share { mut rows, mut bytes } = share;
        loop {
            // What cannot be split is an error of the run that reads it.
            let leave = |_| Ok::<_, Infallible>(());
            rows -= self.see(&text, rows, leave).unwrap_or_default();
            bytes = bytes.saturating_sub(text.len());
            if rows == 0 || bytes == 0 {
                return Ok(true);
            }
            let Some(next) = chunks.next()? else { return Ok(false) };
            text = next;
        }
    }

    /// Looks at records all over the file, where it is plain where they begin: no quotes are near, and all have the
    /// right number of fields.
    fn rest(&mut self, file: &FileBytes) -> Result<()> {
        let step = file.bytes.saturating_sub(PLACE_BYTES as u64) / PLACES;
        for number in 1..=PLACES {
            let mut piece = file.pieces(number * step)?.next()?.unwrap_or_default();
            piece.truncate(PLACE_BYTES);
            let Dialect { quote, escape, .. } = self.dialect;
            let is_plain = !piece.iter().any(|byte| Some(*byte) == *quote || Some(*byte) == *escape);
            let start = piece.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let end = piece.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
            let text = piece.get(start..end).and_then(|bytes| str::from_utf8(bytes).ok());
            if let Some(text) = text.filter(|_| is_plain) {
                // A place that tells nothing is none to fail at.
                drop(self.see(text, usize::MAX, Err));
            }
        }
        Ok(())
    }

    /// Looks at the values of some records; how many.
    fn see<E>(
        &mut self,
        text: &str,
        most: usize,
        ragged: impl FnMut(Ragged) -> Result<(), E>,
    ) -> Result<usize, Broken<E>> {
        let all: Vec<usize> = (0..self.places.len()).collect();
        let records = Records::split(self.dialect, text, (all.len(), &all), most, ragged)?;
        for (at, place) in self.places.iter().enumerate() {
            let Some(seen) = place.and_then(|place| self.seen.get_mut(place)) else { continue };
            let mut here = *seen;
            for row in 0..records.rows {
                here.see(&records.text(row, at));
            }
            *seen = here;
        }
        Ok(records.rows)
    }
}

fn dialect(files: &[FileBytes], request: &CsvRequest) -> Result<Dialect> {
    let mut dialect = Dialect {
        delimiter: request.delimiter.unwrap_or(b','),
        quote: request.quote,
        doubles: request.double_quote,
        escape: request.escape,
        skips_empty: request.skip_empty_lines,
    };
    let Some(first) = files.first().filter(|_| request.delimiter.is_none()) else {
        return Ok(dialect);
    };
    let name = first.path().to_ascii_lowercase();
    if name.trim_end_matches(".gz").ends_with(".tsv") {
        dialect.delimiter = b'\t';
        return Ok(dialect);
    }
    let Some(text) = Chunks::open(first, &dialect)?.next()? else { return Ok(dialect) };
    if Records::first(&dialect, &text).is_some_and(|(fields, _)| fields.len() > 1) {
        return Ok(dialect);
    }
    let divides = |delimiter: &&u8| {
        let tried = Dialect { delimiter: **delimiter, ..dialect.clone() };
        let width = Records::first(&tried, &text).map_or(0, |(fields, _)| fields.len());
        width > 1 && Records::split(&tried, &text, (width, &[]), TRIED_RECORDS, Err).is_ok()
    };
    if let Some(found) = DELIMITERS.iter().find(divides) {
        dialect.delimiter = *found;
    }
    Ok(dialect)
}

fn check_names(file: &FileBytes, header: &[String]) -> Result<()> {
    let mut seen = HashSet::new();
    match header.iter().find(|name| !seen.insert(*name)) {
        None => Ok(()),
        Some(name) => Err(Error::NotSupported {
            what: format!("two columns `{name}` in `{}`", file.path()),
            instead: "give all columns names, as in `output=[\"a\", \"b\"]`".to_owned(),
        }),
    }
}

fn renamed(file: &FileBytes, width: usize, names: &[String]) -> Error {
    Error::InvalidArgument {
        argument: "output",
        given: names.join(", "),
        accepted: format!("`{}` has {width} columns, so that it takes as many names", file.path()),
    }
}

fn empty(files: &[FileBytes]) -> Error {
    let what = files.first().map_or("", FileBytes::path).to_owned();
    Error::Corrupt { what, reason: "it is empty, and has no columns".to_owned(), source: None }
}
