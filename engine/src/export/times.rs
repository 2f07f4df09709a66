//! Times as text: as Pydantic writes them in JSON, and as Python's `str` writes them.

use std::io::Write;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    ArrowTemporalType, ArrowTimestampType, DataType, Date32Type, Date64Type,
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow::temporal_conversions::{as_datetime, as_time};
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::cells::{Cell, cell};

/// What stands between a date and a time, and behind both: times are in UTC.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    /// `2024-01-02T03:04:05Z`
    Json,
    /// `2024-01-02 03:04:05+00:00`
    Plain,
}

/// The text of a column of times; `None` for other columns.
pub(super) fn times<'a>(column: &'a dyn Array, look: Look) -> Option<Cell<'a>> {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    Some(match column.data_type() {
        DataType::Timestamp(Second, _) => moments::<TimestampSecondType>(column, look),
        DataType::Timestamp(Millisecond, _) => moments::<TimestampMillisecondType>(column, look),
        DataType::Timestamp(Microsecond, _) => moments::<TimestampMicrosecondType>(column, look),
        DataType::Timestamp(Nanosecond, _) => moments::<TimestampNanosecondType>(column, look),
        DataType::Date32 => days::<Date32Type>(column),
        DataType::Date64 => days::<Date64Type>(column),
        DataType::Time32(Second) => clock::<Time32SecondType>(column),
        DataType::Time32(_) => clock::<Time32MillisecondType>(column),
        DataType::Time64(Microsecond) => clock::<Time64MicrosecondType>(column),
        DataType::Time64(_) => clock::<Time64NanosecondType>(column),
        DataType::Duration(Second) => spans::<DurationSecondType>(column, 1_000_000_000),
        DataType::Duration(Millisecond) => spans::<DurationMillisecondType>(column, 1_000_000),
        DataType::Duration(Microsecond) => spans::<DurationMicrosecondType>(column, 1_000),
        DataType::Duration(Nanosecond) => spans::<DurationNanosecondType>(column, 1),
        _ => return None,
    })
}

fn moments<T: ArrowTimestampType>(column: &dyn Array, look: Look) -> Cell<'_> {
    let values = column.as_primitive::<T>().values();
    cell(move |row, out| match as_datetime::<T>(values[row]) {
        Some(moment) => write_moment(moment, look, out),
        None => write!(out, "{}", values[row]).unwrap_or_default(),
    })
}

fn write_moment(moment: NaiveDateTime, look: Look, out: &mut Vec<u8>) {
    let (between, behind) = match look {
        Look::Json => (b'T', "Z"),
        Look::Plain => (b' ', "+00:00"),
    };
    write_date(moment.date(), out);
    out.push(between);
    write_time(moment.time(), out);
    out.extend_from_slice(behind.as_bytes());
}

fn days<T>(column: &dyn Array) -> Cell<'_>
where
    T: ArrowTemporalType<Native: Into<i64>>,
{
    let values = column.as_primitive::<T>().values();
    cell(move |row, out| match as_datetime::<T>(values[row].into()) {
        Some(moment) => write_date(moment.date(), out),
        None => write!(out, "{:?}", values[row]).unwrap_or_default(),
    })
}

fn clock<T>(column: &dyn Array) -> Cell<'_>
where
    T: ArrowTemporalType<Native: Into<i64>>,
{
    let values = column.as_primitive::<T>().values();
    cell(move |row, out| match as_time::<T>(values[row].into()) {
        Some(time) => write_time(time, out),
        None => write!(out, "{:?}", values[row]).unwrap_or_default(),
    })
}

fn write_date(date: NaiveDate, out: &mut Vec<u8>) {
    match u32::try_from(date.year()) {
        Ok(year) if year <= 9999 => {
            write_digits::<4>(year, out);
            out.push(b'-');
            write_digits::<2>(date.month(), out);
            out.push(b'-');
            write_digits::<2>(date.day(), out);
        }
        _ => write!(out, "{date}").unwrap_or_default(),
    }
}

/// So many digits of a number.
fn write_digits<const N: usize>(mut number: u32, out: &mut Vec<u8>) {
    let mut text = [b'0'; N];
    for digit in text.iter_mut().rev() {
        *digit += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    out.extend_from_slice(&text);
}

/// Python has microseconds; what is finer keeps its digits.
fn write_time(time: NaiveTime, out: &mut Vec<u8>) {
    write_digits::<2>(time.hour(), out);
    out.push(b':');
    write_digits::<2>(time.minute(), out);
    out.push(b':');
    write_digits::<2>(time.second(), out);
    let nanos = time.nanosecond();
    if nanos > 0 {
        out.push(b'.');
    }
    if !nanos.is_multiple_of(1_000) {
        write_digits::<9>(nanos, out);
    } else if nanos > 0 {
        write_digits::<6>(nanos / 1_000, out);
    }
}

fn spans<T>(column: &dyn Array, nanos: i128) -> Cell<'_>
where
    T: ArrowTemporalType<Native = i64>,
{
    let values = column.as_primitive::<T>().values();
    cell(move |row, out| write_span(i128::from(values[row]) * nanos, out))
}

/// `P1DT2H0.5S`: days are the longest that are always as long.
fn write_span(nanos: i128, out: &mut Vec<u8>) {
    let (seconds, fraction) =
        (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (hours, minutes, seconds) = (rest / 3_600, rest / 60 % 60, rest % 60);
    if nanos < 0 {
        out.push(b'-');
    }
    out.push(b'P');
    if days > 0 {
        write!(out, "{days}D").unwrap_or_default();
    }
    if rest > 0 || fraction > 0 || days == 0 {
        out.push(b'T');
    }
    for (count, unit) in [(hours, 'H'), (minutes, 'M')] {
        if count > 0 {
            write!(out, "{count}{unit}").unwrap_or_default();
        }
    }
    if fraction > 0 {
        let digits = format!("{fraction:09}");
        write!(out, "{seconds}.{}S", digits.trim_end_matches('0')).unwrap_or_default();
    } else if seconds > 0 || nanos == 0 {
        write!(out, "{seconds}S").unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;
