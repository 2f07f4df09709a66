//! [`Lexer`]: JSON as tokens. As Python's reader it takes `NaN` and `Infinity`.

use std::borrow::Cow;

use crate::source::words::first_of_json;

/// Values deeper than this are refused: each level takes some of the stack.
const MAX_DEPTH: usize = 500;

/// Why a text is not what was expected of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    /// The byte where it was noticed.
    pub(super) at: usize,
    /// Keys on the way to it, innermost first.
    pub(super) keys: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// No JSON.
    Syntax(String),
    /// JSON that has no place in the columns.
    Misfit(String),
    /// A key that the columns do not have.
    Unknown(String),
}

pub(super) type Parse<T> = Result<T, Fault>;

impl Fault {
    pub(super) fn new(kind: FaultKind, at: usize) -> Self {
        Self { kind, at, keys: Vec::new() }
    }

    /// The same, seen from outside the value of this key.
    pub(super) fn below(mut self, key: &str) -> Self {
        self.keys.push(key.to_owned());
        self
    }

    /// The keys as a path, outermost first.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for key in self.keys.iter().rev() {
            if !path.is_empty() && !key.starts_with('[') {
                path.push('.');
            }
            path.push_str(key);
        }
        path
    }
}

/// A number as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number<'a> {
    pub(super) text: &'a str,
    pub(super) is_whole: bool,
}

