//! Which rows come in the same order each time.

use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;

use super::chains::map;
use super::{chain, session, sql};
use crate::identity::has_fixed_order;
use crate::{Expr, SortKey};

#[track_caller]
fn check(plan: &LogicalPlan, ordered: bool, name: &str) {
    assert_eq!(has_fixed_order(plan), ordered, "{name}");
}

#[tokio::test]
async fn sources_and_steps_that_take_rows_in_turn_have_an_order() {
    for query in [
        "SELECT * FROM a",
        "SELECT x + 1 AS z FROM a AS t WHERE y > 1",
        "SELECT * FROM (SELECT * FROM a LIMIT 3) WHERE x = 1",
        "SELECT x FROM a UNION ALL SELECT x FROM b",
        "SELECT 1",
    ] {
        check(&sql(query).await, true, query);
    }
}

#[tokio::test]
async fn what_compares_rows_with_each_other_has_none() {
    for query in [
        "SELECT * FROM a ORDER BY x",
        "SELECT DISTINCT x FROM a",
        "SELECT x, count(*) FROM a GROUP BY x",
        "SELECT a.x FROM a JOIN b ON a.x = b.x",
        "SELECT a.x FROM a CROSS JOIN b",
        "SELECT x FROM a UNION SELECT x FROM b",
        "SELECT x FROM a UNION ALL SELECT max(x) FROM b",
        "SELECT row_number() OVER () FROM a",
        "SELECT unnest(list) FROM a",
        "SELECT x FROM a WHERE x IN (SELECT x FROM b)",
        "SELECT x, (SELECT max(x) FROM b) FROM a",
        "SELECT x FROM a WHERE EXISTS (SELECT 1 FROM b WHERE a.x = b.x)",
    ] {
        check(&sql(query).await, false, query);
    }
}

#[tokio::test]
async fn an_order_that_is_lost_does_not_come_back() {
    for query in [
        "SELECT * FROM (SELECT DISTINCT x FROM a) WHERE x = 1",
        "SELECT * FROM (SELECT * FROM a ORDER BY x LIMIT 2) WHERE x = 1",
    ] {
        check(&sql(query).await, false, query);
    }
}

#[tokio::test]
async fn functions_have_the_order_of_their_input() {
    let (session, times) = (session().await, Arc::default());
    let source = chain(&session, 1);
    let key = SortKey { expr: Expr::Column("x".to_owned()), descending: false };
    let sorted = source.order_by(&[key]).unwrap();
    check(map(&source, "code", "made", &times).plan(), true, "a function of a source");
    check(map(&sorted, "code", "made", &times).plan(), false, "a function of a sort");
}
