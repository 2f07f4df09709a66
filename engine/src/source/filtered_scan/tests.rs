//! A filter leaves the same rows whichever columns are read first.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Int64Type, UInt64Type};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, proptest};

use super::Portion;
use crate::tests::save_as;
use crate::{BinaryOp, Chain, Config, Expr, Root, SaveMode, Session};

async fn session(partitions: usize) -> Arc<Session> {
    let config = Config::with_root(Root::memory());
    Session::open(Config { target_partitions: partitions, ..config }).await.unwrap()
}

/// So many letters that cannot be packed into few bytes.
fn noise(id: i64, letters: usize) -> String {
    let mut state = id.cast_unsigned() ^ 0x9E37_79B9_7F4A_7C15;
    let letter = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'A' + u8::try_from((state >> 33) % 58).unwrap())
    };
    std::iter::repeat_with(letter).take(letters).collect()
}

/// The number that a text ends in.
fn number(text: Option<&str>) -> i64 {
    let text = text.unwrap();
    text[text.len() - 8..].parse().unwrap()
}

/// A version of rows with the numbers between the first and the last of these, added piece by piece, and of each a text of so many letters and its number.
async fn version(session: &Arc<Session>, ends: &[i64], letters: usize) -> Chain {
    let mut saved = None;
    for ends in ends.windows(2) {
        let numbers = ends[0]..ends[1];
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers.clone()));
        let some = numbers.clone().map(|id| (id % 3 > 0).then_some(id % 1000));
        let some: ArrayRef = Arc::new(some.collect::<Int64Array>());
        let texts = numbers.clone().map(|id| Some(format!("{}{id:08}", noise(id, letters))));
        let texts: ArrayRef = Arc::new(texts.collect::<StringArray>());
        let columns = [("text", texts), ("id", ids), ("some", some)];
        let columns = columns.map(|(name, values)| (name, values, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let chain = session.read_batches(&batch.schema(), &[batch]).unwrap();
        saved = Some(save(&chain, SaveMode::Append).await);
    }
    saved.unwrap()
}

async fn save(chain: &Chain, mode: SaveMode) -> Chain {
    save_as(chain, "cats", mode).await.unwrap().chain
}

fn compared(column: &str, op: BinaryOp, number: i64) -> Expr {
    let left = Arc::new(Expr::Column(column.to_owned()));
    let right = Arc::new(Expr::Literal(Arc::new(Int64Array::from(vec![number]))));
    Expr::Binary { op, left, right }
}

/// The numbers of the rows, which their texts must have as well. The filter must be in the scan.
async fn ids(chain: &Chain) -> Vec<i64> {
    let plan = chain.explain().await.unwrap();
    assert!(plan.contains("FilteredScanExec"), "{plan}");
    let mut all = Vec::new();
    for batch in chain.collect().await.unwrap() {
        let ids = batch["id"].as_primitive::<Int64Type>().values().to_vec();
        let texts = batch["text"].as_string::<i32>().iter();
        let texts: Vec<i64> = texts.map(number).collect();
        assert_eq!(ids, texts);
        all.extend(ids);
    }
    all
}

/// Where the rows are.
async fn places(chain: &Chain) -> Vec<u64> {
    let rows = chain.with_sys(true).unwrap().collect().await.unwrap();
    let places = |batch: &RecordBatch| {
        batch["sys"].as_struct()["id"].as_primitive::<UInt64Type>().values().to_vec()
    };
    rows.iter().flat_map(places).collect()
}

