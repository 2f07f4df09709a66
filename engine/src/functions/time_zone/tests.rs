//! Clocks that are set.

use chrono::{DateTime, NaiveDateTime};

use super::{instant, zone_of};

#[track_caller]
fn check(clock: &str, zone: &str, expected: &str) {
    let clock = NaiveDateTime::parse_from_str(clock, "%Y-%m-%d %H:%M").unwrap();
    let at = instant(zone_of(zone).unwrap(), clock).and_then(DateTime::from_timestamp_micros);
    assert_eq!(at.unwrap().format("%Y-%m-%d %H:%M").to_string(), expected, "{clock} {zone}");
}

#[test]
fn clocks_that_are_set() {
    check("2024-01-02 03:04", "Europe/Berlin", "2024-01-02 02:04");
    check("2024-07-02 03:04", "Europe/Berlin", "2024-07-02 01:04");
    check("2024-10-27 02:30", "Europe/Berlin", "2024-10-27 01:30");
    check("2024-03-31 02:30", "Europe/Berlin", "2024-03-31 01:30");
    check("2024-01-02 03:04", "+02:00", "2024-01-02 01:04");
    assert!(zone_of("Europe/Nowhere").is_err());
}
