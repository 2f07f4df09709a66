//! [`percents`], [`braces`]: patterns of C and of Python as their parts; [`Place`]: how a value is written in one.

use std::iter::Peekable;
use std::str::Chars;

use super::Value;
use super::number::{exponential, grouped, shortest};

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    /// Which value, and how.
    Value(usize, Place),
}

/// How a value is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    fill: char,
    /// `<`, `^`, `>`, or `=` for what stands between a sign and its number; else texts stand left and numbers right.
    align: Option<char>,
    /// What stands before a number that is not negative.
    sign: Option<char>,
    prefix: bool,
    width: usize,
    groups: bool,
    precision: Option<usize>,
    kind: Option<char>,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            fill: ' ',
            align: None,
            sign: None,
            prefix: false,
            width: 0,
            groups: false,
            precision: None,
            kind: None,
        }
    }
}

type Signs<'a> = Peekable<Chars<'a>>;

fn number(rest: &mut Signs<'_>) -> Option<usize> {
    let mut digits = String::new();
    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    digits.parse().ok()
}

/// More is a mistake, and would take the memory of the process.
const WIDEST: usize = 10_000;

fn checked(place: Place) -> Result<Place, String> {
    match place.width.max(place.precision.unwrap_or_default()) {
        width if width > WIDEST => Err(format!("a width of {width} is more than {WIDEST}")),
        _ => Ok(place),
    }
}

/// `%d`, `%-8s`, `%+.2f`, `%%`.
pub(super) fn percents(pattern: &str) -> Result<Vec<Part>, String> {
    let (mut parts, mut text, mut count) = (Vec::new(), String::new(), 0);
    let mut rest = pattern.chars().peekable();
    while let Some(sign) = rest.next() {
        if sign != '%' || rest.next_if_eq(&'%').is_some() {
            text.push(sign);
            continue;
        }
        let mut place = Place { align: Some('>'), ..Place::default() };
        let mut zeros = false;
        while let Some(flag) = rest.next_if(|it| "-+ #0,'".contains(*it)) {
            match flag {
                '-' => place.align = Some('<'),
                '+' => place.sign = Some('+'),
                ' ' if place.sign.is_none() => place.sign = Some(' '),
                '#' => place.prefix = true,
                '0' => zeros = true,
                ',' | '\'' => place.groups = true,
                _ => {}
            }
        }
        if zeros && place.align == Some('>') {
            (place.fill, place.align) = ('0', Some('='));
        }
        place.width = number(&mut rest).unwrap_or_default();
        if rest.next_if_eq(&'.').is_some() {
            place.precision = Some(number(&mut rest).unwrap_or_default());
        }
        while rest.next_if(|it| "lhqjzt".contains(*it)).is_some() {}
        match rest.next() {
            Some(kind) if "diusfFeEgGxXobc".contains(kind) => place.kind = Some(kind),
            Some(other) => return Err(format!("`%{other}` is not known")),
            None => return Err("it ends behind `%`; `%%` is a `%`".to_owned()),
        }
        parts.push(Part::Text(std::mem::take(&mut text)));
        parts.push(Part::Value(count, checked(place)?));
        count += 1;
    }
    parts.push(Part::Text(text));
    Ok(parts)
}

/// `{}`, `{1}`, `{:>8}`, `{:,.2f}`, `{{`.
pub(super) fn braces(pattern: &str) -> Result<Vec<Part>, String> {
    let (mut parts, mut text, mut count) = (Vec::new(), String::new(), 0);
    let mut rest = pattern.chars().peekable();
    while let Some(sign) = rest.next() {
        if sign != '{' && sign != '}' || rest.next_if_eq(&sign).is_some() {
            text.push(sign);
            continue;
        }
        if sign == '}' {
            return Err("a `}` has no `{`; `}}` is a `}`".to_owned());
        }
        let at = number(&mut rest).unwrap_or_else(|| {
            count += 1;
            count - 1
        });
        let place = match rest.next_if_eq(&':') {
            Some(_) => place(&mut rest)?,
            None => Place::default(),
        };
        match rest.next() {
            Some('}') => {}
            Some(other) => return Err(format!("`{other}` stands in a `{{}}`")),
            None => return Err("a `{` has no `}`".to_owned()),
        }
        parts.push(Part::Text(std::mem::take(&mut text)));
        parts.push(Part::Value(at, checked(place)?));
    }
    parts.push(Part::Text(text));
    Ok(parts)
}

