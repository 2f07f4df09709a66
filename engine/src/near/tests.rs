//! What counts as near.

use super::near_names;

#[track_caller]
fn check(given: &str, known: &[&str], expected: &[&str]) {
    assert_eq!(near_names(given, known.iter().copied()), expected);
}

#[test]
fn typos_case_and_leaves_are_near() {
    check("widht", &["width", "height"], &["width"]);
    check("File", &["file", "info"], &["file"]);
    check("width", &["info.width", "info.height"], &["info.width"]);
    check("entirely", &["width"], &[]);
    check("", &["a", "bcd"], &["a"]);
}
