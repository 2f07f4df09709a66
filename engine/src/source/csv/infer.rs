//! [`Seen`]: which type the values of a column have in common.

use arrow::datatypes::{DataType, TimeUnit};

use super::value::{Moment, boolean, is_null, is_whole};

/// What values of a column were so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen(u16);

impl Seen {
    const WHOLE: u16 = 1;
    /// Whole numbers beyond 64 bits: as floats they would be others.
    const LARGE: u16 = 1 << 1;
    const FLOAT: u16 = 1 << 2;
    const BOOLEAN: u16 = 1 << 3;
    const DAY: u16 = 1 << 4;
    const LOCAL: u16 = 1 << 5;
    const ZONED: u16 = 1 << 6;
    /// With more digits than microseconds have.
    const FINE: u16 = 1 << 7;
    const TEXT: u16 = 1 << 8;

    /// One more value.
    pub(super) fn see(&mut self, text: &str) {
        if self.0 & Self::TEXT == 0 && !is_null(text) {
            self.0 |= Self::of(text.trim_ascii());
        }
    }

    fn of(text: &str) -> u16 {
        if is_whole(text) {
            return if text.parse::<i64>().is_ok() { Self::WHOLE } else { Self::LARGE };
        }
        if text.parse::<f64>().is_ok() {
            return Self::FLOAT;
        }
        if boolean(text).is_some() {
            return Self::BOOLEAN;
        }
        match Moment::parse(text) {
            None => Self::TEXT,
            Some(moment) if !moment.has_time => Self::DAY,
            Some(moment) => {
                let fine = if moment.is_fine() { Self::FINE } else { 0 };
                fine | if moment.has_zone { Self::ZONED } else { Self::LOCAL }
            }
        }
    }

    /// The type that holds all of them: text where there is no other, or no value.
    pub(super) fn kind(self) -> DataType {
        const TIMES: u16 = Seen::DAY | Seen::LOCAL | Seen::FINE;
        const NUMBERS: u16 = Seen::WHOLE | Seen::LARGE | Seen::FLOAT;
        let unit = match self.0 & Self::FINE {
            0 => TimeUnit::Microsecond,
            _ => TimeUnit::Nanosecond,
        };
        match self.0 {
            Self::WHOLE => DataType::Int64,
            seen if seen & Self::FLOAT != 0 && seen & !NUMBERS == 0 => DataType::Float64,
            Self::BOOLEAN => DataType::Boolean,
            Self::DAY => DataType::Date32,
            seen if seen & Self::LOCAL != 0 && seen & !TIMES == 0 => {
                DataType::Timestamp(unit, None)
            }
            seen if seen & Self::ZONED != 0 && seen & !(Self::ZONED | Self::FINE) == 0 => {
                DataType::Timestamp(unit, Some("UTC".into()))
            }
            _ => DataType::Utf8,
        }
    }
}

#[cfg(test)]
mod tests;