fn place(rest: &mut Signs<'_>) -> Result<Place, String> {
    let mut place = Place::default();
    let is_align = |it: &char| "<^>".contains(*it);
    let mut ahead = rest.clone();
    if let (Some(fill), Some(align)) = (ahead.next(), ahead.next())
        && is_align(&align)
    {
        (place.fill, place.align) = (fill, Some(align));
        *rest = ahead;
    } else {
        place.align = rest.next_if(is_align);
    }
    place.sign = rest.next_if(|it| "+- ".contains(*it)).filter(|it| *it != '-');
    place.prefix = rest.next_if_eq(&'#').is_some();
    if rest.next_if_eq(&'0').is_some() && place.align.is_none() {
        (place.fill, place.align) = ('0', Some('='));
    }
    place.width = number(rest).unwrap_or_default();
    place.groups = rest.next_if(|it| ",_'".contains(*it)).is_some();
    if rest.next_if_eq(&'.').is_some() {
        place.precision = Some(number(rest).ok_or("a precision is missing behind `.`")?);
    }
    place.kind = rest.next_if(|it| "bcdeEfFgGosxX".contains(*it));
    Ok(place)
}

impl Place {
    pub(super) fn write(&self, value: Value<'_>) -> Result<String, String> {
        let misfit = |what: &str| {
            let kind = self.kind.unwrap_or('s');
            Err(format!("`{kind}` does not write {what}"))
        };
        match (value, self.kind) {
            (Value::Text(text), None | Some('s')) => Ok(self.padded(self.cut(text), '<')),
            (Value::Text(_), _) => misfit("a text"),
            (Value::Bool(is), None | Some('s')) => Ok(self.padded(self.cut(&is.to_string()), '<')),
            (Value::Bool(is), Some(_)) => self.whole(i64::from(is)),
            (Value::Whole(number), Some('f' | 'F' | 'e' | 'E' | 'g' | 'G')) => {
                self.float(number as f64)
            }
            (Value::Whole(number), _) => self.whole(number),
            (Value::Float(_), Some('d' | 'i' | 'u' | 'x' | 'X' | 'o' | 'b' | 'c')) => {
                misfit("a number with a fraction; `CAST(x AS BIGINT)` is one without")
            }
            (Value::Float(number), _) => self.float(number),
        }
    }

    fn cut(&self, text: &str) -> String {
        match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text.to_owned(),
        }
    }

    fn whole(&self, number: i64) -> Result<String, String> {
        let size = number.unsigned_abs();
        let (prefix, digits) = match self.kind {
            Some('x') => ("0x", format!("{size:x}")),
            Some('X') => ("0X", format!("{size:X}")),
            Some('o') => ("0", format!("{size:o}")),
            Some('b') => ("0b", format!("{size:b}")),
            Some('c') => {
                let sign = u32::try_from(number).ok().and_then(char::from_u32);
                let sign = sign.ok_or_else(|| format!("no character has the number {number}"))?;
                return Ok(self.padded(sign.to_string(), '<'));
            }
            _ => ("", if self.groups { grouped(&size.to_string()) } else { size.to_string() }),
        };
        let prefix = if self.prefix { prefix } else { "" };
        Ok(self.signed(number < 0, prefix, &digits))
    }

    fn float(&self, number: f64) -> Result<String, String> {
        if !number.is_finite() {
            let name = if number.is_nan() { "nan" } else { "inf" };
            let plain = Self { fill: ' ', align: Some('>'), ..self.clone() };
            return Ok(plain.signed(number < 0.0, "", name));
        }
        let (size, precision) = (number.abs(), self.precision.unwrap_or(6));
        let digits = match self.kind {
            Some('f' | 'F') => format!("{size:.precision$}"),
            Some('e') => exponential(size, precision),
            Some('E') => exponential(size, precision).to_uppercase(),
            Some('g') => shortest(size, precision),
            Some('G') => shortest(size, precision).to_uppercase(),
            _ => match self.precision {
                Some(precision) => shortest(size, precision),
                None => format!("{size:?}"),
            },
        };
        let digits = if self.groups { grouped(&digits) } else { digits };
        Ok(self.signed(number.is_sign_negative(), "", &digits))
    }

    /// A number with its sign, and zeros behind that where they are wanted.
    fn signed(&self, is_negative: bool, prefix: &str, digits: &str) -> String {
        let sign = if is_negative { Some('-') } else { self.sign };
        let before = sign.map_or_else(|| prefix.to_owned(), |sign| format!("{sign}{prefix}"));
        let missing = self.width.saturating_sub(before.len() + digits.len());
        if self.align == Some('=') {
            return format!("{before}{}{digits}", String::from(self.fill).repeat(missing));
        }
        self.padded(before + digits, '>')
    }

    fn padded(&self, text: String, side: char) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        let fill = |count: usize| String::from(self.fill).repeat(count);
        match self.align.filter(|align| *align != '=').unwrap_or(side) {
            '<' => text + &fill(missing),
            '^' => format!("{}{text}{}", fill(missing / 2), fill(missing - missing / 2)),
            _ => fill(missing) + &text,
        }
    }
}
