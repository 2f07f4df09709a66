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

/// The values of a column that is kept, null where a field stands for no value.
pub(super) fn column(
    records: &Records<'_>,
    number: usize,
    kind: &DataType,
) -> Result<ArrayRef, Misfit> {
    let fields = Fields { records, number };
    Ok(match kind {
        DataType::Int64 => fields.primitive::<Int64Type>(kind, |text| text.trim_ascii().parse().ok())?,
        DataType::Float64 => fields.primitive::<Float64Type>(kind, float)?,
        DataType::Boolean => fields.booleans()?,
        DataType::Utf8 => fields.texts(),
        DataType::Date32 => fields.primitive::<Date32Type>(kind, |text| {
            Moment::parse(text.trim_ascii()).filter(|moment| !moment.has_time).map(|moment| moment.days)
        })?,
        DataType::Timestamp(unit, _) => {
            let unit = *unit;
            let moment = move |text: &str| Moment::parse(text.trim_ascii())?.in_unit(unit);
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
    number: usize,
}

impl Fields<'_> {
    /// `parse` has no value for what stands for none.
    fn primitive<T: ArrowPrimitiveType>(
        &self,
        kind: &DataType,
        parse: impl Fn(&str) -> Option<T::Native>,
    ) -> Result<ArrayRef, Misfit> {
        let mut values = PrimitiveBuilder::<T>::with_capacity(self.records.rows);
        for row in 0..self.records.rows {
            let text = self.records.text(row, self.number);
            match parse(&text) {
                Some(value) => values.append_value(value),
                None if is_null(&text) => values.append_null(),
                None => return Err(Misfit::Value(row)),
            }
        }
        Ok(Arc::new(values.finish().with_data_type(kind.clone())))
    }

    fn booleans(&self) -> Result<ArrayRef, Misfit> {
        let mut values = BooleanBuilder::with_capacity(self.records.rows);
        for row in 0..self.records.rows {
            let text = self.records.text(row, self.number);
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
            let text = self.records.text(row, self.number);
            if is_null(&text) {
                values.append_null();
            } else {
                values.append_value(&text);
            }
        }
        Arc::new(values.finish())
    }
}

/// What stands for no value may look like no number.
fn float(text: &str) -> Option<f64> {
    let value: f64 = text.trim_ascii().parse().ok()?;
    (!value.is_nan() || !is_null(text)).then_some(value)
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
