//! Joins that look at many pairs hold up nobody, and end when nobody waits for their rows any more.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use engine::{Chain, Session};
use futures::poll;
use sql::{Inputs, Statement};
use tokio::task::yield_now;
use udf_runtime::task;

use crate::fixture::{batch, chain, integers, rows, session, values};

/// Rows of each side: their pairs take seconds.
const ROWS: i64 = 60_000;

/// A query over `a` and `b`, with columns `x`, all different, and `k`, all the same.
async fn query(session: &Arc<Session>, text: &str) -> Chain {
    let side = || {
        let same = integers((0..ROWS).map(|_| 1));
        chain(session, vec![batch(vec![("x", integers(0..ROWS)), ("k", same)])])
    };
    let tables = HashMap::from([("a".to_owned(), side()), ("b".to_owned(), side())]);
    let inputs = Inputs { tables, ..Inputs::default() };
    sql::read(session, &Statement::parse(text).unwrap(), &inputs).await.unwrap()
}

/// One thread runs a long join and many other queries, which come first.
async fn check_waits_for_nobody(text: &str) {
    let session = session().await;
    let (long, short) = (query(&session, text).await, query(&session, "SELECT 1 AS one").await);
    let mut long = task::spawn(async move { long.collect().await });
    for _ in 0..100 {
        // The join has the thread until it pauses.
        yield_now().await;
        assert_eq!(values(&short, "one").await, [1]);
    }
    assert!(poll!(&mut long).is_pending(), "`{text}` came first");
    drop(long);
    wait_for_threads().await;
}

