//! Months of different lengths.

use chrono::NaiveDateTime;

use super::age;

#[track_caller]
fn check(later: &str, earlier: &str, months: i32, days: i32, hours: i64) {
    let moment = |hour: &str| {
        NaiveDateTime::parse_from_str(&format!("{hour}:00"), "%Y-%m-%d %H:%M").unwrap()
    };
    let found = age(moment(later), moment(earlier)).unwrap();
    let found = (found.months, found.days, found.nanoseconds / 3_600_000_000_000);
    assert_eq!(found, (months, days, hours), "{later} {earlier}");
}

#[test]
fn as_people_count() {
    check("2024-03-01 00", "2024-01-15 00", 1, 17, 0);
    check("2024-01-15 00", "2024-03-01 00", -1, -17, 0);
    check("2024-03-30 01", "2024-01-31 02", 1, 29, 23);
    check("2024-01-15 00", "2023-03-01 00", 10, 14, 0);
    check("2024-02-29 00", "2024-02-29 00", 0, 0, 0);
}
