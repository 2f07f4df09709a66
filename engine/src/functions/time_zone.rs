//! `timezone`: `moment AT TIME ZONE 'Europe/Berlin'`, what clocks there show, or the point in time at which they show that.
//!
//! A moment with a time zone becomes one without, and the other way round. What clocks show twice is the second time; what
//! they never show is counted on from before they were set forward.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{ArrayRef, AsArray, PrimitiveArray, StringArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::calendar::moment;
use super::simple::{needs, refused, simple};
use super::unfit;
use crate::kind::is_text;

#[cfg(test)]
mod tests;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![simple("timezone", types, |of| {
        let zones = of[0].as_string::<i32>();
        match of[1].data_type() {
            DataType::Timestamp(_, None) => {
                let at = converted(zones, &of[1], |zone, clock| instant(zone, clock.naive_utc()))?;
                Ok(Arc::new(at.with_data_type(moment())))
            }
            _ => Ok(Arc::new(converted(zones, &of[1], |zone, at| {
                Some(at.with_timezone(&zone).naive_local().and_utc().timestamp_micros())
            })?)),
        }
    })]
}

fn types(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    let clock = || DataType::Timestamp(TimeUnit::Microsecond, None);
    match kinds {
        [zone, DataType::Timestamp(_, Some(_))] if is_text(zone) => {
            Ok((vec![DataType::Utf8, moment()], clock()))
        }
        [zone, DataType::Timestamp(_, None) | DataType::Date32] if is_text(zone) => {
            Ok((vec![DataType::Utf8, clock()], moment()))
        }
        [zone, other] if is_text(zone) => needs("AT TIME ZONE", "a timestamp", other),
        kinds => refused("AT TIME ZONE", kinds),
    }
}

type Micros = PrimitiveArray<TimestampMicrosecondType>;

fn converted(
    zones: &StringArray,
    moments: &ArrayRef,
    to: impl Fn(Tz, DateTime<chrono::Utc>) -> Option<i64>,
) -> Result<Micros> {
    let mut last: Option<(&str, Tz)> = None;
    let moments = moments.as_primitive::<TimestampMicrosecondType>();
    zones
        .iter()
        .zip(moments)
        .map(|(name, at)| {
            let (Some(name), Some(at)) = (name, at) else { return Ok(None) };
            let zone = match last {
                Some((before, zone)) if before == name => zone,
                _ => zone_of(name)?,
            };
            last = Some((name, zone));
            match DateTime::from_timestamp_micros(at).and_then(|at| to(zone, at)) {
                Some(there) => Ok(Some(there)),
                None => unfit(format!("a moment has no time in `{name}`: it is out of range")),
            }
        })
        .collect()
}

fn zone_of(name: &str) -> Result<Tz> {
    match name.parse() {
        Ok(zone) => Ok(zone),
        Err(_) => unfit(format!(
            "`{name}` is no time zone; hint: names are as `Europe/Berlin`, offsets as `+02:00`"
        )),
    }
}

/// When clocks of the zone show this.
fn instant(zone: Tz, clock: NaiveDateTime) -> Option<i64> {
    let offset = match zone.offset_from_local_datetime(&clock) {
        LocalResult::Single(offset) | LocalResult::Ambiguous(_, offset) => offset,
        LocalResult::None => {
            let before = clock.checked_sub_signed(TimeDelta::hours(25))?;
            zone.offset_from_local_datetime(&before).latest()?
        }
    };
    let seconds = TimeDelta::seconds(offset.fix().local_minus_utc().into());
    Some(clock.checked_sub_signed(seconds)?.and_utc().timestamp_micros())
}
