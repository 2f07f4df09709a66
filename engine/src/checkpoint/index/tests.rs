//! The k-th row with a key gets the k-th results.

use std::collections::{HashMap, VecDeque};

use proptest::prelude::{Strategy, prop};
use proptest::{prop_assert_eq, proptest};

use super::{Index, IndexBuilder, Place};
use crate::checkpoint::Key;

/// Units with the keys of their rows.
fn index(units: &[&[Key]]) -> Index {
    let mut builder = IndexBuilder::new();
    (0..).zip(units).for_each(|(time, keys)| builder.unit(keys, [], time, None));
    builder.finish()
}

fn take(index: &mut Index, key: Key) -> Option<Place> {
    let first = index.firsts(&[key])[0]?;
    index.take(first)
}

fn at(unit: u32, row: u32) -> Option<Place> {
    Some(Place { unit, row })
}

#[test]
fn nothing_is_found_where_there_is_nothing() {
    let mut nothing = index(&[]);
    assert!(nothing.is_empty());
    assert_eq!(take(&mut nothing, 0), None);
    assert_eq!(take(&mut index(&[&[1, 3]]), 2), None);
}

#[test]
fn each_result_is_taken_once_in_the_order_of_their_units() {
    let mut all = index(&[&[7, 8, 7], &[7]]);
    let found = [7, 7, 8, 7, 7, 8].map(|key| take(&mut all, key));
    assert_eq!(found, [at(0, 0), at(0, 2), at(0, 1), at(1, 0), None, None]);
}

#[test]
fn all_of_many_keys_are_found() {
    const ROWS: usize = 200_000;
    // Spread like digests.
    let key = |at: u128| at.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645);
    let keys: Vec<Key> = (1..=ROWS as u128).map(key).collect();
    let mut all = index(&[&keys[..ROWS / 2], &keys[ROWS / 2..]]);
    // In another order than they were computed in, and at the end in this one.
    for row in (ROWS / 4..ROWS).rev().chain(0..ROWS / 4) {
        let place = take(&mut all, keys[row]).unwrap();
        assert_eq!(place.unit as usize * (ROWS / 2) + place.row as usize, row);
        assert_eq!(take(&mut all, keys[row]), None);
    }
    assert_eq!(take(&mut all, key(0)), None);
    assert_eq!(take(&mut all, key(ROWS as u128 + 1)), None);
}

#[test]
fn many_rows_of_one_key_are_found() {
    let keys: Vec<Key> = vec![9; 100].into_iter().chain(0..200).collect();
    let mut all = index(&[&keys]);
    let firsts = all.firsts(&keys);
    let mut rows: Vec<u32> =
        firsts.into_iter().map(|first| all.take(first.unwrap()).unwrap().row).collect();
    rows.sort_unstable();
    assert_eq!(rows, (0..300).collect::<Vec<_>>());
}

#[test]
fn what_is_lost_is_not_found() {
    let mut all = index(&[&[1, 2], &[1]]);
    all.lose(0);
    assert_eq!([1, 1, 2].map(|key| take(&mut all, key)), [at(1, 0), None, None]);
}

#[test]
fn what_was_computed_again_replaces_what_was_there() {
    let mut builder = IndexBuilder::new();
    for (time, replaces, keys) in [(5, None, [1, 2]), (9, Some(8), [1, 3]), (10, None, [1, 4])] {
        builder.unit(&keys, [], time, replaces);
    }
    let mut all = builder.finish();
    let found = [1, 1, 1, 2, 3].map(|key| take(&mut all, key));
    assert_eq!(found, [at(1, 0), at(2, 0), None, at(0, 1), at(1, 1)]);
}

#[test]
fn rows_that_do_not_count_are_not_found() {
    let mut builder = IndexBuilder::new();
    builder.unit(&[1, 2, 3, 2], [1], 0, None);
    let mut all = builder.finish();
    let found = [1, 2, 2, 3].map(|key| take(&mut all, key));
    assert_eq!(found, [at(0, 0), at(0, 3), None, at(0, 2)]);
}

/// Keys of which some have a few or many of their leading bits in common.
fn keys() -> impl Strategy<Value = Key> {
    let some = |values: [Key; 3]| prop::sample::select(values.to_vec());
    let high = some([0, 1 << 127, 0xabc << 116]);
    let middle = some([0, 1 << 90, 3 << 63]);
    (high, middle, some([0, 1, 2])).prop_map(|(high, middle, low)| high | middle | low)
}

proptest! {
    #[test]
    fn in_any_order_the_kth_row_gets_the_kth_result(
        units in prop::collection::vec(prop::collection::vec(keys(), 0..60), 0..6),
        order in prop::collection::vec(keys(), 0..60),
        first in 0_usize..60,
        lost in 0_u32..6,
    ) {
        let mut kept: HashMap<Key, VecDeque<Place>> = HashMap::new();
        for (unit, keys) in (0..).zip(&units) {
            for (row, key) in (0..).zip(keys) {
                kept.entry(*key).or_default().push_back(Place { unit, row });
            }
        }
        let slices: Vec<&[Key]> = units.iter().map(Vec::as_slice).collect();
        let mut all = index(&slices);
        // As they were computed, from some row on, and then in another order.
        let wanted: Vec<Key> = units.iter().flatten().skip(first).copied().chain(order).collect();
        let firsts = all.firsts(&wanted);
        for (at, (key, first)) in wanted.into_iter().zip(firsts).enumerate() {
            if at == 30 {
                all.lose(lost);
                kept.values_mut().for_each(|places| places.retain(|place| place.unit != lost));
            }
            let found = first.and_then(|first| all.take(first));
            prop_assert_eq!(found, kept.get_mut(&key).and_then(VecDeque::pop_front));
        }
    }
}
