//! `age`: from one point in time to a later one in years, months, days and hours, as people count them.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimestampMicrosecondType};
use chrono::{DateTime, Datelike, NaiveDateTime, NaiveTime, TimeDelta};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::calendar::{is_moment, moment};
use super::simple::{refused, simple};

#[cfg(test)]
mod tests;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![simple("age", types, ages)]
}

fn types(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [later, earlier] if is_moment(later) && is_moment(earlier) => {
            Ok((vec![moment(); 2], DataType::Interval(IntervalUnit::MonthDayNano)))
        }
        kinds => refused("age", kinds),
    }
}

fn ages(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let [later, earlier] =
        [0, 1].map(|at| arguments[at].as_primitive::<TimestampMicrosecondType>().iter());
    let moment = |micros: Option<i64>| Some(DateTime::from_timestamp_micros(micros?)?.naive_utc());
    let ages = later.zip(earlier).map(|(later, earlier)| age(moment(later)?, moment(earlier)?));
    Ok(Arc::new(ages.collect::<IntervalMonthDayNanoArray>()))
}

/// Days that are left of a month are those of the earlier month; backwards all parts are negative.
fn age(later: NaiveDateTime, earlier: NaiveDateTime) -> Option<IntervalMonthDayNano> {
    let is_backwards = later.cmp(&earlier) == Ordering::Less;
    let (from, to) = if is_backwards { (later, earlier) } else { (earlier, later) };
    let months_of = |at: NaiveDateTime| at.year() * 12 + at.month0().cast_signed();
    let days_of = |at: NaiveDateTime| at.day().cast_signed();
    let since_midnight = |at: NaiveDateTime| at.time().signed_duration_since(NaiveTime::MIN);
    let mut months = months_of(to) - months_of(from);
    let mut days = days_of(to) - days_of(from);
    let mut rest = since_midnight(to) - since_midnight(from);
    if rest < TimeDelta::zero() {
        rest += TimeDelta::days(1);
        days -= 1;
    }
    if days < 0 {
        days += i32::from(from.date().num_days_in_month());
        months -= 1;
    }
    let sign = if is_backwards { -1 } else { 1 };
    let nanos = rest.num_nanoseconds()?;
    Some(IntervalMonthDayNano::new(sign * months, sign * days, i64::from(sign) * nanos))
}
