//! [`first_of`]: bytes are looked for eight at once.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The place of the first of these bytes from `at` on; the end where there is none.
#[inline]
pub(super) fn first_of<const N: usize>(wanted: [u8; N], bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = word_at(bytes, at) {
        let is = |found: u64, byte: &u8| found | zeros(word ^ (LOW * u64::from(*byte)));
        let found = wanted.iter().fold(0, is);
        if found != 0 {
            return at + first(found);
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| wanted.contains(byte)).unwrap_or(rest.len())
}

/// The place of the first quote, backslash or control character from `at` on; the end where there is none.
#[inline]
pub(super) fn first_of_json(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = word_at(bytes, at) {
        let is = |byte: u8| zeros(word ^ (LOW * u64::from(byte)));
        let controls = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
        let found = is(b'"') | is(b'\\') | controls;
        if found != 0 {
            return at + first(found);
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
    at + found.unwrap_or(rest.len())
}

#[inline]
fn word_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<8>().map(|chunk| u64::from_le_bytes(*chunk))
}

/// The high bit of each byte that is zero; of those after the first one perhaps wrongly.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(LOW) & !word & HIGH
}

/// The byte of the first high bit.
#[inline]
fn first(found: u64) -> usize {
    (found.trailing_zeros() / 8) as usize
}
