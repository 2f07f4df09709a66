//! Laws that hold for all data: each runs on a few random chains.

use std::future::Future;

use arrow::array::RecordBatch;
use engine::{BinaryOp, Chain, SortKey};
use proptest::prelude::*;
use tokio::runtime::Builder;

use crate::fixture::{batch, chain, column, compare, integers, save, session, values};
use crate::functions::AddOne;

/// Values in batches of random heights, with few distinct values so that ties are common.
fn batches() -> impl Strategy<Value = Vec<Vec<i64>>> {
    let values = prop::collection::vec(-5..5_i64, 0..40);
    prop::collection::vec(values, 1..6)
}

fn run<T>(test: impl Future<Output = T>) -> T {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test)
}

/// The columns `value` and `row`, the row's number.
async fn numbered(parts: &[Vec<i64>]) -> Chain {
    let mut start = 0;
    let mut batches: Vec<RecordBatch> = Vec::new();
    for part in parts {
        let end = start + part.len() as i64;
        batches.push(batch(vec![("value", integers(part.clone())), ("row", integers(start..end))]));
        start = end;
    }
    chain(&session().await, batches)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn filter_and_save_commute(parts in batches(), least in -5..5_i64) {
        run(async {
            let rows = numbered(&parts).await;
            let kept = [compare("value", BinaryOp::GtEq, least)];
            let before = save(&rows.filter(&kept).unwrap(), "before").await.unwrap().chain;
            let after = save(&rows, "after").await.unwrap().chain.filter(&kept).unwrap();
            let expected: Vec<i64> =
                parts.concat().into_iter().filter(|value| *value >= least).collect();
            assert_eq!(values(&before, "value").await, expected);
            assert_eq!(values(&after, "value").await, expected);
            assert_eq!(values(&before, "row").await, values(&after, "row").await);
        });
    }

    #[test]
    fn limit_and_offset_cut_the_rows(parts in batches(), skipped in 0..60_usize, kept in 0..60_usize) {
        run(async {
            let saved = save(&numbered(&parts).await, "rows").await.unwrap().chain;
            let cut = saved.offset(skipped).unwrap().limit(kept).unwrap();
            let expected: Vec<i64> = parts.concat().into_iter().skip(skipped).take(kept).collect();
            assert_eq!(values(&cut, "value").await, expected);
        });
    }

    #[test]
    fn order_by_sorts(parts in batches(), descending: bool) {
        run(async {
            let saved = save(&numbered(&parts).await, "rows").await.unwrap().chain;
            let keys = [
                SortKey { expr: column("value"), descending },
                SortKey { expr: column("row"), descending: false },
            ];
            let sorted = saved.order_by(&keys).unwrap();
            let mut expected: Vec<(i64, i64)> = parts.concat().into_iter().zip(0..).collect();
            expected.sort_by_key(|(value, row)| (if descending { -value } else { *value }, *row));
            let (sorted, rows): (Vec<i64>, Vec<i64>) =
                (values(&sorted, "value").await, values(&sorted, "row").await);
            assert_eq!(sorted.into_iter().zip(rows).collect::<Vec<_>>(), expected);
        });
    }

    #[test]
    fn a_map_is_a_loop(parts in batches(), batch_rows in 1..50_usize) {
        run(async {
            let add_one = AddOne::default();
            let saved = save(&numbered(&parts).await, "rows").await.unwrap().chain;
            let mapped = saved.map(add_one.stage("value", "next", batch_rows)).unwrap();
            let expected: Vec<i64> = parts.concat().into_iter().map(|value| value + 1).collect();
            assert_eq!(values(&mapped, "next").await, expected);
            assert_eq!(add_one.rows(), expected.len());
        });
    }
}