#[tokio::test]
async fn few_rows_and_many_are_read_from_all_fragments() {
    for partitions in [1, 3] {
        let session = session(partitions).await;
        let rows = version(&session, &[0, 40_000, 40_001, 70_000], 60).await;
        for (op, number) in [
            (BinaryOp::Eq, 47_123),
            (BinaryOp::Eq, 40_000),
            (BinaryOp::Eq, 70_000),
            (BinaryOp::Lt, 39_000),
            (BinaryOp::GtEq, 39_999),
            (BinaryOp::NotEq, 5),
            (BinaryOp::GtEq, 0),
        ] {
            let fits = |id: &i64| match op {
                BinaryOp::Eq => *id == number,
                BinaryOp::Lt => *id < number,
                BinaryOp::GtEq => *id >= number,
                _ => *id != number,
            };
            let wanted: Vec<i64> = (0..70_000).filter(fits).collect();
            let found = rows.filter(&[compared("id", op, number)]).unwrap();
            assert_eq!(ids(&found).await, wanted, "{op:?} {number}");
        }
        // Null is no number that fits.
        let found = rows.filter(&[compared("some", BinaryOp::GtEq, 998)]).unwrap();
        let fits = |id: &i64| id % 3 > 0 && id % 1000 >= 998;
        assert_eq!(ids(&found).await, (0..70_000).filter(fits).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn all_columns_are_read_together_where_most_rows_are_left() {
    let session = session(1).await;
    let (many, dense) = (1_200_000, 150_000..1_100_000);
    let rows = version(&session, &[0, many], 8).await;
    for (column, op, number) in [
        ("id", BinaryOp::Gt, -1),
        ("id", BinaryOp::Lt, dense.end),
        ("id", BinaryOp::GtEq, dense.start),
        ("id", BinaryOp::Eq, many - 1),
        ("some", BinaryOp::Lt, 500),
        ("some", BinaryOp::Eq, 1),
    ] {
        let fits = |id: &i64| {
            let (value, there) = if column == "id" { (*id, true) } else { (id % 1000, id % 3 > 0) };
            there
                && match op {
                    BinaryOp::Gt => value > number,
                    BinaryOp::Lt => value < number,
                    BinaryOp::GtEq => value >= number,
                    _ => value == number,
                }
        };
        let found = rows.filter(&[compared(column, op, number)]).unwrap();
        let wanted = (0..many).filter(fits);
        assert!(ids(&found).await.into_iter().eq(wanted), "{column} {op:?} {number}");
    }
}

#[tokio::test]
async fn rows_that_are_removed_are_in_no_answer() {
    for letters in [60, 3000] {
        let session = session(2).await;
        let height = 6_000_000 / letters as i64;
        let all = version(&session, &[0, height, height + 500], letters).await;
        let removed = |id: i64| id < 100 || id % 7 == 0 || (height..height + 30).contains(&id);
        let places = places(&all).await.into_iter().zip(0..height + 500);
        let places = places.filter(|(_, id)| removed(*id)).map(|(place, _)| place);
        let base = all.dataset().unwrap().1;
        let mode = SaveMode::Update { base, removed: places.collect() };
        let left = save(&all.limit(0).unwrap(), mode).await;
        for (op, number) in [(BinaryOp::Lt, 6), (BinaryOp::NotEq, 6), (BinaryOp::Eq, 500)] {
            let fits = |id: &i64| {
                let some = id % 1000;
                let found = match op {
                    BinaryOp::Lt => some < number,
                    BinaryOp::Eq => some == number,
                    _ => some != number,
                };
                !removed(*id) && id % 3 > 0 && found
            };
            let wanted: Vec<i64> = (0..height + 500).filter(fits).collect();
            let found = left.filter(&[compared("some", op, number)]).unwrap();
            assert_eq!(ids(&found).await, wanted, "{letters} {op:?} {number}");
        }
    }
}

#[tokio::test]
async fn a_limit_is_kept_and_places_are_those_of_the_rows() {
    let session = session(2).await;
    let rows = version(&session, &[0, 70_000], 60).await;
    let some = rows.filter(&[compared("id", BinaryOp::GtEq, 30_000)]).unwrap();
    for limit in [1, 5000, 40_000, 50_000] {
        let found = ids(&some.limit(limit).unwrap()).await;
        assert_eq!(found, (30_000..70_000).take(limit).collect::<Vec<_>>());
    }
    let found = some.filter(&[compared("some", BinaryOp::Eq, 4)]).unwrap();
    let wanted = (30_000..70_000).filter(|id| id % 3 > 0 && id % 1000 == 4);
    let all = places(&rows).await;
    assert_eq!(places(&found).await, wanted.map(|id| all[id]).collect::<Vec<u64>>());
}

#[tokio::test]
async fn what_the_condition_reads_may_be_left_out() {
    let session = session(2).await;
    let rows = version(&session, &[0, 70_000], 60).await;
    let found = rows.filter(&[compared("id", BinaryOp::Lt, 3)]).unwrap();
    let found = found.select(&["text".to_owned()]).unwrap();
    let plan = found.explain().await.unwrap();
    assert!(plan.contains("first=[id]") && plan.contains("then=[text]"), "{plan}");
    let batches = found.collect().await.unwrap();
    let texts = batches.iter().flat_map(|batch| batch["text"].as_string::<i32>().iter());
    let texts: Vec<i64> = texts.map(number).collect();
    assert_eq!(texts, [0, 1, 2]);
}

#[tokio::test]
async fn little_is_read_at_once() {
    let session = session(2).await;
    let rows = version(&session, &[0, 1000], 60).await;
    let plan = rows.filter(&[compared("id", BinaryOp::Lt, 3)]).unwrap().explain().await.unwrap();
    assert!(!plan.contains("FilteredScanExec"), "{plan}");
}

/// Batches of rows of which some fit.
fn batches() -> impl Strategy<Value = Vec<Vec<bool>>> {
    let runs = vec((any::<bool>(), 0..90_usize), 0..8);
    let batch = runs.prop_map(|runs| {
        runs.into_iter().flat_map(|(fits, rows)| std::iter::repeat_n(fits, rows)).collect()
    });
    vec(batch, 0..5)
}

proptest! {
    #[test]
    fn runs_hold_what_fits_and_small_gaps(batches in batches(), gap in 0..70_usize) {
        let (mut portion, mut at) = (Portion::new(), 0);
        for batch in &batches {
            portion.add(at, &BooleanBuffer::from(batch.as_slice()), gap);
            at += batch.len();
        }
        let (all, fits) = (batches.concat(), portion.fits.finish());
        let rows: Vec<usize> = portion.runs.iter().cloned().flatten().collect();
        assert_eq!(rows.len(), fits.len());
        let found: Vec<usize> =
            rows.iter().zip(&fits).filter(|(_, fits)| *fits).map(|(row, _)| *row).collect();
        let wanted: Vec<usize> = (0..all.len()).filter(|row| all[*row]).collect();
        assert_eq!(found, wanted);
        for runs in portion.runs.windows(2) {
            assert!(runs[1].start > runs[0].end + gap);
        }
        for run in &portion.runs {
            let most = all[run.clone()].split(|fits| *fits).map(<[bool]>::len).max();
            assert!(all[run.start] && all[run.end - 1] && most <= Some(gap));
        }
    }
}