/// Ends when no join works.
async fn wait_for_threads() {
    let is_at_work = || {
        let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let mut names =
            threads.filter_map(|it| std::fs::read_to_string(it.path().join("comm")).ok());
        names.any(|name| name.trim() == "lakebed-join")
    };
    while is_at_work() {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_join_without_equal_keys_waits_for_nobody() {
    check_waits_for_nobody("SELECT count(*) AS n FROM a JOIN b ON a.x + b.x < 0").await;
    check_waits_for_nobody("SELECT count(*) AS n FROM a LEFT JOIN b ON a.x + b.x < 0").await;
    check_waits_for_nobody("SELECT count(*) AS n FROM a FULL JOIN b ON a.x + b.x < 0").await;
}

#[tokio::test]
async fn a_search_for_partners_waits_for_nobody() {
    let exists = "SELECT count(*) AS n FROM a WHERE EXISTS (SELECT 1 FROM b WHERE a.x + b.x < 0)";
    check_waits_for_nobody(exists).await;
    check_waits_for_nobody(&exists.replace("EXISTS", "NOT EXISTS")).await;
}

#[tokio::test]
async fn a_join_on_one_key_and_a_condition_waits_for_nobody() {
    let text = "SELECT count(*) AS n FROM a JOIN b ON a.k = b.k AND a.x + b.x < 0";
    check_waits_for_nobody(text).await;
}

#[tokio::test]
async fn a_join_of_all_rows_waits_for_nobody() {
    check_waits_for_nobody("SELECT sum(a.x * b.x) AS n FROM a JOIN b ON a.k = b.k").await;
    check_waits_for_nobody("SELECT sum(a.x * b.x) AS n FROM a CROSS JOIN b").await;
}

#[tokio::test]
async fn joins_find_their_rows() {
    let session = session().await;
    let text = "SELECT a.x, b.x AS y FROM a JOIN b ON a.x + b.x < 2 ORDER BY a.x, b.x";
    let found = query(&session, text).await;
    assert_eq!(values(&found, "x").await, [0, 0, 1]);
    assert_eq!(values(&found, "y").await, [0, 1, 0]);
}

/// Rows of `n` and `k`, which repeats, is null in places and reaches from one end of the numbers to the other if `far`.
fn numbered(session: &Arc<Session>, rows: i64, keys: i64, far: bool) -> Chain {
    let key = |n: i64| match n % keys {
        0 => None,
        1 if far => Some(i64::MIN),
        2 if far => Some(i64::MAX),
        key => Some(key),
    };
    let k: ArrayRef = Arc::new((0..rows).map(key).collect::<Int64Array>());
    let batch = batch(vec![("n", integers(0..rows)), ("k", k)]);
    let pieces = (0..3).map(|piece| {
        let (start, end) = (batch.num_rows() * piece / 3, batch.num_rows() * (piece + 1) / 3);
        batch.slice(start, end - start)
    });
    chain(session, pieces.collect())
}

async fn read(session: &Arc<Session>, tables: &[(&str, &Chain)], text: &str) -> Chain {
    let tables = tables.iter().map(|(name, rows)| ((*name).to_owned(), (*rows).clone())).collect();
    let inputs = Inputs { tables, ..Inputs::default() };
    sql::read(session, &Statement::parse(text).unwrap(), &inputs).await.unwrap()
}

/// The query asks for keys of a join where rows are read, and finds what it finds where nobody can.
async fn check_keys(session: &Arc<Session>, tables: &[(&str, &Chain)], text: &str) {
    let asking = read(session, tables, text).await;
    let plan = asking.explain().await.unwrap();
    assert!(plan.contains("AMONG KEYS"), "{plan}");
    // What is computed is followed to no scan.
    let unknown = read(session, tables, &text.replace("k = ", "k + 0 = 0 + ")).await;
    let plan = unknown.explain().await.unwrap();
    assert!(!plan.contains("AMONG KEYS"), "{plan}");
    let (found, wanted) = (rows(&asking).await, rows(&unknown).await);
    assert_eq!(found, wanted, "{text}");
    assert!(found.num_rows() > 0, "{text}");
}

#[tokio::test]
async fn rows_without_a_partner_are_left_out_early_and_no_others() {
    let session = session().await;
    for far in [false, true] {
        let (few, many) = (numbered(&session, 90, 50, far), numbered(&session, 900, 300, far));
        let tables = [("few", &few), ("many", &many)];
        for text in [
            "SELECT a.n, b.n AS m FROM few a JOIN many b ON b.k = a.k WHERE a.n < 60",
            "SELECT a.n, b.n AS m FROM (SELECT * FROM few WHERE n < 60) a LEFT JOIN many b ON b.k = a.k",
            "SELECT n FROM few b WHERE n > 9 AND NOT EXISTS (SELECT 1 FROM many a WHERE a.k = b.k)",
            "SELECT a.n, b.n AS m FROM few a JOIN (SELECT * FROM many UNION ALL SELECT * FROM few) b
             ON b.k = a.k WHERE a.n < 60",
        ] {
            check_keys(&session, &tables, &format!("{text} ORDER BY ALL")).await;
        }
    }
}

#[tokio::test]
async fn a_column_is_followed_by_its_place_and_not_by_its_name() {
    let session = session().await;
    let (few, many) = (numbered(&session, 90, 50, false), numbered(&session, 900, 300, false));
    let tables = [("few", &few), ("many", &many)];
    let text = "SELECT c.n, m.n AS a, m.o AS b FROM few c JOIN
                (SELECT a.k AS n, b.n AS k, a.n AS o FROM many a JOIN many b ON b.k = a.k) m
                ON m.k = c.k WHERE c.n < 30 ORDER BY ALL";
    check_keys(&session, &tables, text).await;
}

#[tokio::test]
async fn keys_of_all_partitions_count() {
    let session = session().await;
    let (some, many) =
        (numbered(&session, 200_000, 150_000, false), numbered(&session, 300_000, 290_000, false));
    let tables = [("some", &some), ("many", &many)];
    for many in ["many", "(SELECT k, sum(n) AS n FROM many GROUP BY k)"] {
        let text = format!(
            "SELECT count(*) AS n, sum(a.n) AS a, sum(b.n) AS b
             FROM some a JOIN {many} b ON b.k = a.k WHERE a.n >= 40000 AND b.n >= 10"
        );
        check_keys(&session, &tables, &text).await;
        let plan = read(&session, &tables, &text).await.explain().await.unwrap();
        assert!(plan.contains("mode=Partitioned"), "{plan}");
    }
}

#[tokio::test]
async fn a_join_that_finds_nothing_leaves_out_all() {
    let session = session().await;
    let (few, many) = (numbered(&session, 90, 50, false), numbered(&session, 900, 300, false));
    let tables = [("few", &few), ("many", &many)];
    for condition in ["n < 0", "k IS NULL"] {
        let text = format!("SELECT a.n FROM few a JOIN many b ON b.k = a.k WHERE a.{condition}");
        assert_eq!(rows(&read(&session, &tables, &text).await).await.num_rows(), 0);
    }
}

#[tokio::test]
async fn keys_of_a_recursive_step_are_those_of_the_step() {
    let session = session().await;
    let next = batch(vec![("n", integers(0..9)), ("k", integers(1..10))]);
    let next = chain(&session, vec![next]);
    let text = "WITH RECURSIVE steps(k) AS (SELECT 0 AS k UNION ALL
                SELECT next.k FROM steps JOIN next ON next.n = steps.k WHERE steps.k < 7)
                SELECT k FROM steps ORDER BY k";
    let found = read(&session, &[("next", &next)], text).await;
    assert_eq!(values(&found, "k").await, (0..8).collect::<Vec<_>>());
}
