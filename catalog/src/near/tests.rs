//! Which names are near.

use super::{near_datasets, near_names};
use crate::name::QualifiedName;

#[track_caller]
fn check(wanted: &str, existing: &[&str], expected: &[&str]) {
    let existing: Vec<QualifiedName> = existing.iter().map(|name| name.parse().unwrap()).collect();
    assert_eq!(near_datasets(&wanted.parse().unwrap(), &existing), expected);
}

#[test]
fn suggests_small_typing_errors() {
    check("cat", &["cats", "dogs", "cart"], &["cart", "cats"]);
    check("embedings", &["embeddings"], &["embeddings"]);
    check("imgaes", &["images"], &["images"]);
    check("Cats", &["cats"], &["cats"]);
    check("größe", &["grösse", "große"], &["große", "grösse"]);
    check("cat", &["dog", "catalogue"], &[]);
    check("cat", &[], &[]);
}

#[test]
fn suggests_the_same_name_elsewhere_first() {
    check("cats", &["lab.vision.cats", "cat", "lab.vision.cat"], &["lab.vision.cats", "cat"]);
}

#[test]
fn suggests_three_at_most() {
    check("a1", &["a2", "a3", "a4", "a5"], &["a2", "a3", "a4"]);
}

#[track_caller]
fn check_names(given: &str, known: &[&str], expected: &[&str]) {
    assert_eq!(near_names(given, known.iter().copied()), expected);
}

#[test]
fn typos_case_and_leaves_are_near() {
    check_names("widht", &["width", "height"], &["width"]);
    check_names("File", &["file", "info"], &["file"]);
    check_names("width", &["info.width", "info.height"], &["info.width"]);
    check_names("entirely", &["width"], &[]);
    check_names("", &["a", "bcd"], &["a"]);
}
