//! Sizes as text, and what a session may use.

use super::{Config, bytes};
use crate::Error;

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

#[test]
fn a_session_may_be_given_less_memory_than_the_environment_allows() {
    let of = |given: &str| Config::in_memory().unwrap().with_memory(given.to_owned());
    let config = of("256MiB").unwrap();
    assert!(config.memory.is_some());
    assert!(config.target_partitions <= 2, "{}", config.target_partitions);
    for given in ["plenty", "-1", "255MiB", "0"] {
        let Err(Error::InvalidArgument { argument, given: said, accepted }) = of(given) else {
            panic!("{given}");
        };
        assert_eq!((argument, said.as_str()), ("memory", given));
        assert!(accepted.contains("at least 256MiB"), "{accepted}");
    }
}
