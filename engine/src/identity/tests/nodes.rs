//! Nodes.

mod made;

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::Arc;

use datafusion::logical_expr::{
    Aggregate, Filter, LogicalPlan, Projection, SubqueryAlias, TableScan, Union, lit,
};

use super::{check_distinct, column, digest, sql, told};
use crate::UdfOptions;
use crate::logical::UdfCall;
use crate::source::{as_table, source_of};
use made::{Inputs, all, call, node, scan_of, schema};

macro_rules! kinds {
    ($($kind:ident),*) => {
        fn kind(plan: &LogicalPlan) -> &'static str {
            match plan {
                $(LogicalPlan::$kind { .. } => stringify!($kind)),*
            }
        }

        const KINDS: &[&str] = &[$(stringify!($kind)),*];
    };
}

kinds!(
    Projection,
    Filter,
    Window,
    Aggregate,
    Sort,
    Join,
    Repartition,
    Union,
    TableScan,
    EmptyRelation,
    Subquery,
    SubqueryAlias,
    Limit,
    Statement,
    Values,
    Explain,
    Analyze,
    Extension,
    Distinct,
    Dml,
    Ddl,
    Copy,
    DescribeTable,
    Unnest,
    RecursiveQuery
);

/// What has no identity.
const REFUSED: [&str; 6] = ["Statement", "Explain", "Analyze", "Dml", "Ddl", "Copy"];

#[tokio::test]
async fn every_field_of_every_kind_counts() {
    let made = all().await;
    let mut seen: HashSet<&str> = REFUSED.into();
    seen.extend(made.iter().map(|(_, plan)| kind(plan)));
    let missing: Vec<_> = KINDS.iter().filter(|kind| !seen.contains(*kind)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    check_distinct(
        made.into_iter().map(|(name, plan)| (format!("{name}: {}", shown(&plan)), digest(&plan))),
    );
}

/// The node, told apart from others in messages.
fn shown(plan: &LogicalPlan) -> String {
    format!("{} {:?}", plan.display(), plan.schema())
}

#[tokio::test]
async fn every_part_of_a_plan_counts_in_the_whole() {
    let made: Vec<Arc<LogicalPlan>> =
        all().await.into_iter().map(|(_, plan)| Arc::new(plan)).collect();
    let whole = |inputs: Vec<Arc<LogicalPlan>>| {
        digest(&LogicalPlan::Union(Union { inputs, schema: schema() }))
    };
    let base = whole(made.clone());
    for at in 0..made.len() {
        let mut changed = made.clone();
        changed[at] = Arc::clone(&made[(at + 1) % made.len()]);
        assert_ne!(whole(changed), base, "{}", shown(&made[at]));
    }
}

#[tokio::test]
async fn how_functions_run_and_what_they_are_called_does_not_count() {
    let inputs = Inputs::new().await;
    let base = node(call(), &inputs.both);
    let options = UdfOptions { parallel: Some(4), unit_rows: 7, ..UdfOptions::default() };
    for call in [UdfCall { options, ..call() }, UdfCall { name: "g".to_owned(), ..call() }] {
        assert_eq!(digest(&node(call, &inputs.both)), digest(&base));
    }
}

#[tokio::test]
async fn tables_count_by_where_they_are_met() {
    let scan = scan_of(&sql("SELECT x FROM a").await);
    let renamed = TableScan { table_name: "other".into(), ..scan.clone() };
    // With its columns still of the older table.
    assert_ne!(told(&LogicalPlan::TableScan(renamed)), told(&LogicalPlan::TableScan(scan.clone())));
    let source = source_of(&scan).unwrap();
    let named = |name: &str| {
        let scan = TableScan::try_new(name, as_table(Arc::clone(&source)), None, vec![], None);
        digest(&LogicalPlan::TableScan(scan.unwrap()))
    };
    assert_eq!(named("values#1"), named("values#23"));
    // Of equal tables side by side, the one that `q` is called.
    let scan = |name: &str| {
        let table = as_table(Arc::clone(&source));
        let scan = TableScan::try_new(name, table, None, vec![], None).unwrap();
        Arc::new(LogicalPlan::TableScan(scan))
    };
    let beside = |inputs| Arc::new(LogicalPlan::Union(Union { inputs, schema: schema() }));
    let chosen = |others| {
        let input = beside(vec![scan("p"), others]);
        let chosen = Projection::try_new_with_schema(vec![column("q", "x")], input, schema());
        digest(&LogicalPlan::Projection(chosen.unwrap()))
    };
    let (first, second) = (vec![scan("q"), scan("p")], vec![scan("p"), scan("q")]);
    assert_eq!(digest(&beside(first.clone())), digest(&beside(second.clone())));
    assert_ne!(chosen(beside(first)), chosen(beside(second)));
}

#[tokio::test]
async fn what_has_no_identity_says_why() {
    for (query, expected) in [
        ("EXPLAIN SELECT 1", "it explains how a query runs, which differs each time"),
        ("EXPLAIN ANALYZE SELECT 1", "it explains how a query runs, which differs each time"),
        ("SET datafusion.execution.batch_size = 1", "it is a command, which has no rows"),
        ("CREATE TABLE t AS SELECT 1", "it makes or drops a table"),
        ("DROP TABLE IF EXISTS t", "it makes or drops a table"),
        ("INSERT INTO a SELECT * FROM b", "it changes a table"),
        ("COPY (SELECT 1) TO 'x.csv'", "it writes files"),
        (
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) \
             SELECT n FROM r",
            "no source of ours",
        ),
    ] {
        assert_eq!(told(&sql(query).await).unwrap_err(), expected, "{query}");
    }
}

/// The fields of nodes that cannot be matched with all of them.
#[tokio::test]
async fn nodes_have_the_fields_that_are_known() {
    fn check(node: &impl Debug, known: &[&str]) {
        let text = format!("{node:#?}");
        let field = |line: &str| {
            let line = line.strip_prefix("    ").filter(|line| !line.starts_with(' '))?;
            line.split_once(':').map(|(name, _)| name.to_owned())
        };
        let fields: Vec<String> = text.lines().filter_map(field).collect();
        assert_eq!(fields, known);
    }
    let input = Arc::new(sql("SELECT 1 AS x").await);
    let projection = Projection::try_new(vec![lit(1)], Arc::clone(&input)).unwrap();
    check(&projection, &["expr", "input", "schema"]);
    let filter = Filter::try_new(lit(true), Arc::clone(&input)).unwrap();
    check(&filter, &["predicate", "input"]);
    let aggregate = Aggregate::try_new(Arc::clone(&input), vec![lit(1)], vec![]).unwrap();
    check(&aggregate, &["input", "group_expr", "aggr_expr", "schema"]);
    let alias = SubqueryAlias::try_new(input, "t").unwrap();
    check(&alias, &["input", "alias", "schema"]);
}
