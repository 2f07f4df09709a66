//! How far apart texts are.

use super::distance;

#[test]
fn what_only_one_text_has_differs() {
    assert_eq!(distance("", ""), Some(0));
    assert_eq!(distance("cat", "cat"), Some(0));
    assert_eq!(distance("cat", "cut"), Some(1));
    assert_eq!(distance("cat", "cats"), Some(1));
    assert_eq!(distance("", "cats"), Some(4));
    assert_eq!(distance("grün", "grun"), Some(1));
}
