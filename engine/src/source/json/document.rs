//! [`Document`]: a file that is one value, of which only an item at a time is in memory.

use super::lexer::{Fault, FaultKind, Lexer};
use super::path::{PlainPath, descend};
use crate::source::pieces::{FileBytes, Pieces};
use crate::source::words::first_of_json;
use crate::{Error, Result};

/// What some programs write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A value in a document.
pub(super) struct Item<'t> {
    pub(super) text: &'t str,
    /// Its place in the list that was asked for; none where that is no list.
    pub(super) number: Option<usize>,
}

/// Takes items, until it returns false.
pub(super) type Visit<'v> = &'v mut dyn FnMut(Item<'_>) -> Result<bool>;

/// A document that is read.
pub(super) struct Document<'f> {
    file: &'f FileBytes,
    pieces: Pieces<'f>,
    buffer: Vec<u8>,
    at: usize,
    /// What was dropped from the buffer's start.
    base: u64,
}

impl<'f> Document<'f> {
    pub(super) fn open(file: &'f FileBytes) -> Result<Self> {
        let pieces = file.pieces(0)?;
        let mut document = Self { file, pieces, buffer: Vec::new(), at: 0, base: 0 };
        while document.buffer.len() < BYTE_ORDER_MARK.len() && document.fill(0)? {}
        if document.buffer.starts_with(BYTE_ORDER_MARK) {
            document.at = BYTE_ORDER_MARK.len();
        }
        if document.peek()?.is_none() {
            return Err(document.damaged("it is empty"));
        }
        Ok(document)
    }

    /// All of it.
    pub(super) fn whole(mut self) -> Result<String> {
        while self.fill(0)? {}
        let bytes = self.buffer.split_off(self.at);
        String::from_utf8(bytes).map_err(|error| self.not_text(error.utf8_error().valid_up_to()))
    }

