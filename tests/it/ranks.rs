//! Numbers and ranks are right, also where rows that cannot have one that is asked for are dropped before a sort.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::util::pretty::pretty_format_batches;
use engine::{Chain, Session};

use crate::fixture::{batch, chain, column, integers, rows, save, session, values};

const ROWS: usize = 150_000;

/// Numbers that look random.
fn noise(at: usize) -> u64 {
    let mixed = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

/// A dataset `t` whose rows have groups of all sizes and keys that are equal, null, long and sorted.
async fn dataset() -> Arc<Session> {
    let session = session().await;
    let few: ArrayRef = Arc::new(
        (0..ROWS)
            .map(|at| (!at.is_multiple_of(8)).then(|| noise(at) as i64 % 5))
            .collect::<Int64Array>(),
    );
    let many: ArrayRef = Arc::new(
        (0..ROWS).map(|at| Some(format!("group {}", noise(at) % 9000))).collect::<StringArray>(),
    );
    let ties: ArrayRef = Arc::new(
        (0..ROWS)
            .map(|at| (!noise(at).is_multiple_of(7)).then(|| (noise(at + 1) % 400) as f64 - 20.0))
            .collect::<Float64Array>(),
    );
    let long: ArrayRef = Arc::new(
        (0..ROWS)
            .map(|at| Some(format!("{:0>20}{}", noise(at) % 3, noise(at + 7) % 500)))
            .collect::<StringArray>(),
    );
    let id = integers((0..ROWS).map(|at| at as i64));
    let all = batch(vec![("few", few), ("many", many), ("ties", ties), ("long", long), ("id", id)]);
    save(&chain(&session, vec![all]), "t").await.unwrap();
    session
}

/// What has a rank up to so many, and the same found by a condition that tells nothing about ranks.
async fn both(session: &Arc<Session>, rank: &str, condition: &str) -> (Chain, Chain) {
    let query = |condition: &str| {
        let ranked = format!("SELECT few, many, ties, long, id, {rank} AS nth FROM t");
        format!("SELECT * FROM ({ranked}) WHERE {condition} ORDER BY id, nth")
    };
    let asked = sql::query(session, &query(condition)).await.unwrap();
    let plain =
        sql::query(session, &query(&condition.replace("nth", "nth % 1000000"))).await.unwrap();
    assert!(asked.explain().await.unwrap().contains("LowRanksExec"), "{rank} {condition}");
    assert!(!plain.explain().await.unwrap().contains("LowRanksExec"), "{rank} {condition}");
    (asked, plain)
}

fn shown(rows: &RecordBatch) -> String {
    pretty_format_batches(std::slice::from_ref(rows)).unwrap().to_string()
}

#[tokio::test]
async fn ranks_up_to_one_that_is_asked_for_are_those_of_all_rows() {
    let session = dataset().await;
    for (rank, condition) in [
        ("row_number() OVER (PARTITION BY few ORDER BY id)", "nth <= 3"),
        ("row_number() OVER (PARTITION BY few ORDER BY id DESC)", "nth < 3"),
        ("row_number() OVER (PARTITION BY many ORDER BY id DESC)", "nth = 2"),
        ("row_number() OVER (PARTITION BY many, few ORDER BY ties DESC, id)", "1 >= nth"),
        ("row_number() OVER (ORDER BY long, id DESC)", "nth <= 40"),
        ("rank() OVER (PARTITION BY few ORDER BY ties)", "nth <= 3"),
        ("rank() OVER (PARTITION BY many ORDER BY ties NULLS FIRST)", "nth BETWEEN 1 AND 2"),
        ("rank() OVER (PARTITION BY few ORDER BY long DESC, ties)", "nth <= 7 AND id % 2 = 0"),
        ("dense_rank() OVER (PARTITION BY few ORDER BY long)", "nth <= 4"),
        ("dense_rank() OVER (PARTITION BY many ORDER BY ties DESC NULLS LAST)", "nth <= 1"),
        ("row_number() OVER (PARTITION BY few ORDER BY ties, id)", "nth <= 900"),
    ] {
        let (asked, plain) = both(&session, rank, condition).await;
        let (asked, plain) = (rows(&asked).await, rows(&plain).await);
        assert!(asked.num_rows() > 0, "{rank} {condition}");
        // One string for each: a difference would be too long to read.
        assert!(shown(&asked) == shown(&plain), "{rank} {condition}");
    }
}

#[tokio::test]
async fn rows_that_others_are_computed_of_stay() {
    let session = dataset().await;
    for windows in [
        "row_number() OVER (PARTITION BY few ORDER BY id) AS nth, \
         count(*) OVER (PARTITION BY few) AS others",
        "row_number() OVER (PARTITION BY few ORDER BY id) AS nth, \
         lead(id, 5) OVER (PARTITION BY few ORDER BY id) AS others",
        "ntile(4) OVER (PARTITION BY few ORDER BY id) AS nth, 1 AS others",
    ] {
        let query = |n: &str| {
            format!(
                "SELECT nth, others, id FROM (SELECT id, {windows} FROM t) WHERE {n} <= 2 ORDER BY id"
            )
        };
        let asked = rows(&sql::query(&session, &query("nth")).await.unwrap()).await;
        let plain = rows(&sql::query(&session, &query("nth % 1000000")).await.unwrap()).await;
        assert!(asked.num_rows() > 0 && shown(&asked) == shown(&plain), "{windows}");
    }
}

#[tokio::test]
async fn windows_of_all_rows_may_stand_below() {
    let session = dataset().await;
    let query = "SELECT nth, sum(others) AS sum FROM (SELECT others, row_number() OVER (PARTITION BY few ORDER BY id DESC) \
                 AS nth FROM (SELECT few, id, count(*) OVER (PARTITION BY few) AS others FROM t)) \
                 WHERE nth <= 2 GROUP BY nth ORDER BY nth";
    let found = sql::query(&session, query).await.unwrap();
    assert!(found.explain().await.unwrap().contains("LowRanksExec"));
    assert_eq!(values(&found, "sum").await, [ROWS as i64; 2]);
}

/// `few` and `ties` of a row; a null comes last.
type Keys = (Option<i64>, Option<i64>);

fn keys() -> Vec<Keys> {
    let few = |at: usize| (!at.is_multiple_of(8)).then(|| noise(at) as i64 % 5);
    let ties =
        |at: usize| (!noise(at).is_multiple_of(7)).then(|| (noise(at + 1) % 400) as i64 - 20);
    (0..ROWS).map(|at| (few(at), ties(at))).collect()
}

/// Row number, rank and dense rank of each row among those with the same `few`, by `ties` and then as they come.
fn ranked(keys: &[Keys]) -> Vec<[i64; 3]> {
    let mut rows: Vec<usize> = (0..keys.len()).collect();
    rows.sort_by_key(|row| (keys[*row].0, keys[*row].1.is_none(), keys[*row].1, *row));
    let mut ranks = vec![[0; 3]; keys.len()];
    let mut last: Option<(Keys, [i64; 3])> = None;
    for row in rows {
        let next = match last {
            Some((before, [number, rank, dense])) if before.0 == keys[row].0 => {
                let same = before == keys[row];
                let (rank, dense) = if same { (rank, dense) } else { (number + 1, dense + 1) };
                [number + 1, rank, dense]
            }
            _ => [1; 3],
        };
        ranks[row] = next;
        last = Some((keys[row], next));
    }
    ranks
}

#[tokio::test]
async fn ranks_are_right_across_batches_and_partitions() {
    let session = dataset().await;
    let window = "PARTITION BY few ORDER BY ties";
    let query = format!(
        "SELECT CAST(row_number() OVER ({window}, id) AS BIGINT) AS number, CAST(rank() OVER ({window}) AS BIGINT) AS rank, \
         CAST(dense_rank() OVER ({window}) AS BIGINT) AS dense FROM t ORDER BY id"
    );
    let found = sql::query(&session, &query).await.unwrap();
    assert_eq!(found.explain().await.unwrap().matches("RanksExec").count(), 2);
    let expected = ranked(&keys());
    for (at, name) in ["number", "rank", "dense"].into_iter().enumerate() {
        let wanted: Vec<i64> = expected.iter().map(|ranks| ranks[at]).collect();
        assert!(values(&found, name).await == wanted, "{name}");
    }
}

#[tokio::test]
async fn partitions_are_numbered_side_by_side() {
    let session = dataset().await;
    let numbered = "SELECT id, ties, CAST(row_number() OVER () AS BIGINT) AS n FROM t";
    let query = format!("SELECT id, n FROM ({numbered}) WHERE id % 2 = 1 ORDER BY ties, n DESC");
    let found = sql::query(&session, &query).await.unwrap();
    let text = found.explain().await.unwrap();
    assert!(text.contains("RanksExec") && !text.contains("ConcatPartitionsExec"), "{text}");
    let (ids, numbers) = (values(&found, "id").await, values(&found, "n").await);
    assert_eq!(ids.len(), ROWS / 2);
    assert!(ids.iter().zip(&numbers).all(|(id, number)| id + 1 == *number));
}

#[tokio::test]
async fn distinct_keeps_the_first_row_of_all_partitions() {
    let session = dataset().await;
    for (key, first) in [("id % 1000", 1000), ("id % 149999", 149_999), ("id % 60000", 60_000)] {
        let keyed = sql::query(&session, &format!("SELECT {key} AS key, id FROM t")).await.unwrap();
        let found = keyed.distinct(&[column("key")]).unwrap();
        assert!(found.explain().await.unwrap().contains("EarlyRowsExec"));
        assert!(values(&found, "id").await == (0..first).collect::<Vec<i64>>(), "{key}");
    }
}
