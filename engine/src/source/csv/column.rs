//! [`column`]: the fields of a column as an array of its type.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Float64Type, Int64Type, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow::error::ArrowError;

use super::split::Records;
use super::value::{Moment, boolean, is_null};

/// Why there is no array.
#[derive(Debug)]
pub(super) enum Misfit {
    /// The value in this record is none of the type.
    Value(usize),
    /// The type is none that text becomes.
    Type(ArrowError),
}

/// The values of a column, null where a field stands for no value.
pub(super) fn column(
    records: &Records<'_>,
    at: usize,
    kind: &DataType,
) -> Result<ArrayRef, Misfit> {
    let fields = Fields { records, at };
    Ok(match kind {
        DataType::Int64 => fields.primitive::<Int64Type>(kind, |text| text.parse().ok())?,
        DataType::Float64 => fields.primitive::<Float64Type>(kind, |text| text.parse().ok())?,
        DataType::Boolean => fields.booleans()?,
        DataType::Utf8 => fields.texts(),
        DataType::Date32 => fields.primitive::<Date32Type>(kind, |text| {
            Moment::parse(text).filter(|moment| !moment.has_time).map(|moment| moment.days)
        })?,
        DataType::Timestamp(unit, _) => {
            let unit = *unit;
            let moment = move |text: &str| Moment::parse(text)?.in_unit(unit);
            match unit {
                TimeUnit::Second => fields.primitive::<TimestampSecondType>(kind, moment)?,
                TimeUnit::Millisecond => {
                    fields.primitive::<TimestampMillisecondType>(kind, moment)?
                }
                TimeUnit::Microsecond => {
                    fields.primitive::<TimestampMicrosecondType>(kind, moment)?
                }
                TimeUnit::Nanosecond => {
                    fields.primitive::<TimestampNanosecondType>(kind, moment)?
                }
            }
        }
        other => cast(&fields.texts(), other)?,
    })
}

struct Fields<'r> {
    records: &'r Records<'r>,
    at: usize,
}

impl Fields<'_> {
    fn primitive<T: ArrowPrimitiveType>(
        &self,
        kind: &DataType,
        parse: impl Fn(&str) -> Option<T::Native>,
    ) -> Result<ArrayRef, Misfit> {
        let mut values = PrimitiveBuilder::<T>::with_capacity(self.records.rows);
        for row in 0..self.records.rows {
            let text = self.records.text(row, self.at);
            match parse(text.trim_ascii()) {
                Some(value) if !is_null(&text) => values.append_value(value),
                _ if is_null(&text) => values.append_null(),
                _ => return Err(Misfit::Value(row)),
            }
        }
        Ok(Arc::new(values.finish().with_data_type(kind.clone())))
    }

    fn booleans(&self) -> Result<ArrayRef, Misfit> {
        let mut values = BooleanBuilder::with_capacity(self.records.rows);
        for row in 0..self.records.rows {
            let text = self.records.text(row, self.at);
            match boolean(text.trim_ascii()) {
                None if !is_null(&text) => return Err(Misfit::Value(row)),
                value => values.append_option(value),
            }
        }
        Ok(Arc::new(values.finish()))
    }

    fn texts(&self) -> ArrayRef {
        let rows = self.records.rows;
        let mut values = StringBuilder::with_capacity(rows, rows * 8);
        for row in 0..rows {
            let text = self.records.text(row, self.at);
            if is_null(&text) {
                values.append_null();
            } else {
                values.append_value(&text);
            }
        }
        Arc::new(values.finish())
    }
}

/// Types that are asked for and seldom found.
fn cast(texts: &ArrayRef, kind: &DataType) -> Result<ArrayRef, Misfit> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let values = cast_with_options(texts, kind, &options).map_err(Misfit::Type)?;
    let is_lost = |row: &usize| texts.is_valid(*row) && values.is_null(*row);
    match (0..texts.len()).find(is_lost) {
        Some(row) => Err(Misfit::Value(row)),
        None => Ok(values),
    }
}
