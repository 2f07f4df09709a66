//! Numbers, truth and points in time, as JSON and Pydantic write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

use super::lexer::Number;

/// Numbers of seconds beyond this count milliseconds, as Pydantic reads them.
const SECONDS_WATERSHED: f64 = 2e10;

pub(super) fn whole(number: Number<'_>) -> Option<i64> {
    if number.is_whole {
        return number.text.parse().ok();
    }
    let value: f64 = number.text.parse().ok()?;
    let is_exact = value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and has 53 bits")]
    is_exact.then_some(value as i64)
}

/// Rust reads `NaN`, `Infinity` and `-Infinity` as JSON of Python writes them.
pub(super) fn float(number: Number<'_>) -> f64 {
    number.text.parse().unwrap_or(f64::NAN)
}

pub(super) fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "y" | "t" => Some(true),
        "false" | "0" | "no" | "off" | "n" | "f" => Some(false),
        _ => None,
    }
}

/// A point in time in microseconds; in UTC where no zone is named.
pub(super) fn moment(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<f64>() {
        let seconds = if number.abs() > SECONDS_WATERSHED { number / 1000.0 } else { number };
        let micros = (seconds * 1e6).round();
        #[expect(clippy::cast_possible_truncation, reason = "checked")]
        return (micros.abs() < 9e18).then_some(micros as i64);
    }
    let zoned = DateTime::parse_from_rfc3339(text).ok();
    let zoned = zoned.or_else(|| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").ok());
    if let Some(zoned) = zoned {
        return Some(zoned.timestamp_micros());
    }
    let formats =
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let naive = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let date = || Some(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_time(NaiveTime::MIN));
    Some(naive.or_else(date)?.and_utc().timestamp_micros())
}
