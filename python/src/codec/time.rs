//! Datetimes, dates, times and durations.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, DurationMicrosecondArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

use super::read::{Values, as_type, each};
use super::write::Fitted;
use super::{Codec, Kind};

/// `date.toordinal()` of 1970-01-01.
const EPOCH_ORDINAL: i64 = 719_163;

impl Codec {
    pub(super) fn read_time<'py>(
        &self,
        py: Python<'py>,
        column: &ArrayRef,
    ) -> PyResult<Values<'py>> {
        let datetime = py.import("datetime")?;
        let class = |name: &str| datetime.getattr(name);
        let delta = class("timedelta")?;
        match &self.kind {
            Kind::Date => {
                let column = as_type(column, &DataType::Date32)?;
                let days = column.as_primitive::<Date32Type>();
                let from = class("date")?.getattr("fromordinal")?;
                each(py, column.nulls(), column.len(), |row| {
                    from.call1((i64::from(days.value(row)) + EPOCH_ORDINAL,))
                })
            }
            Kind::Time => {
                let column = as_type(column, &DataType::Time64(TimeUnit::Microsecond))?;
                let micros = column.as_primitive::<Time64MicrosecondType>();
                let class = class("time")?;
                each(py, column.nulls(), column.len(), |row| {
                    let all = micros.value(row);
                    let (seconds, micros) = (all / 1_000_000, all % 1_000_000);
                    class.call1((seconds / 3600, seconds / 60 % 60, seconds % 60, micros))
                })
            }
            Kind::Timedelta => {
                let column = as_type(column, &DataType::Duration(TimeUnit::Microsecond))?;
                let micros = column.as_primitive::<DurationMicrosecondType>();
                each(py, column.nulls(), column.len(), |row| delta.call1((0, 0, micros.value(row))))
            }
            _ => {
                let stored = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
                let column = as_type(column, &stored)?;
                let micros = column.as_primitive::<TimestampMicrosecondType>();
                let utc = class("timezone")?.getattr("utc")?;
                let epoch = class("datetime")?.call1((1970, 1, 1, 0, 0, 0, 0, utc))?;
                let add = epoch.getattr("__add__")?;
                // Neighbours that are equal are one object.
                let mut before = (0, epoch);
                each(py, column.nulls(), column.len(), |row| {
                    let at = micros.value(row);
                    if at != before.0 {
                        before = (at, add.call1((delta.call1((0, 0, at))?,))?);
                    }
                    Ok(before.1.clone())
                })
            }
        }
    }

    pub(super) fn write_time(&self, values: &[Bound<'_, PyAny>]) -> Fitted<ArrayRef> {
        Ok(match &self.kind {
            Kind::Date => Arc::new(Date32Array::from(self.each(values, days)?)),
            Kind::Time => Arc::new(Time64MicrosecondArray::from(self.each(values, of_day)?)),
            Kind::Timedelta => Arc::new(DurationMicrosecondArray::from(self.each(values, micros)?)),
            _ => {
                let micros = self.each(values, since_epoch)?;
                Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))
            }
        })
    }
}

/// Days since 1970. A datetime is a date to Python, but would lose its time.
fn days(value: &Bound<'_, PyAny>) -> PyResult<i32> {
    if value.hasattr("hour")? {
        return Err(PyTypeError::new_err("a datetime"));
    }
    let ordinal: i64 = value.call_method0("toordinal")?.extract()?;
    Ok(i32::try_from(ordinal - EPOCH_ORDINAL)?)
}

/// Microseconds since midnight.
fn of_day(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if !value.getattr("tzinfo")?.is_none() {
        let why = "has a time zone, which a time column cannot keep; hint: use a datetime";
        return Err(PyValueError::new_err(why));
    }
    let part = |name: &str| value.getattr(name)?.extract::<i64>();
    let seconds = part("hour")? * 3600 + part("minute")? * 60 + part("second")?;
    Ok(seconds * 1_000_000 + part("microsecond")?)
}

fn micros(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let py = value.py();
    let part = |name: &Bound<'_, PyString>| value.getattr(name)?.extract::<i64>();
    let seconds = part(intern!(py, "days"))? * 86_400 + part(intern!(py, "seconds"))?;
    let below = part(intern!(py, "microseconds"))?;
    seconds.checked_mul(1_000_000).and_then(|micros| micros.checked_add(below)).ok_or_else(|| {
        PyValueError::new_err("is too long: a timedelta column holds up to 106751991 days")
    })
}

/// 1970 in UTC: with its time zone and without.
static EPOCHS: PyOnceLock<(Py<PyAny>, Py<PyAny>)> = PyOnceLock::new();

/// Microseconds since 1970 in UTC; a naive datetime is taken as UTC.
fn since_epoch(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let py = value.py();
    let (aware, naive) = EPOCHS.get_or_try_init(py, || epochs(py))?;
    let is_naive = value.getattr(intern!(py, "tzinfo"))?.is_none();
    micros(&value.sub(if is_naive { naive } else { aware })?)
}

fn epochs(py: Python<'_>) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
    let datetime = py.import("datetime")?;
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    let class = datetime.getattr("datetime")?;
    let aware = class.call1((1970, 1, 1, 0, 0, 0, 0, utc))?;
    Ok((aware.unbind(), class.call1((1970, 1, 1))?.unbind()))
}
