//! Times that are read.

use super::{items, moment_of};

#[track_caller]
fn check(text: &str, format: &str, expected: Option<&str>) {
    let read = moment_of(text, &items(format).unwrap()).map(|at| at.to_rfc3339());
    assert_eq!(read.as_deref(), expected, "{text} as {format}");
}

#[test]
fn what_is_not_written_is_the_beginning() {
    check("2024-05-17", "%Y-%m-%d", Some("2024-05-17T00:00:00+00:00"));
    check("17.5.24 8:30", "%d.%m.%y %H:%M", Some("2024-05-17T08:30:00+00:00"));
    check("9999-12-31 23", "%Y-%m-%d %H", Some("9999-12-31T23:00:00+00:00"));
    check("2024-05", "%Y-%m", Some("2024-05-01T00:00:00+00:00"));
    check("2024", "%Y", Some("2024-01-01T00:00:00+00:00"));
    check("08:30", "%H:%M", None);
    check("2024-05-17 08", "%Y-%m-%d %I", None);
    check("2024-05-17 01:02:03.25", "%Y-%m-%d %H:%M:%S%.f", Some("2024-05-17T01:02:03.250+00:00"));
    check("2024-05-17 01:00 +0200", "%Y-%m-%d %H:%M %z", Some("2024-05-16T23:00:00+00:00"));
    check("nope", "%Y", None);
    check("2024-02-30", "%Y-%m-%d", None);
    assert!(items("%Q%").is_err());
}
