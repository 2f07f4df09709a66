//! Known values of the hashes.

use std::hash::Hasher;
#[expect(deprecated, reason = "the function that is tested")]
use std::hash::SipHasher;

use super::{int_hash_64, sip_hash};

#[test]
fn the_hash_of_whole_numbers_is_a_bijection_that_knows_no_zero() {
    // The finalizer gives 0 for 0.
    assert_eq!(int_hash_64(0x4cf2_d2ba_ae6d_a887), 0);
    assert_eq!(int_hash_64(0), 4_761_183_170_873_013_810);
}

#[test]
#[expect(deprecated, reason = "the function that is tested")]
fn the_hash_of_bytes_is_siphash_2_4() {
    // The first and the last vector of its reference implementation: no bytes and 0, 1, … 14, the key 0, 1, … 15.
    let (low, high) = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
    let mut hasher = SipHasher::new_with_keys(low, high);
    assert_eq!(hasher.finish(), 0x726f_db47_dd0e_0e31);
    hasher.write(&(0..15).collect::<Vec<u8>>());
    assert_eq!(hasher.finish(), 0xa129_ca61_49be_45e5);
    assert_eq!(sip_hash(b""), 0x1e92_4b9d_7377_00d7);
}
