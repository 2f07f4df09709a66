//! What patterns expand to and match.

use std::path::Path;

use super::{Pattern, expand_braces};
use crate::storage::files;

#[track_caller]
fn expands(given: &str, expected: &[&str]) {
    assert_eq!(expand_braces(given), expected, "{given}");
}

#[test]
fn braces() {
    expands("a/{b,c}/d", &["a/b/d", "a/c/d"]);
    expands("{1..3}", &["1", "2", "3"]);
    expands("{08..10}.txt", &["08.txt", "09.txt", "10.txt"]);
    expands("{c..a}", &["c", "b", "a"]);
    expands("{a,b{1,2}}", &["a", "b1", "b2"]);
    expands("{plain}", &["{plain}"]);
    expands("{open", &["{open"]);
    expands("{x}{a,b}", &["{x}a", "{x}b"]);
}

#[track_caller]
fn matches(pattern: &str, path: &str, expected: bool) {
    let walks = Pattern::parse(pattern, true).unwrap().walks().unwrap();
    let seen = walks.iter().any(|one| one.matches(Path::new(path)));
    assert_eq!(seen, expected, "{pattern} on {path}");
}

#[test]
fn stars_stop_at_slashes_and_double_stars_do_not() {
    matches("nowhere/*.png", "a.png", true);
    matches("nowhere/*.png", "b/a.png", false);
    matches("nowhere/**/*.png", "a.png", true);
    matches("nowhere/**/*.png", "b/c/a.png", true);
    matches("nowhere/**/f*", "f1.txt", true);
    matches("nowhere/b/**", "c/d", true);
    matches("nowhere/*.{jpg,png}", "a.jpg", true);
    matches("nowhere/?[0-9].txt", "a1.txt", true);
    matches("nowhere/?[0-9].txt", "ab.txt", false);
}

#[test]
fn other_schemes_are_refused_by_name() {
    let error = Pattern::parse("ftp://host/key", true).unwrap_err();
    assert!(error.to_string().contains("`ftp://`"), "{error}");
}

#[test]
fn escapes_count_in_uris_only() {
    let shown = |uri: &str| Pattern::parse(uri, true).unwrap().to_string();
    assert_eq!(shown("file:///a%20b/c"), "/a b/c");
    assert_eq!(shown("/a%20b/c"), "/a%20b/c");
}

#[test]
fn what_writers_keep_for_themselves_is_private_unless_a_pattern_asks() {
    let private = |pattern: &str, path: &str| {
        Pattern::parse(pattern, true).unwrap().walks().unwrap()[0].is_private(Path::new(path))
    };
    assert!(private("nowhere", "_temporary/0/x.parquet"));
    assert!(private("nowhere", "a/._x.parquet"));
    assert!(private("nowhere/**/*.parquet", "_temporary/x.parquet"));
    assert!(!private("nowhere", "a_b/x.y.parquet"));
    assert!(!private("nowhere/_*/*.parquet", "_old/x.parquet"));
}

#[test]
fn a_tilde_is_the_home_folder() {
    let shown = |uri: &str| Pattern::parse(uri, true).unwrap().to_string();
    let home = files::home().unwrap();
    assert_eq!(shown("~"), home.as_str());
    assert_eq!(shown("~/a"), format!("{home}/a"));
    assert_eq!(shown("~a"), "~a");
    assert_eq!(shown("./~"), "./~");
}
