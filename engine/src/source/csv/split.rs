//! [`Dialect`]: where records and their fields begin and end.

use std::borrow::Cow;

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

/// The fields of all records of a text.
#[derive(Debug)]
pub(super) struct Records<'t> {
    text: &'t str,
    dialect: &'t Dialect,
    fields: Vec<Field>,
    width: usize,
    pub(super) rows: usize,
}

impl<'t> Records<'t> {
    /// At most so many records of `width` fields; `ragged` says of others why they are an error, if they are.
    pub(super) fn split<E>(
        dialect: &'t Dialect,
        text: &'t str,
        width: usize,
        most: usize,
        mut ragged: impl FnMut(Ragged) -> Result<(), E>,
    ) -> Result<Self, Broken<E>> {
        let bytes = text.as_bytes();
        let mut all = Self { text, dialect, fields: Vec::new(), width, rows: 0 };
        all.fields.reserve(bytes.len() / 8);
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

    /// The first record and where the next one starts, past lines without anything; `None` where there is none.
    pub(super) fn first(dialect: &'t Dialect, text: &'t str) -> Option<(Vec<String>, usize)> {
        let start = text.find(|c| c != '\n' && c != '\r')?;
        let mut fields = Vec::new();
        let end = dialect.record(text.as_bytes(), start, &mut fields)?;
        let texts = fields.iter().map(|field| dialect.text(text, *field).into_owned());
        Some((texts.collect(), end.next))
    }

    /// The text of a field.
    pub(super) fn text(&self, row: usize, column: usize) -> Cow<'t, str> {
        match self.fields.get(row * self.width + column) {
            Some(field) => self.dialect.text(self.text, *field),
            None => Cow::Borrowed(""),
        }
    }
}

impl Dialect {
    /// The end of the last record that is there as a whole.
    pub(super) fn whole(&self, bytes: &[u8]) -> usize {
        let is_in = |byte: Option<u8>| byte.is_some_and(|byte| bytes.contains(&byte));
        if !is_in(self.quote) && !is_in(self.escape) {
            // A `\r` at the end may be half of a line end.
            let last = bytes.len().saturating_sub(1);
            let line = bytes.iter().rposition(|byte| *byte == b'\n');
            let line = line.or_else(|| bytes[..last].iter().rposition(|byte| *byte == b'\r'));
            return line.map_or(0, |at| at + 1);
        }
        let (mut at, mut fields) = (0, Vec::new());
        while at < bytes.len() {
            fields.clear();
            match self.record(bytes, at, &mut fields) {
                Some(End { next, is_line: true })
                    if next < bytes.len() || bytes[next - 1] == b'\n' =>
                {
                    at = next;
                }
                _ => break,
            }
        }
        at
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
        let (mut at, mut is_raw) = (start, false);
        while let Some(byte) = bytes.get(at) {
            if self.ends_field(*byte) {
                break;
            }
            let is_escape = Some(*byte) == self.escape;
            is_raw |= is_escape;
            at += 1 + usize::from(is_escape);
        }
        let at = at.min(bytes.len());
        Some((if is_raw { Field::raw(start, at) } else { Field::plain(start, at) }, at))
    }

    fn quoted(&self, bytes: &[u8], start: usize) -> Option<(Field, usize)> {
        let (mut at, mut is_raw) = (start + 1, false);
        loop {
            let byte = *bytes.get(at)?;
            let next = bytes.get(at + 1);
            let is_quote = Some(byte) == self.quote;
            if is_quote && !(self.doubles && next == Some(&byte)) {
                break;
            }
            let is_pair = is_quote || Some(byte) == self.escape;
            is_raw |= is_pair;
            at += 1 + usize::from(is_pair);
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
