//! Columns come out of files as they went in, however files hold them.

use std::slice::from_ref;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, LargeStringArray, ListArray, RecordBatch, StringArray,
    StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, UInt64Type};
use catalog::DatasetVersion;
use futures::TryStreamExt;
use lance::Dataset;
use lance::dataset::scanner::FragmentSlice;
use proptest::collection::vec;
use proptest::prelude::{any, proptest};
use proptest::test_runner::Config as Cases;

use super::{Fragments, ROW_ADDRESS, at_path, windows};
use crate::memory::Memory;
use crate::stored::convert;
use crate::tests::save_as;
use crate::{Config, Root, SaveMode, Session};

async fn session() -> Arc<Session> {
    let config = Config::with_root(Root::memory());
    Session::open(Config { target_partitions: 1, ..config }).await.unwrap()
}

/// A word of few, of many, or none.
fn word(number: u32, kinds: u32) -> Option<String> {
    let number = number % kinds;
    (number % 11 != 3)
        .then(|| ["", "ä", "word", "a longer one"][number as usize % 4].repeat(number as usize % 5))
}

/// Texts in all places where there may be some; `kinds` tells how many different ones.
fn rows(numbers: &[u32], kinds: u32) -> RecordBatch {
    let words = || numbers.iter().map(|number| word(*number, kinds));
    let text: ArrayRef = Arc::new(words().collect::<StringArray>());
    let large: ArrayRef = Arc::new(words().collect::<LargeStringArray>());
    let there = NullBuffer::from_iter(numbers.iter().map(|number| number % 7 > 0));
    let below: StringArray =
        numbers.iter().map(|number| word(*number, kinds).filter(|_| number % 7 > 0)).collect();
    let field = |name, values: &ArrayRef| Field::new(name, values.data_type().clone(), true);
    let below: ArrayRef = Arc::new(below);
    let model: ArrayRef =
        Arc::new(StructArray::new(vec![field("a b", &below)].into(), vec![below], Some(there)));
    let items = StringArray::from_iter(words());
    let lengths = numbers.iter().map(|_| 1);
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    let offsets = arrow::buffer::OffsetBuffer::from_lengths(lengths);
    let list: ArrayRef = Arc::new(ListArray::new(item, offsets, Arc::new(items), None));
    let id: ArrayRef = Arc::new(numbers.iter().map(|n| i64::from(*n)).collect::<Int64Array>());
    let columns = [("id", id), ("text", text), ("large", large), ("model", model), ("list", list)];
    let columns = columns.map(|(name, values)| (name, values, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

async fn saved(session: &Arc<Session>, pieces: &[RecordBatch]) -> DatasetVersion {
    let mut record = None;
    for piece in pieces {
        let chain = session.read_batches(&piece.schema(), from_ref(piece)).unwrap();
        record = Some(save_as(&chain, "cats", SaveMode::Append).await.unwrap().record);
    }
    record.unwrap()
}

async fn opened(session: &Session, record: &DatasetVersion) -> Arc<Dataset> {
    Arc::new(session.open_version(record).await.unwrap())
}

async fn read(
    dataset: &Arc<Dataset>,
    paths: &[Vec<String>],
    slices: &[FragmentSlice],
) -> Vec<RecordBatch> {
    let paths = paths.iter().map(Vec::as_slice);
    let fragments = Fragments::new(Arc::clone(dataset), paths, Memory::new(1 << 30), 1000).await;
    let rows = fragments.unwrap().with_addresses().read(slices);
    rows.try_collect().await.unwrap()
}

fn paths() -> Vec<Vec<String>> {
    let paths: [&[&str]; 5] = [&["list"], &["model", "a b"], &["id"], &["large"], &["text"]];
    paths.map(|path| path.iter().map(|step| (*step).to_owned()).collect()).to_vec()
}

fn slice(fragment_id: u32, row_offset: u64, row_count: u64) -> FragmentSlice {
    FragmentSlice { fragment_id, row_offset, row_count }
}

#[tokio::test]
async fn only_texts_that_repeat_are_places_in_a_dictionary() {
    let session = session().await;
    let numbers: Vec<u32> = (0..20_000).collect();
    let repeated = rows(&numbers, 40);
    let texts = numbers.iter().map(|number| Some(format!("{number:>9} is a number")));
    let others: ArrayRef = Arc::new(texts.collect::<StringArray>());
    let repeats: ArrayRef = Arc::clone(&repeated["text"]);
    let letters = numbers.iter().map(|number| Some(["A", "N", "R"][*number as usize % 3]));
    let letters: ArrayRef = Arc::new(letters.collect::<StringArray>());
    let columns = [("few", repeats), ("letters", letters), ("many", others)];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let dataset = opened(&session, &saved(&session, &[batch]).await).await;
    let paths = ["few", "letters", "many"].map(|name| vec![name.to_owned()]);
    let found = read(&dataset, &paths, &[slice(0, 5, 10_000)]).await;
    assert!(found.len() > 1);
    let places = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    for rows in &found {
        assert_eq!(rows["few"].data_type(), &places);
        assert_eq!(rows["letters"].data_type(), &places);
        assert_eq!(rows["many"].data_type(), &DataType::Utf8);
    }
}

/// `slices` are cut out of the rows of two fragments, of which some are masked.
async fn check(first: Vec<u32>, second: Vec<u32>, kinds: [u32; 2], cuts: Vec<(u32, u32)>) {
    let session = session().await;
    let pieces = [rows(&first, kinds[0]), rows(&second, kinds[1])];
    let dataset = opened(&session, &saved(&session, &pieces).await).await;
    let mut slices = vec![];
    for (fragment, piece) in (0..).zip(&pieces) {
        let mut at = 0;
        for (skipped, length) in &cuts {
            let height = piece.num_rows() as u64;
            let start = (at + u64::from(*skipped)).min(height);
            let end = (start + u64::from(*length)).min(height);
            if start < end {
                slices.push(slice(fragment, start, end - start));
            }
            at = end + 1;
        }
    }
    let mut expected = slices.iter().flat_map(|slice| {
        (slice.row_offset..slice.row_offset + slice.row_count)
            .map(|row| (slice.fragment_id as usize, usize::try_from(row).unwrap()))
    });
    for found in read(&dataset, &paths(), &slices).await {
        let places = found[ROW_ADDRESS].as_primitive::<UInt64Type>();
        for row in 0..found.num_rows() {
            let (fragment, at) = expected.next().unwrap();
            assert_eq!(places.value(row), (fragment as u64) << 32 | at as u64);
            for path in paths() {
                let right = at_path(&pieces[fragment], &path).unwrap().slice(at, 1);
                let column = at_path(&found, &path).unwrap().slice(row, 1);
                let column = convert(&column, right.data_type()).unwrap();
                assert_eq!(&column, &right, "{path:?} of row {at} of fragment {fragment}");
            }
        }
    }
    assert_eq!(expected.next(), None);
}

proptest! {
    #![proptest_config(Cases { cases: 24, ..Cases::default() })]

    #[test]
    fn what_is_read_is_what_was_written(
        first in vec(any::<u32>(), 1..3000),
        second in vec(any::<u32>(), 1..1500),
        kinds in [1_u32..60, 1_u32..100_000],
        cuts in vec((0_u32..200, 1_u32..900), 1..12),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(check(first, second, kinds, cuts));
    }
}

#[tokio::test]
async fn a_column_that_is_not_there_is_named() {
    let session = session().await;
    let dataset = opened(&session, &saved(&session, &[rows(&[1, 2, 3], 5)]).await).await;
    let path = ["model".to_owned(), "b".to_owned()];
    let found = Fragments::new(dataset, [&path[..]].into_iter(), Memory::new(0), 10).await;
    assert!(found.err().unwrap().to_string().contains("model.b"));
}

/// Texts of a length that no codec shortens.
fn noise(rows: usize, length: usize) -> ArrayRef {
    let mut state = length as u64;
    let mut text = || -> String {
        let letter = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
        };
        std::iter::repeat_with(letter).take(length).collect()
    };
    Arc::new((0..rows).map(|_| Some(text())).collect::<StringArray>())
}

/// Where reading begins in the middle of pages, those of some columns begin before those of others.
#[tokio::test]
async fn pages_that_begin_earlier_do_not_keep_others_from_being_read() {
    let session = session().await;
    let columns = [("long", noise(90_000, 160)), ("short", noise(90_000, 80))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let dataset = opened(&session, &saved(&session, from_ref(&batch)).await).await;
    for order in [["long", "short"], ["short", "long"]] {
        let paths = order.map(|name| [name.to_owned()]);
        let paths = paths.iter().map(|path| path.as_slice());
        let little = Fragments::new(Arc::clone(&dataset), paths, Memory::new(0), 1000).await;
        let rows = little.unwrap().read(&[slice(0, 60_000, 30_000)]);
        let (mut at, found): (usize, Vec<RecordBatch>) =
            (60_000, rows.try_collect().await.unwrap());
        for rows in found {
            assert_eq!(rows["long"].as_ref(), batch["long"].slice(at, rows.num_rows()).as_ref());
            assert_eq!(rows["short"].as_ref(), batch["short"].slice(at, rows.num_rows()).as_ref());
            at += rows.num_rows();
        }
        assert_eq!(at, 90_000);
    }
}

proptest! {
    #[test]
    fn windows_hold_all_rows_once_and_fit(
        lengths in vec((0_u64..3000, 1_u64..3000), 1..20),
        row_bytes in 0_u64..20_000,
        batch_rows in 1_u64..2000,
    ) {
        let mut at = 0;
        let slices: Vec<_> = lengths.iter().map(|(skipped, rows)| {
            at += skipped + rows;
            slice(0, at - rows, *rows)
        }).collect();
        let room = 4 << 20;
        let found = windows(&slices, row_bytes, batch_rows, room);
        let rows = |ranges: &[std::ops::Range<u64>]| -> Vec<u64> { ranges.iter().cloned().flatten().collect() };
        let all: Vec<_> = slices.iter().map(|it| it.row_offset..it.row_offset + it.row_count).collect();
        let read: Vec<_> = found.iter().flat_map(|(ranges, _)| rows(ranges)).collect();
        assert_eq!(read, rows(&all));
        for (ranges, kib) in found {
            let bytes = rows(&ranges).len() as u64 * row_bytes;
            assert!(bytes <= room / 4 || rows(&ranges).len() == 1);
            assert!((1..=room / 1024).contains(&u64::from(kib)) && u64::from(kib) * 1024 >= bytes);
        }
    }
}
