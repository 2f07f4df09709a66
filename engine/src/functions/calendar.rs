//! `units_between`, `months_between`, `add_months`, `truncate_to_units`, `truncate_to_months`: whole units between two
//! points in time, months to add, and the beginning of a unit. DataFusion's `date_trunc` ends where nanoseconds do.
//! `time_plus`: the time of day after an interval.
//!
//! The calendar is that of UTC. A month from January 31st is the last day of February.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, PrimitiveArray, Time64NanosecondArray};
use arrow::compute::{binary, cast};
use arrow::datatypes::{
    DataType, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
};
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::simple::{needs, refused, simple};
use super::unfit;

#[cfg(test)]
mod tests;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        simple(
            "units_between",
            |kinds| types_between("units_between", kinds),
            |of| each_between(of, |start, end, unit| end.checked_sub(start)?.checked_div(unit)),
        ),
        simple(
            "months_between",
            |kinds| types_between("months_between", kinds),
            |of| each_between(of, |start, end, unit| months_between(start, end)?.checked_div(unit)),
        ),
        simple(
            "truncate_to_units",
            |kinds| types_of_truncate("truncate_to_units", kinds),
            |of| {
                each_truncated(of, |at, unit| {
                    // Weeks begin on Mondays, and 1970 on a Thursday.
                    let shift = if unit == WEEK { 3 * DAY } else { 0 };
                    at.checked_sub(at.checked_add(shift)?.checked_rem_euclid(unit)?)
                })
            },
        ),
        simple(
            "truncate_to_months",
            |kinds| types_of_truncate("truncate_to_months", kinds),
            |of| each_truncated(of, month_of),
        ),
        simple("time_plus", types_of_time_plus, |of| Ok(Arc::new(time_plus(&of[0], &of[1])?))),
        simple("add_months", types_of_add, |of| add_months(&of[0], of[1].as_primitive())),
    ]
}

/// In microseconds.
const DAY: i64 = 86_400_000_000;
const WEEK: i64 = 7 * DAY;

pub(super) fn moment() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

pub(super) fn is_moment(kind: &DataType) -> bool {
    matches!(kind, DataType::Date32 | DataType::Timestamp(..) | DataType::Null)
}

fn types_between(name: &str, kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    let [moments @ .., unit] = kinds else {
        return refused(name, kinds);
    };
    if moments.len() != 2 || !unit.is_integer() {
        return refused(name, kinds);
    }
    match moments.iter().find(|kind| !is_moment(kind)) {
        Some(other) => needs(name, "dates or datetimes", other),
        None => Ok((vec![moment(), moment(), DataType::Int64], DataType::Int64)),
    }
}

fn types_of_truncate(name: &str, kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [kind, unit] if is_moment(kind) && unit.is_integer() => {
            Ok((vec![moment(), DataType::Int64], moment()))
        }
        kinds => refused(name, kinds),
    }
}

fn types_of_add(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [kind, months] if is_moment(kind) && (months.is_integer() || months.is_null()) => {
            Ok((vec![kind.clone(), DataType::Int64], kind.clone()))
        }
        kinds => refused("add_months", kinds),
    }
}

fn types_of_time_plus(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [DataType::Time32(_) | DataType::Time64(_), DataType::Interval(_)] => {
            let time = DataType::Time64(TimeUnit::Nanosecond);
            let taken = vec![time.clone(), DataType::Interval(IntervalUnit::MonthDayNano)];
            Ok((taken, time))
        }
        kinds => refused("time_plus", kinds),
    }
}

/// The time of day after a while, of which days and months do not count.
fn time_plus(times: &ArrayRef, intervals: &ArrayRef) -> Result<Time64NanosecondArray> {
    let times = times.as_primitive::<Time64NanosecondType>();
    let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
    let day = DAY * 1000;
    let after = |time: i64, interval: IntervalMonthDayNano| {
        (time + interval.nanoseconds % day).rem_euclid(day)
    };
    Ok(binary(times, intervals, after)?)
}

fn each_between(
    arguments: &[ArrayRef],
    between: fn(i64, i64, i64) -> Option<i64>,
) -> Result<ArrayRef> {
    let moments = |at: usize| arguments[at].as_primitive::<TimestampMicrosecondType>().iter();
    let units = arguments[2].as_primitive::<Int64Type>().iter();
    let rows = moments(0).zip(moments(1)).zip(units);
    let results = rows.map(|((start, end), unit)| between(start?, end?, unit?));
    Ok(Arc::new(results.collect::<Int64Array>()))
}

fn each_truncated(
    arguments: &[ArrayRef],
    truncated: fn(i64, i64) -> Option<i64>,
) -> Result<ArrayRef> {
    let moments = arguments[0].as_primitive::<TimestampMicrosecondType>().iter();
    let units = arguments[1].as_primitive::<Int64Type>().iter();
    let results = moments.zip(units).map(|(at, unit)| truncated(at?, unit?));
    let results: PrimitiveArray<TimestampMicrosecondType> = results.collect();
    Ok(Arc::new(results.with_data_type(moment())))
}

/// The beginning of so many months, counted from January.
fn month_of(at: i64, months: i64) -> Option<i64> {
    let day = DateTime::from_timestamp_micros(at)?;
    let months = u32::try_from(months).ok()?;
    let month = (day.month0() / months) * months + 1;
    let first = NaiveDate::from_ymd_opt(day.year(), month, 1)?;
    Some(first.and_time(NaiveTime::MIN).and_utc().timestamp_micros())
}

/// How often a month fits between two points in time, in microseconds.
fn months_between(start: i64, end: i64) -> Option<i64> {
    if end < start {
        return months_between(end, start).map(|months| -months);
    }
    let (from, to) =
        (DateTime::from_timestamp_micros(start)?, DateTime::from_timestamp_micros(end)?);
    let of_year = |day: &DateTime<Utc>| i64::from(day.year()) * 12 + i64::from(day.month0());
    let months = of_year(&to) - of_year(&from);
    let passed = from.checked_add_months(Months::new(u32::try_from(months).ok()?))? <= to;
    Some(if passed { months } else { months - 1 })
}

fn add_months(moments: &ArrayRef, months: &Int64Array) -> Result<ArrayRef> {
    if moments.data_type().is_null() {
        return Ok(Arc::clone(moments));
    }
    let plain = cast(moments, &moment())?;
    let plain = plain.as_primitive::<TimestampMicrosecondType>();
    let added = plain.iter().zip(months).map(|(moment, months)| {
        let (Some(moment), Some(months)) = (moment, months) else { return Ok(None) };
        match later(moment, months) {
            Some(later) => Ok(Some(later)),
            None => unfit(format!("{months} months later is no datetime")),
        }
    });
    let added = added.collect::<Result<PrimitiveArray<TimestampMicrosecondType>>>()?;
    Ok(cast(&added.with_data_type(moment()), moments.data_type())?)
}

fn later(moment: i64, months: i64) -> Option<i64> {
    let from = DateTime::from_timestamp_micros(moment)?;
    let count = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    let to =
        if months < 0 { from.checked_sub_months(count) } else { from.checked_add_months(count) };
    Some(to?.timestamp_micros())
}
