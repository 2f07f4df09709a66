//! Where bytes are, however far from the start.

use proptest::prelude::any;
use proptest::{collection, proptest};

use super::{first_of, first_of_json};

proptest! {
    #[test]
    fn the_first_one_is_found(
        bytes in collection::vec(any::<u8>(), 0..40),
        more in collection::vec(b'a'..b'e', 0..40),
        wanted in any::<[u8; 2]>(),
        start in 0_usize..40,
    ) {
        for (text, wanted) in [(&bytes, wanted), (&more, [b'b', b'd'])] {
            let rest = text.get(start..).unwrap_or_default();
            let place = |is: &dyn Fn(&u8) -> bool| start + rest.iter().position(is).unwrap_or(rest.len());
            assert_eq!(first_of(wanted, text, start), place(&|byte| wanted.contains(byte)));
            let is_json = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
            assert_eq!(first_of_json(text, start), place(&is_json));
        }
    }
}
