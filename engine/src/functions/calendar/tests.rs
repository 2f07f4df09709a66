//! Months between days, and months added to them.

use chrono::{NaiveDate, NaiveTime};

use super::{later, month_of, months_between};

fn micros(day: &str) -> i64 {
    let day: NaiveDate = day.parse().unwrap();
    day.and_time(NaiveTime::MIN).and_utc().timestamp_micros()
}

#[track_caller]
fn check(start: &str, end: &str, months: i64) {
    assert_eq!(months_between(micros(start), micros(end)), Some(months), "{start} to {end}");
    assert_eq!(months_between(micros(end), micros(start)), Some(-months), "{end} to {start}");
}

#[test]
fn only_whole_months_count() {
    check("2024-01-15", "2024-01-15", 0);
    check("2024-01-15", "2024-02-14", 0);
    check("2024-01-15", "2024-02-15", 1);
    check("2023-01-31", "2023-02-28", 1);
    check("2023-01-31", "2023-02-27", 0);
    check("1969-12-31", "2020-02-29", 602);
}

#[test]
fn a_month_later_is_the_same_day_or_the_last() {
    assert_eq!(later(micros("2024-01-31"), 1), Some(micros("2024-02-29")));
    assert_eq!(later(micros("2024-03-31"), -1), Some(micros("2024-02-29")));
    assert_eq!(later(micros("2024-02-29"), 12), Some(micros("2025-02-28")));
    assert_eq!(later(0, i64::MAX), None);
}

#[test]
fn a_quarter_begins_with_its_first_month() {
    assert_eq!(month_of(micros("2024-06-30"), 3), Some(micros("2024-04-01")));
    assert_eq!(month_of(micros("1969-12-31"), 1), Some(micros("1969-12-01")));
    assert_eq!(month_of(micros("0001-05-01"), 12), Some(micros("0001-01-01")));
}
