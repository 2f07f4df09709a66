//! Which names are near.

use super::near_names;
use crate::name::QualifiedName;

#[track_caller]
fn check(wanted: &str, existing: &[&str], expected: &[&str]) {
    let existing: Vec<QualifiedName> = existing.iter().map(|name| name.parse().unwrap()).collect();
    assert_eq!(near_names(&wanted.parse().unwrap(), &existing), expected);
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
