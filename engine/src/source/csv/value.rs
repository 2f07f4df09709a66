//! What the text of a value says: nothing, a number, a point in time.

use arrow::datatypes::TimeUnit;
use chrono::{Datelike, NaiveDate};

/// 1970-01-01, counted from year 1.
const EPOCH_DAY: i32 = 719_163;

const DAY_SECS: i64 = 86_400;

/// Whether the text stands for no value, as pandas and the peer have it.
pub(super) fn is_null(text: &str) -> bool {
    matches!(
        text,
        "" | "#N/A"
            | "#N/A N/A"
            | "#NA"
            | "-1.#IND"
            | "-1.#QNAN"
            | "-NaN"
            | "-nan"
            | "1.#IND"
            | "1.#QNAN"
            | "<NA>"
            | "N/A"
            | "NA"
            | "NULL"
            | "NaN"
            | "None"
            | "n/a"
            | "nan"
            | "null"
    )
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "1" => Some(true),
        "false" | "False" | "FALSE" | "0" => Some(false),
        _ => None,
    }
}

/// Whether it is a whole number, of any size.
pub(super) fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A day, or a point in time as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Since 1970.
    pub(super) days: i32,
    pub(super) has_time: bool,
    pub(super) has_zone: bool,
    /// Since 1970; of UTC where there is a zone.
    seconds: i64,
    nanos: i64,
}

impl Moment {
    /// `2024-01-31`, with a time behind `T` or a space, with a zone: `2024-01-31 12:30:00.5+01:00`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() < 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let (year, month, day) =
            (number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..10])?);
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
        let days = date.num_days_from_ce() - EPOCH_DAY;
        let seconds = i64::from(days) * DAY_SECS;
        let date = Self { days, has_time: false, has_zone: false, seconds, nanos: 0 };
        match bytes.get(10) {
            None => Some(date),
            Some(b'T' | b' ') => date.at(&bytes[11..]),
            Some(_) => None,
        }
    }

    fn at(self, time: &[u8]) -> Option<Self> {
        if time.len() < 5 || time[2] != b':' {
            return None;
        }
        let (hour, minute) = (number(&time[..2])?, number(&time[3..5])?);
        let (second, rest) = match &time[5..] {
            [b':', tens, ones, rest @ ..] => (number(&[*tens, *ones])?, rest),
            rest => (0, rest),
        };
        let (nanos, zone) = match rest {
            [b'.', rest @ ..] => {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                (fraction(&rest[..digits])?, &rest[digits..])
            }
            rest => (0, rest),
        };
        let offset = match zone {
            [] => None,
            zone => Some(offset(zone)?),
        };
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let of_day = i64::from(hour * 3600 + minute * 60 + second);
        let seconds = self.seconds + of_day - offset.unwrap_or(0);
        Some(Self { has_time: true, has_zone: offset.is_some(), seconds, nanos, ..self })
    }

    /// Whether microseconds do not hold it.
    pub(super) fn is_fine(self) -> bool {
        self.nanos % 1000 != 0
    }

    /// Since 1970, if the unit holds it exactly.
    pub(super) fn in_unit(self, unit: TimeUnit) -> Option<i64> {
        let parts: i64 = match unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        };
        let part = 1_000_000_000 / parts;
        if self.nanos % part != 0 {
            return None;
        }
        self.seconds.checked_mul(parts)?.checked_add(self.nanos / part)
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
    })
}

/// The digits behind a point, as nanoseconds.
fn fraction(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let missing = u32::try_from(9 - digits.len()).ok()?;
    Some(i64::from(number(digits)?) * 10_i64.pow(missing))
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, digits) = match zone {
        b"Z" | b"UTC" | b" UTC" => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits {
        [_, _] => (digits, &b"00"[..]),
        [_, _, b':', _, _] => (&digits[..2], &digits[3..]),
        [_, _, _, _] => digits.split_at(2),
        _ => return None,
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests;
