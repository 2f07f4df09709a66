//! [`Dialect`]: where records and their fields begin and end.

use std::borrow::Cow;

use crate::source::words::first_of;

/// How files are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: Option<u8>,
    /// Whether two quotes in a quoted field are one.
    pub(super) doubles: bool,
    pub(super) escape: Option<u8>,
    /// Whether lines without anything are no records.
    pub(super) skips_empty: bool,
}

/// A field of a record: bytes of the text that was split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    start: u32,
    /// With [`RAW`] where quotes or escapes are still in it.
    end: u32,
}

const RAW: u32 = 1 << 31;

/// Texts that are split have no more bytes.
pub(super) const MAX_BYTES: usize = (RAW - 1) as usize;

impl Field {
    fn plain(start: usize, end: usize) -> Self {
        let [start, end] = [start, end].map(|at| u32::try_from(at).unwrap_or(RAW - 1));
        Self { start, end }
    }

    fn raw(start: usize, end: usize) -> Self {
        let field = Self::plain(start, end);
        Self { end: field.end | RAW, ..field }
    }
}

/// Where a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Where the next one starts.
    pub(super) next: usize,
    /// Whether a line end was there, and not the end of the text.
    pub(super) is_line: bool,
}

/// A record with another number of fields than there are columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ragged {
    /// Its number among the records of the text.
    pub(super) row: usize,
    pub(super) fields: usize,
    pub(super) text: String,
}

/// Why a text could not be split.
#[derive(Debug)]
pub(super) enum Broken<E> {
    /// A quote is never closed, in this record.
    Open(usize),
    /// What was said of a record with another number of fields.
    Refused(E),
}

/// The fields of all records of a text, or some of each.
#[derive(Debug)]
pub(super) struct Records<'t> {
    text: &'t str,
    dialect: &'t Dialect,
    fields: Vec<Field>,
    /// So many of a record.
    kept: usize,
    pub(super) rows: usize,
}

impl<'t> Records<'t> {
    /// At most so many records of `width` fields, of which those at these ascending places are kept; `ragged` says of
    /// others why they are an error, if they are.
    pub(super) fn split<E>(
        dialect: &'t Dialect,
        text: &'t str,
        (width, kept): (usize, &[usize]),
        most: usize,
        mut ragged: impl FnMut(Ragged) -> Result<(), E>,
    ) -> Result<Self, Broken<E>> {
        let bytes = text.as_bytes();
        let mut all = Self { text, dialect, fields: Vec::new(), kept: kept.len(), rows: 0 };
        all.fields.reserve(bytes.len() / 8 * kept.len() / width.max(1) + width);
        let mut at = 0;
        while at < bytes.len() && all.rows < most {
            if dialect.skips_empty && matches!(bytes[at], b'\n' | b'\r') {
                at += 1;
                continue;
            }
            let before = all.fields.len();
            let end = dialect.record(bytes, at, &mut all.fields).ok_or(Broken::Open(all.rows))?;
            let fields = all.fields.len() - before;
            if fields == width {
                all.rows += 1;
                all.keep(before, kept);
            } else {
                all.fields.truncate(before);
                let text = text.get(at..end.next).unwrap_or_default().trim_end().to_owned();
                let row = all.rows;
                ragged(Ragged { row, fields, text }).map_err(Broken::Refused)?;
            }
            at = end.next;
        }
        Ok(all)
    }

    /// Leaves out the other fields of the record that starts there.
    fn keep(&mut self, start: usize, kept: &[usize]) {
        for (to, from) in kept.iter().enumerate() {
            self.fields[start + to] = self.fields[start + from];
        }
        self.fields.truncate(start + kept.len());
    }

    /// The first record and where the next one starts, past lines without anything; `None` where there is none.
    pub(super) fn first(dialect: &'t Dialect, text: &'t str) -> Option<(Vec<String>, usize)> {
        let start = text.find(|c| c != '\n' && c != '\r')?;
        let mut fields = Vec::new();
        let end = dialect.record(text.as_bytes(), start, &mut fields)?;
        let texts = fields.iter().map(|field| dialect.text(text, *field).into_owned());
        Some((texts.collect(), end.next))
    }

    /// The text of a field, by its number among those that are kept.
    pub(super) fn text(&self, row: usize, number: usize) -> Cow<'t, str> {
        match self.fields.get(row * self.kept + number) {
            Some(field) => self.dialect.text(self.text, *field),
            None => Cow::Borrowed(""),
        }
    }
}

impl Dialect {
    /// The end of the last record that is there as a whole.
    pub(super) fn whole(&self, bytes: &[u8]) -> usize {
        let (mut at, mut outside) = (0, Vec::new());
        loop {
            let start = at;
            let (end, next) = self.quote_after(bytes, start);
            outside.push(start..end);
            let Some(next) = next else { break };
            at = next;
        }
        // A `\r` at the end may be half of a line end.
        let last = bytes.len().saturating_sub(1);
        let last_of = |byte: u8, before: usize| {
            let mut parts = outside.iter().rev();
            parts.find_map(|part| {
                let text = bytes.get(part.start..part.end.min(before)).unwrap_or_default();
                text.iter().rposition(|found| *found == byte).map(|at| part.start + at + 1)
            })
        };
        last_of(b'\n', bytes.len()).or_else(|| last_of(b'\r', last)).unwrap_or(0)
    }

