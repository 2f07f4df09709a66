//! Which plans the rules that decide what functions see may change.

use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::Optimizer;
use datafusion::prelude::SessionContext;

use super::{push_down_rules, pushes_down};
use crate::{Config, Root, Session};

/// The plan of a query over the rows of `t`, and what the rules make of it.
async fn planned(query: &str) -> (LogicalPlan, LogicalPlan) {
    let session = Session::open(Config::with_root(Root::memory())).await.unwrap();
    let context = SessionContext::new_with_state(session.state().clone());
    let query = format!("WITH t(a, b, l) AS (VALUES (1, 2, [1]), (3, 4, [2])) {query}");
    let state = context.state();
    let plan = state.create_logical_plan(&query).await.unwrap();
    let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {}).unwrap();
    let rules = Optimizer::with_rules(push_down_rules());
    let moved = rules.optimize(plan.clone(), &state, |_, _| {}).unwrap();
    (plan, moved)
}

#[tokio::test]
async fn plans_without_conditions_limits_and_joins_are_left_as_they_are() {
    for query in [
        "SELECT a + 1 AS c, b FROM t",
        "SELECT DISTINCT a FROM t",
        "SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, b DESC",
        "SELECT a, sum(b) FILTER (WHERE b > 1) FROM t GROUP BY a",
        "SELECT a, rank() OVER (PARTITION BY b ORDER BY a) FROM t",
        "SELECT a FROM t UNION ALL SELECT b FROM t",
        "SELECT a FROM t ORDER BY b DESC",
        "SELECT unnest(l) FROM t",
        "SELECT s.a FROM (SELECT a FROM t) AS s",
    ] {
        let (plan, moved) = planned(query).await;
        assert!(!plan.exists(|node| Ok(pushes_down(node))).unwrap(), "{query}");
        assert_eq!(moved, plan, "{query}");
    }
}

#[tokio::test]
async fn others_are_seen() {
    for query in [
        "SELECT a FROM (SELECT a, b FROM t) WHERE a > 1",
        "SELECT a FROM (SELECT a, b FROM t) LIMIT 1",
        "SELECT s.a FROM t AS s JOIN t ON s.a = t.a AND s.b > 1",
        "SELECT (SELECT max(a) FROM (SELECT a FROM t) WHERE a > 1) FROM t",
    ] {
        let (plan, moved) = planned(query).await;
        assert!(plan.exists(|node| Ok(pushes_down(node))).unwrap(), "{query}");
        assert_ne!(moved, plan, "{query}");
    }
}