    /// Visits the items of the list at a path, or the one value that is there; with no expression nulls too.
    pub(super) fn each(mut self, path: Option<&PlainPath>, visit: Visit<'_>) -> Result<()> {
        let whole = PlainPath::default();
        let wanted = path.unwrap_or(&whole);
        if !self.below(&wanted.keys, &mut |document| document.found(path, &mut *visit))? {
            return Ok(());
        }
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.damaged(
                "a second value follows the first; hint: a file with a value on each line is \
                 read with `format=\"jsonl\"`",
            )),
        }
    }

    /// Goes to the value below these keys, if it is there; false once nobody wants more.
    fn below(
        &mut self,
        keys: &[String],
        found: &mut dyn FnMut(&mut Self) -> Result<bool>,
    ) -> Result<bool> {
        let Some((wanted, rest)) = keys.split_first() else { return found(self) };
        if self.peek()? != Some(b'{') {
            self.scan(false)?;
            return Ok(true);
        }
        self.at += 1;
        let mut is_found = false;
        let mut is_more = !self.takes(b'}')?;
        while is_more {
            if self.peek()? != Some(b'"') {
                return Err(self.damaged("no key in quotes where one belongs"));
            }
            let start = self.scan(true)?;
            let key = self.text(start)?;
            let key = Lexer::new(key).string().map_err(|fault| self.fault(&fault))?;
            let is_it = key == *wanted;
            if !self.takes(b':')? {
                return Err(self.damaged("a key without a value"));
            }
            self.peek()?;
            if is_it && std::mem::replace(&mut is_found, true) {
                return Err(self.damaged(&format!("it has the key `{wanted}` twice")));
            }
            let goes_on =
                if is_it { self.below(rest, found)? } else { self.scan(false).map(|_| true)? };
            if !goes_on {
                return Ok(false);
            }
            is_more = self.takes(b',')?;
            if !is_more && !self.takes(b'}')? {
                return Err(self.damaged("an object without its end"));
            }
        }
        Ok(true)
    }

    /// At the value that is asked for.
    fn found(&mut self, path: Option<&PlainPath>, visit: Visit<'_>) -> Result<bool> {
        let items = path.and_then(|path| path.items.as_ref());
        if self.peek()? != Some(b'[') {
            let start = self.scan(items.is_none())?;
            if items.is_some() {
                return Ok(true);
            }
            let text = self.text(start)?;
            let is_nothing = path.is_some() && text == "null";
            return if is_nothing { Ok(true) } else { visit(Item { text, number: None }) };
        }
        self.at += 1;
        let mut is_more = !self.takes(b']')?;
        let mut number = 0;
        while is_more {
            let start = self.scan(true)?;
            let text = self.text(start)?;
            let parts = match items {
                Some(items) if items.is_flat && text.starts_with('[') => {
                    items_of(text).map_err(|fault| self.fault(&fault))?
                }
                _ => vec![text],
            };
            for part in parts {
                let part = match (items, path) {
                    (Some(items), _) => descend(part, &items.keys),
                    (None, _) => Ok(Some(part)),
                };
                let part = part.map_err(|fault| self.fault(&fault))?;
                if let Some(text) = part
                    && !visit(Item { text, number: Some(number) })?
                {
                    return Ok(false);
                }
            }
            number += 1;
            is_more = self.takes(b',')?;
            if !is_more && !self.takes(b']')? {
                return Err(self.damaged("a list without its end"));
            }
            self.peek()?;
        }
        Ok(true)
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            match self.buffer.get(self.at).copied() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(byte) => return Ok(Some(byte)),
                None if self.fill(self.at)? => {}
                None => return Ok(None),
            }
        }
    }

    fn takes(&mut self, byte: u8) -> Result<bool> {
        let is_it = self.peek()? == Some(byte);
        self.at += usize::from(is_it);
        if is_it && byte != b'}' && byte != b']' {
            self.peek()?;
        }
        Ok(is_it)
    }

    /// Reads on, without what is before a place; false at the end.
    fn fill(&mut self, from: usize) -> Result<bool> {
        self.buffer.drain(..from);
        self.base += from as u64;
        self.at -= from.min(self.at);
        match self.pieces.next()? {
            Some(piece) if self.buffer.is_empty() => self.buffer = piece,
            Some(piece) => self.buffer.extend(piece),
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Past a value; where it starts, if it is kept.
    fn scan(&mut self, is_kept: bool) -> Result<usize> {
        let mut start = self.at;
        let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
        loop {
            let Some(byte) = self.buffer.get(self.at).copied() else {
                let from = if is_kept { start } else { self.at };
                if self.fill(from)? {
                    start -= from.min(start);
                    continue;
                }
                start -= from.min(start);
                // A number ends with the file.
                let is_whole = depth == 0 && !is_text && (self.at > start || !is_kept);
                return if is_whole {
                    Ok(start)
                } else {
                    Err(self.damaged("it ends within a value"))
                };
            };
            if is_text {
                if std::mem::take(&mut is_escaped) {
                    self.at += 1;
                    continue;
                }
                self.at = first_of_json(&self.buffer, self.at);
                match self.buffer.get(self.at) {
                    None => continue,
                    Some(b'"') => is_text = false,
                    Some(b'\\') => is_escaped = true,
                    Some(_) => {}
                }
                self.at += 1;
                if !is_text && depth == 0 {
                    return Ok(start);
                }
                continue;
            }
            match byte {
                b'"' => is_text = true,
                b'{' | b'[' => depth += 1,
                b',' | b':' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => {
                    return Ok(start);
                }
                b'}' | b']' if depth == 1 => {
                    self.at += 1;
                    return Ok(start);
                }
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// What was read since a place.
    fn text(&self, start: usize) -> Result<&str> {
        let bytes = self.buffer.get(start..self.at).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|error| self.not_text(start + error.valid_up_to()))
    }

    fn not_text(&self, at: usize) -> Error {
        self.damaged(&format!("byte {} is not UTF-8", self.base + at as u64))
    }

    fn fault(&self, fault: &Fault) -> Error {
        match &fault.kind {
            FaultKind::Syntax(what) | FaultKind::Misfit(what) => self.damaged(what),
            FaultKind::Unknown(key) => self.damaged(key),
        }
    }

    fn damaged(&self, what: &str) -> Error {
        let at = self.base + self.at as u64;
        Error::Corrupt {
            what: self.file.path().to_owned(),
            reason: format!("at byte {at}: {what}"),
            source: None,
        }
    }
}

/// The items of a list.
pub(super) fn items_of(text: &str) -> Result<Vec<&str>, Fault> {
    let mut lexer = Lexer::new(text);
    let mut items = Vec::new();
    let mut is_more = lexer.open(b']')?;
    while is_more {
        items.push(lexer.skip()?);
        is_more = lexer.more(b']')?;
    }
    Ok(items)
}
