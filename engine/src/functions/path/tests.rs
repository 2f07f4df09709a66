//! The parts of some awkward paths.

use super::Part;

#[track_caller]
fn check(path: &str, expected: [&str; 4]) {
    let parts = [Part::Parent, Part::Name, Part::Stem, Part::Extension].map(|part| part.of(path));
    assert_eq!(parts, expected, "{path}");
}

#[test]
fn parts_of_paths() {
    check("a/b.txt", ["a", "b.txt", "b", "txt"]);
    check("a/c.tar.gz", ["a", "c.tar.gz", "c.tar", "gz"]);
    check("plain", ["", "plain", "plain", ""]);
    check("a.b/c", ["a.b", "c", "c", ""]);
    check("dir/.hidden", ["dir", ".hidden", ".hidden", ""]);
    check("dir/", ["dir", "", "", ""]);
    check("x.", ["", "x.", "x", ""]);
    check("", ["", "", "", ""]);
}
