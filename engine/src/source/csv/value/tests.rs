//! What the text of a value says.

use arrow::datatypes::TimeUnit::{Microsecond, Nanosecond, Second};

use super::{Moment, is_null, is_whole};

fn micros(text: &str) -> Option<i64> {
    Moment::parse(text)?.in_unit(Microsecond)
}

#[test]
fn points_in_time() {
    let noon = 1_704_110_400_000_000;
    assert_eq!(micros("2024-01-01T12:00"), Some(noon));
    assert_eq!(micros("2024-01-01 12:00:00"), Some(noon));
    assert_eq!(micros("2024-01-01 12:00:00.5"), Some(noon + 500_000));
    assert_eq!(micros("2024-01-01 12:00:00.000001"), Some(noon + 1));
    assert_eq!(micros("2024-01-01T13:00:00+01:00"), Some(noon));
    assert_eq!(micros("2024-01-01T11:30:00-0030"), Some(noon));
    assert_eq!(micros("2024-01-01T12:00:00Z"), Some(noon));
    assert_eq!(micros("2024-01-01 12:00:00 UTC"), Some(noon));
    assert_eq!(micros("1969-12-31 23:59:59.9"), Some(-100_000));
}

#[test]
fn days() {
    let day = Moment::parse("1970-01-02").unwrap();
    assert_eq!((day.days, day.has_time), (1, false));
    assert_eq!(Moment::parse("1969-12-31").unwrap().days, -1);
}

#[test]
fn what_is_no_point_in_time() {
    for text in [
        "",
        "2024-1-1",
        "2024-02-30",
        "2024-01-01T",
        "2024-01-01T24:00",
        "2024-01-01 12",
        "2024-01-01 12:00:00.",
        "2024-01-01 12:00:00+1",
        "2024/01/01",
        "2024-01-01x12:00",
        "2024-01-01 12:00:00.1234567890",
    ] {
        assert_eq!(Moment::parse(text), None, "{text}");
    }
}

#[test]
fn a_unit_holds_what_it_can_count() {
    let fine = Moment::parse("2024-01-01 12:00:00.000000001").unwrap();
    assert!(fine.is_fine());
    assert_eq!(fine.in_unit(Microsecond), None);
    assert_eq!(fine.in_unit(Nanosecond), Some(1_704_110_400_000_000_001));
    assert_eq!(Moment::parse("3000-01-01").unwrap().in_unit(Nanosecond), None);
    assert_eq!(Moment::parse("3000-01-01").unwrap().in_unit(Second), Some(32_503_680_000));
}

#[test]
fn no_value() {
    assert!(["", "NA", "null", "None", "#N/A"].into_iter().all(is_null));
    assert!(!["0", "-", "na", "nil", " "].into_iter().any(is_null));
}

#[test]
fn whole_numbers() {
    assert!(["0", "-1", "007", "123456789012345678901234567890"].into_iter().all(is_whole));
    assert!(!["", "-", "1.0", "1e3", "+1", "1 "].into_iter().any(is_whole));
}