    /// Where the next quoted value or escape starts, and what follows it; `None` where none does, or it is open.
    fn quote_after(&self, bytes: &[u8], start: usize) -> (usize, Option<usize>) {
        let Some(any) = self.quote.or(self.escape) else { return (bytes.len(), None) };
        let stops = [any, self.escape.unwrap_or(any)];
        let mut at = start;
        loop {
            at = first_of(stops, bytes, at);
            let Some(byte) = bytes.get(at) else { return (bytes.len(), None) };
            let starts_field = at == 0 || (at > start && self.ends_field(bytes[at - 1]));
            if Some(*byte) == self.quote && starts_field {
                return (at, self.quoted(bytes, at).map(|(_, end)| end));
            }
            if Some(*byte) == self.escape {
                return (at, Some((at + 2).min(bytes.len())));
            }
            at += 1;
        }
    }

    /// Adds the fields of the record that starts there; `None` where a quote is open at the end.
    fn record(&self, bytes: &[u8], start: usize, fields: &mut Vec<Field>) -> Option<End> {
        let mut at = start;
        loop {
            let (field, end) = self.field(bytes, at)?;
            fields.push(field);
            match bytes.get(end) {
                Some(byte) if *byte == self.delimiter => at = end + 1,
                Some(b'\r') if bytes.get(end + 1) == Some(&b'\n') => {
                    return Some(End { next: end + 2, is_line: true });
                }
                Some(_) => return Some(End { next: end + 1, is_line: true }),
                None => return Some(End { next: bytes.len(), is_line: false }),
            }
        }
    }

    fn ends_field(&self, byte: u8) -> bool {
        byte == self.delimiter || byte == b'\n' || byte == b'\r'
    }

    fn field(&self, bytes: &[u8], start: usize) -> Option<(Field, usize)> {
        if self.quote.is_some() && bytes.get(start) == self.quote.as_ref() {
            return self.quoted(bytes, start);
        }
        let stops = [self.delimiter, b'\n', b'\r', self.escape.unwrap_or(b'\n')];
        let (mut at, mut is_raw) = (first_of(stops, bytes, start), false);
        while let Some(byte) = bytes.get(at).filter(|byte| !self.ends_field(**byte)) {
            is_raw |= Some(*byte) == self.escape;
            at = first_of(stops, bytes, at + 2);
        }
        let at = at.min(bytes.len());
        Some((if is_raw { Field::raw(start, at) } else { Field::plain(start, at) }, at))
    }

    fn quoted(&self, bytes: &[u8], start: usize) -> Option<(Field, usize)> {
        let quote = self.quote?;
        let stops = [quote, self.escape.unwrap_or(quote)];
        let (mut at, mut is_raw) = (first_of(stops, bytes, start + 1), false);
        // What is doubled or escaped is two bytes.
        while *bytes.get(at)? != quote || (self.doubles && bytes.get(at + 1) == Some(&quote)) {
            is_raw = true;
            at = first_of(stops, bytes, at + 2);
        }
        let closed = at;
        at += 1;
        while bytes.get(at).is_some_and(|byte| !self.ends_field(*byte)) {
            // What follows a closed quote belongs to the value.
            is_raw = true;
            at += 1;
        }
        let field = if is_raw { Field::raw(start, at) } else { Field::plain(start + 1, closed) };
        Some((field, at))
    }

    fn text<'t>(&self, text: &'t str, field: Field) -> Cow<'t, str> {
        let Field { start, end } = field;
        let part = text.get(start as usize..(end & !RAW) as usize).unwrap_or_default();
        if end & RAW == 0 { Cow::Borrowed(part) } else { Cow::Owned(self.unescaped(part)) }
    }

    /// The value without quotes and escapes.
    fn unescaped(&self, raw: &str) -> String {
        let is = |char: char, byte: Option<u8>| byte.is_some_and(|byte| char == char::from(byte));
        let mut value = String::with_capacity(raw.len());
        let mut chars = raw.chars().peekable();
        let starts_quoted = chars.next_if(|char| is(*char, self.quote)).is_some();
        let mut is_open = starts_quoted;
        while let Some(char) = chars.next() {
            if is(char, self.escape) && !(is(char, self.quote)) {
                value.extend(chars.next());
            } else if is_open && is(char, self.quote) {
                let is_double =
                    self.doubles && chars.next_if(|next| is(*next, self.quote)).is_some();
                if is_double {
                    value.push(char);
                } else {
                    is_open = false;
                }
            } else {
                value.push(char);
            }
        }
        value
    }
}

#[cfg(test)]
mod tests;