/// A place in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Back at a place where it was.
    pub(super) fn rewound(&self, at: usize) -> Self {
        Self { at, ..*self }
    }

    /// What was read since a place.
    pub(super) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// The next byte; zero at the end.
    pub(super) fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    /// To the next token.
    pub(super) fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    pub(super) fn syntax<T>(&self, what: impl Into<String>) -> Parse<T> {
        Err(Fault::new(FaultKind::Syntax(what.into()), self.at))
    }

    fn unexpected<T>(&self, wanted: &str) -> Parse<T> {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => self.syntax(format!("found `{found}` where {wanted} belongs")),
            None => self.syntax(format!("it ends where {wanted} belongs")),
        }
    }

    pub(super) fn expect(&mut self, byte: u8, wanted: &str) -> Parse<()> {
        if self.peek() != byte {
            return self.unexpected(wanted);
        }
        self.at += 1;
        Ok(())
    }

    /// Nothing follows.
    pub(super) fn end(&mut self) -> Parse<()> {
        self.space();
        if self.at < self.text.len() { self.unexpected("the end") } else { Ok(()) }
    }

    /// Into an object or a list: true if something is in it. The other end is [`Self::more`]'s.
    pub(super) fn open(&mut self, close: u8) -> Parse<bool> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.syntax(format!("values are nested deeper than {MAX_DEPTH} levels"));
        }
        self.space();
        let is_empty = self.peek() == close;
        if is_empty {
            self.at += 1;
            self.depth -= 1;
        }
        Ok(!is_empty)
    }

    /// After a value in an object or a list: true if another one follows.
    pub(super) fn more(&mut self, close: u8) -> Parse<bool> {
        self.space();
        let found = self.peek();
        if found != b',' && found != close {
            return self.unexpected(if close == b']' { "`,` or `]`" } else { "`,` or `}`" });
        }
        self.at += 1;
        self.depth -= usize::from(found == close);
        self.space();
        Ok(found == b',')
    }

    /// A key and its colon.
    pub(super) fn key(&mut self) -> Parse<Cow<'a, str>> {
        if self.peek() != b'"' {
            return self.unexpected("a key in quotes");
        }
        let key = self.string()?;
        self.space();
        self.expect(b':', "`:`")?;
        self.space();
        Ok(key)
    }

    /// A text.
    pub(super) fn string(&mut self) -> Parse<Cow<'a, str>> {
        let (raw, is_escaped) = self.raw_string()?;
        if is_escaped { self.unescaped(raw).map(Cow::Owned) } else { Ok(Cow::Borrowed(raw)) }
    }

    /// What is between quotes, and whether something in it is escaped.
    fn raw_string(&mut self) -> Parse<(&'a str, bool)> {
        let start = self.at + 1;
        let (mut at, mut is_escaped) = (start, false);
        loop {
            at = first_of_json(self.text.as_bytes(), at);
            match self.text.as_bytes().get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    is_escaped = true;
                    at += 2;
                }
                Some(control) => {
                    self.at = at;
                    let what = format!("the byte {control:#04x} in a text; it must be escaped");
                    return self.syntax(what);
                }
                None => {
                    self.at = self.text.len();
                    return self.syntax("it ends within a text");
                }
            }
        }
        self.at = at + 1;
        Ok((self.text.get(start..at).unwrap_or_default(), is_escaped))
    }

    fn unescaped(&self, raw: &str) -> Parse<String> {
        let mut text = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some((plain, after)) = rest.split_once('\\') {
            text.push_str(plain);
            let mut chars = after.chars();
            let escaped = chars.next().unwrap_or_default();
            rest = chars.as_str();
            text.push(match escaped {
                '"' | '\\' | '/' => escaped,
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let (found, after) = self.code_point(rest)?;
                    rest = after;
                    found
                }
                other => return self.syntax(format!("the escape `\\{other}`, which JSON has not")),
            });
        }
        text.push_str(rest);
        Ok(text)
    }

    /// After `\u`: one unit, or two that belong together.
    fn code_point<'t>(&self, text: &'t str) -> Parse<(char, &'t str)> {
        let unit = |text: &'t str| {
            let (digits, rest) = text.split_at_checked(4)?;
            let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            Some((u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)?, rest))
        };
        let Some((first, rest)) = unit(text) else {
            return self.syntax("`\\u` without four hexadecimal digits");
        };
        let second = rest.strip_prefix("\\u").and_then(unit);
        let pair = second.map_or([first, 0], |(second, _)| [first, second]);
        match (char::decode_utf16(pair).next(), second) {
            (Some(Ok(found)), Some((_, after))) if found.len_utf16() > 1 => Ok((found, after)),
            (Some(Ok(found)), _) => Ok((found, rest)),
            _ => self.syntax(format!("`\\u{first:04x}` is half of a character")),
        }
    }

    /// A number, also `NaN`, `Infinity` and `-Infinity`.
    pub(super) fn number(&mut self) -> Parse<Number<'a>> {
        let start = self.at;
        self.at += usize::from(self.peek() == b'-');
        let first = self.peek();
        if matches!(first, b'N' | b'I') {
            self.word(if first == b'N' { "NaN" } else { "Infinity" })?;
            return Ok(Number { text: self.since(start), is_whole: false });
        }
        self.digits("a digit")?;
        if first == b'0' && self.at - start > 1 + usize::from(self.since(start).starts_with('-')) {
            self.at = start;
            return self.syntax("a number that starts with `0`");
        }
        let mut is_whole = true;
        if self.peek() == b'.' {
            self.at += 1;
            self.digits("a digit")?;
            is_whole = false;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            self.digits("a digit")?;
            is_whole = false;
        }
        Ok(Number { text: self.since(start), is_whole })
    }

    fn digits(&mut self, wanted: &str) -> Parse<()> {
        if !self.peek().is_ascii_digit() {
            return self.unexpected(wanted);
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    /// `true`, `false` or `null`.
    pub(super) fn word(&mut self, word: &str) -> Parse<()> {
        if !self
            .text
            .as_bytes()
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word.as_bytes()))
        {
            return self.unexpected("a value");
        }
        self.at += word.len();
        Ok(())
    }

    /// Past a value of any kind; what it was.
    pub(super) fn skip(&mut self) -> Parse<&'a str> {
        let start = self.at;
        self.value(&mut ())?;
        Ok(self.since(start))
    }

    /// A value of any kind without the space in it.
    pub(super) fn compact(&mut self, out: &mut String) -> Parse<()> {
        self.value(out)
    }

    fn value<W: Write>(&mut self, out: &mut W) -> Parse<()> {
        match self.peek() {
            b'"' => self.quoted(out)?,
            b'{' => {
                out.write("{");
                let mut is_more = self.open(b'}')?;
                while is_more {
                    if self.peek() != b'"' {
                        return self.unexpected("a key in quotes");
                    }
                    self.quoted(out)?;
                    self.space();
                    self.expect(b':', "`:`")?;
                    self.space();
                    out.write(":");
                    self.value(out)?;
                    is_more = self.more(b'}')?;
                    out.write(if is_more { "," } else { "" });
                }
                out.write("}");
            }
            b'[' => {
                out.write("[");
                let mut is_more = self.open(b']')?;
                while is_more {
                    self.value(out)?;
                    is_more = self.more(b']')?;
                    out.write(if is_more { "," } else { "" });
                }
                out.write("]");
            }
            _ => out.write(self.scalar()?),
        }
        Ok(())
    }

    /// A text as JSON writes it: two of the same characters are the same.
    fn quoted<W: Write>(&mut self, out: &mut W) -> Parse<()> {
        let start = self.at;
        let (raw, is_escaped) = self.raw_string()?;
        if !is_escaped {
            out.write(self.since(start));
            return Ok(());
        }
        let text = self.unescaped(raw)?;
        out.write(&serde_json::Value::String(text).to_string());
        Ok(())
    }

    /// What is no text, object or list.
    fn scalar(&mut self) -> Parse<&'a str> {
        let start = self.at;
        match self.peek() {
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            b'-' | b'0'..=b'9' | b'N' | b'I' => drop(self.number()?),
            _ => return self.unexpected("a value"),
        }
        Ok(self.since(start))
    }
}

/// Where a value is written, or nowhere.
trait Write {
    fn write(&mut self, text: &str);
}

impl Write for () {
    fn write(&mut self, _text: &str) {}
}

impl Write for String {
    fn write(&mut self, text: &str) {
        self.push_str(text);
    }
}
