//! Sizes as text.

use super::bytes;

fn check(text: &str, expected: Option<u64>) {
    assert_eq!(bytes(text), expected, "{text}");
}

#[test]
fn sizes_have_units_of_either_kind() {
    check("4096", Some(4096));
    check("10GiB", Some(10 << 30));
    check("10 gib", Some(10 << 30));
    check("2GB", Some(2_000_000_000));
    check("15k", Some(15_000));
    check("15KiB", Some(15_360));
    check("3t", Some(3_000_000_000_000));
    check("0", Some(0));
}

#[test]
fn what_is_no_size_is_refused() {
    for text in ["", "GiB", "-1", "10 gigs", "1i", "1.5M", "99999999999t"] {
        check(text, None);
    }
}
