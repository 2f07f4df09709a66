//! Joins that look at many pairs hold up nobody, and end when nobody waits for their rows any more.

use std::collections::HashMap;
use std::sync::Arc;

use engine::{Chain, Session};
use futures::poll;
use sql::{Inputs, Statement};
use tokio::task::yield_now;
use udf_runtime::task;

use crate::fixture::{batch, chain, integers, session, values};

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
