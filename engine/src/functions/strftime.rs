//! `format_time`, `parse_time`: points in time as text, written as `strftime` has it; `time_text`: as Python writes it;
//! `timestamp_text`: as SQL does; `to_date`: DataFusion's (54), which takes a time of day before 1970 for the next day.
//!
//! DataFusion's `to_char` and `to_timestamp` end where nanoseconds do, in 1677 and 2262.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, PrimitiveArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use datafusion::common::Result;
use datafusion::functions::datetime::to_date;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};

use super::calendar::{is_moment, moment};
use super::mended::mended;
use super::simple::{refused, simple};
use super::unfit;
use crate::kind::is_text;

#[cfg(test)]
mod tests;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        simple("format_time", types_of_format, |of| format_time(&of[0], &of[1])),
        simple("parse_time", types_of_parse, |of| parse_time(&of[0], &of[1])),
        simple("time_text", types_of_text, |of| Ok(time_text(&of[0]))),
        simple("timestamp_text", types_of_timestamp, |of| Ok(timestamp_text(&of[0]))),
        mended(to_date(), whole_days),
    ]
}

fn types_of_format(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [kind, format] if is_moment(kind) && (is_text(format) || format.is_null()) => {
            Ok((vec![moment(), DataType::Utf8], DataType::Utf8))
        }
        kinds => refused("format_time", kinds),
    }
}

fn types_of_parse(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    if kinds.len() != 2 || !kinds.iter().all(|kind| is_text(kind) || kind.is_null()) {
        return refused("parse_time", kinds);
    }
    Ok((vec![DataType::Utf8; 2], moment()))
}

fn types_of_text(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [kind] if is_moment(kind) => Ok((vec![moment()], DataType::Utf8)),
        kinds => refused("time_text", kinds),
    }
}

/// In UTC, with microseconds where there are some.
fn time_text(moments: &ArrayRef) -> ArrayRef {
    let mut texts = StringBuilder::new();
    for at in moments.as_primitive::<TimestampMicrosecondType>() {
        texts.append_option(at.and_then(DateTime::from_timestamp_micros).map(|at| {
            let fraction = if at.timestamp_subsec_micros() == 0 { "" } else { "%.6f" };
            at.format(&format!("%Y-%m-%d %H:%M:%S{fraction}")).to_string()
        }));
    }
    Arc::new(texts.finish())
}

fn types_of_timestamp(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [DataType::Timestamp(_, Some(_))] => Ok((vec![moment()], DataType::Utf8)),
        [DataType::Timestamp(_, None)] => {
            Ok((vec![DataType::Timestamp(TimeUnit::Microsecond, None)], DataType::Utf8))
        }
        kinds => refused("timestamp_text", kinds),
    }
}

/// With as many digits of a second as are needed, and `+00` where it has a time zone.
pub(super) fn timestamp_text(moments: &ArrayRef) -> ArrayRef {
    let has_zone = matches!(moments.data_type(), DataType::Timestamp(_, Some(_)));
    let mut texts = StringBuilder::new();
    for at in moments.as_primitive::<TimestampMicrosecondType>() {
        texts.append_option(at.and_then(DateTime::from_timestamp_micros).map(|at| {
            let mut text = at.format("%Y-%m-%d %H:%M:%S").to_string();
            if at.timestamp_subsec_micros() > 0 {
                let digits = format!(".{:06}", at.timestamp_subsec_micros());
                text.push_str(digits.trim_end_matches('0'));
            }
            text + if has_zone { "+00" } else { "" }
        }));
    }
    Arc::new(texts.finish())
}

/// The parts of a format.
fn items(format: &str) -> Result<Vec<Item<'_>>> {
    let items: Vec<Item> = StrftimeItems::new(format).collect();
    if items.contains(&Item::Error) {
        let hint = "hint: `%Y-%m-%d %H:%M:%S`";
        return unfit(format!("`{format}` is no format of times; {hint}"));
    }
    Ok(items)
}

fn format_time(moments: &ArrayRef, formats: &ArrayRef) -> Result<ArrayRef> {
    let moments = moments.as_primitive::<TimestampMicrosecondType>().iter();
    let mut texts = StringBuilder::new();
    for (at, format) in moments.zip(formats.as_string::<i32>()) {
        let (Some(at), Some(format)) = (at.and_then(DateTime::from_timestamp_micros), format)
        else {
            texts.append_null();
            continue;
        };
        texts.append_value(at.format_with_items(items(format)?.iter()).to_string());
    }
    Ok(Arc::new(texts.finish()))
}

fn parse_time(texts: &ArrayRef, formats: &ArrayRef) -> Result<ArrayRef> {
    let pairs = texts.as_string::<i32>().iter().zip(formats.as_string::<i32>());
    let moments = pairs.map(|(text, format)| {
        let (Some(text), Some(format)) = (text, format) else { return Ok(None) };
        match moment_of(text, &items(format)?) {
            Some(at) => Ok(Some(at.timestamp_micros())),
            None => unfit(format!(
                "`{text}` cannot be converted to datetime, which is to be written as `{format}`"
            )),
        }
    });
    let moments = moments.collect::<Result<PrimitiveArray<TimestampMicrosecondType>>>()?;
    Ok(Arc::new(moments.with_data_type(moment())))
}

/// The days that texts are of in some format.
fn whole_days(theirs: &ScalarUDF, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (arguments, rows) = (call.args.clone(), call.number_rows);
    let days = theirs.invoke_with_args(call)?;
    let [texts, formats @ ..] = arguments.as_slice() else { return Ok(days) };
    let all = days.to_array(rows)?;
    let all = all.as_primitive::<Date32Type>();
    if formats.is_empty() || all.iter().flatten().all(|day| day > 0) {
        return Ok(days);
    }
    let texts_of = |value: &ColumnarValue| cast(&value.to_array(rows)?, &DataType::Utf8);
    let texts = texts_of(texts)?;
    let formats = formats.iter().map(texts_of).collect::<Result<Vec<_>, _>>()?;
    let day_of = |(row, day): (usize, Option<i32>)| {
        let day = day?;
        let starts_before = formats.iter().any(|formats| {
            let (text, format) = (texts.as_string::<i32>(), formats.as_string::<i32>().value(row));
            let at = items(format).ok().and_then(|items| moment_of(text.value(row), &items));
            at.is_some_and(|at| at.timestamp().div_euclid(86_400) == i64::from(day) - 1)
        });
        Some(if day <= 0 && starts_before { day - 1 } else { day })
    };
    let days: Date32Array = all.iter().enumerate().map(day_of).collect();
    Ok(ColumnarValue::Array(Arc::new(days)))
}

/// The point in time; without a time zone in UTC. What is not written is the beginning of what is, as in Python.
fn moment_of(text: &str, items: &[Item]) -> Option<DateTime<Utc>> {
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, items.iter()).ok()?;
    let has_hour = parsed.hour_mod_12().is_some();
    if has_hour && parsed.minute().is_none() {
        parsed.set_minute(0).ok()?;
    }
    if let Ok(at) = parsed.to_datetime() {
        return Some(at.to_utc());
    }
    if let Ok(at) = parsed.to_naive_datetime_with_offset(0) {
        return Some(at.and_utc());
    }
    let day = parsed.to_naive_date().ok().or_else(|| first_day_of(parsed)).filter(|_| !has_hour)?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

/// The first day of a year or month.
fn first_day_of(mut parsed: Parsed) -> Option<NaiveDate> {
    if parsed.month().is_none() {
        parsed.set_month(1).ok()?;
    }
    parsed.set_day(1).ok()?;
    parsed.to_naive_date().ok()
}
