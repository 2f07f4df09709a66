//! Functions of times that are told a unit, a pattern or a width.

use datafusion::sql::sqlparser::ast::{Expr, Value};

use super::{filled, moment, text};
use crate::{Error, Result};

pub(super) const NAMES: [&str; 8] = [
    "date_diff",
    "date_sub",
    "datediff",
    "datesub",
    "datetrunc",
    "strftime",
    "strptime",
    "time_bucket",
];

const DAY: i64 = 86_400_000_000;

const WEEK: i64 = 7 * DAY;

/// Units of one length, in microseconds.
const LENGTHS: [(&str, i64); 7] = [
    ("microsecond", 1),
    ("millisecond", 1_000),
    ("second", 1_000_000),
    ("minute", 60_000_000),
    ("hour", 3_600_000_000),
    ("day", DAY),
    ("week", WEEK),
];

/// Units of months.
const MONTHS: [(&str, i64); 3] = [("month", 1), ("quarter", 3), ("year", 12)];

/// The call of one of these in known words.
///
/// # Errors
/// [`Error::NotSupported`] for a unit or pattern that is not known.
pub(super) fn spelled(name: &str, arguments: &[&Expr]) -> Result<Option<String>> {
    Ok(Some(match (name, arguments) {
        ("date_diff" | "datediff", [unit, start, end]) => {
            let (function, begin, length) = unit_of(name, unit)?;
            // Of weeks it is days that count, seven to one, wherever a week begins.
            let part = if length == WEEK { DAY } else { length };
            let template =
                format!("{function}({begin}({{1}}, {part}), {begin}({{2}}, {part}), {length})");
            filled(&template, &[&moment(start), &moment(end)])
        }
        ("date_sub" | "datesub", [unit, start, end]) => {
            let (function, _, length) = unit_of(name, unit)?;
            let template = format!("{function}({{1}}, {{2}}, {length})");
            filled(&template, &[&moment(start), &moment(end)])
        }
        ("datetrunc", [unit, at]) => filled("date_trunc({1}, {2})", &[unit, at]),
        // Either may be first.
        ("strftime", [one, other]) => {
            let (at, pattern) = match (text(one), text(other)) {
                (_, Some(pattern)) => (one, pattern),
                (Some(pattern), None) => (other, pattern),
                (None, None) => return Err(unwritten(name)),
            };
            filled("format_time({1}, {2})", &[at, &literal(shown(pattern)?)])
        }
        ("strptime", [value, pattern]) => {
            let pattern = text(pattern).ok_or_else(|| unwritten(name))?;
            let template = "arrow_cast(parse_time({1}, {2}), 'Timestamp(Microsecond, None)')";
            filled(template, &[value, &literal(read(pattern)?)])
        }
        ("time_bucket", [width, at]) => {
            // Months are counted from the first of one, other widths from a Monday.
            let written = width.to_string().to_lowercase();
            let of_months = ["mon", "year", "quarter"].iter().any(|unit| written.contains(unit));
            let origin = if of_months { "2000-01-01" } else { "2000-01-03" };
            filled(&format!("date_bin({{1}}, {{2}}, TIMESTAMP '{origin}')"), &[width, at])
        }
        _ => return Ok(None),
    }))
}

/// What counts a unit, what finds where one begins, and how long it is.
fn unit_of(name: &str, unit: &Expr) -> Result<(&'static str, &'static str, i64)> {
    let written = match (text(unit), unit) {
        (Some(written), _) => written.to_lowercase(),
        (None, Expr::Identifier(written)) => written.value.to_lowercase(),
        _ => return Err(Error::refused(format!("`{name}` with a unit that is no text"), units())),
    };
    let singular = written.strip_suffix('s').unwrap_or(&written);
    let length =
        |known: &[(&str, i64)]| known.iter().find(|(it, _)| *it == singular).map(|it| it.1);
    if let Some(length) = length(&LENGTHS) {
        return Ok(("units_between", "truncate_to_units", length));
    }
    match length(&MONTHS) {
        Some(months) => Ok(("months_between", "truncate_to_months", months)),
        None => Err(Error::refused(format!("the unit `{written}` of `{name}`"), units())),
    }
}

fn units() -> String {
    let names: Vec<&str> = LENGTHS.iter().chain(&MONTHS).map(|(name, _)| *name).collect();
    format!("units are `{}`", names.join("`, `"))
}

fn unwritten(name: &str) -> Error {
    Error::refused(format!("`{name}` with a pattern that is no text"), "write the pattern out")
}

fn literal(text: String) -> Expr {
    Expr::value(Value::SingleQuotedString(text))
}

/// The pattern as our functions take it. In theirs `%f` are microseconds, `%g` milliseconds, `%n` nanoseconds.
fn shown(pattern: &str) -> Result<String> {
    parts(pattern, |part| match part {
        "f" => Some("%6f"),
        "g" => Some("%3f"),
        "n" => Some("%9f"),
        "c" => Some("%Y-%m-%d %H:%M:%S"),
        "x" => Some("%Y-%m-%d"),
        "X" => Some("%H:%M:%S"),
        _ => None,
    })
}

fn read(pattern: &str) -> Result<String> {
    // Any number of digits behind the point.
    parts(&pattern.replace(".%f", "%.f"), |_| None)
}

/// Parts that mean the same there and here.
const ALIKE: [&str; 28] = [
    "a", "A", "b", "B", "d", "-d", "H", "-H", "I", "-I", "j", "-j", "m", "-m", "M", "-M", "p", "S",
    "-S", "u", "U", "w", "W", "y", "Y", "G", "V", "%",
];

fn parts(pattern: &str, own: impl Fn(&str) -> Option<&'static str>) -> Result<String> {
    let (mut said, mut rest) = (String::new(), pattern);
    while let Some((before, after)) = rest.split_once('%') {
        said.push_str(before);
        let length = match after.as_bytes() {
            [b'-' | b'.', next, ..] if next.is_ascii() => 2,
            [next, ..] if next.is_ascii() => 1,
            _ => 0,
        };
        let (part, after) = after.split_at(length);
        match own(part) {
            Some(like) => said.push_str(like),
            None if ALIKE.contains(&part) || part == ".f" => {
                said.push('%');
                said.push_str(part);
            }
            None => {
                let known = format!("parts of it are `%{}`", ALIKE.join("`, `%"));
                return Err(Error::refused(format!("`%{part}` in a pattern of times"), known));
            }
        }
        rest = after;
    }
    said.push_str(rest);
    Ok(said)
}
