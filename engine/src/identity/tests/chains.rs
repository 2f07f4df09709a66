//! Chains of functions, and queries as text.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::LogicalPlan;
use udf_runtime::{BatchFunction, FunctionFailure, Identity, RunningFunction};

use super::{chain, digest, session, sql};
use crate::checkpoint::RunFacts;
use crate::identity::fingerprint;
use crate::logical::Udf;
use crate::{Chain, Expr, NamedExpr, OfRows, Progress, SortKey, Stage, UdfOptions};

/// A function that is never started; counts how often it is asked what it is.
#[derive(Debug)]
struct Asked {
    code: String,
    times: Arc<AtomicUsize>,
}

impl BatchFunction for Asked {
    fn name(&self) -> &str {
        "asked"
    }

    fn identity(&self) -> Result<Identity, String> {
        self.times.fetch_add(1, Ordering::SeqCst);
        if self.code.contains("secret") {
            return Err(format!("`{}` is an open file", self.code));
        }
        let (stage, code) = ("asked".to_owned(), self.code.clone());
        Ok(Identity { stage, code, ..Identity::default() })
    }

    fn start(&self) -> Result<Box<dyn RunningFunction>, FunctionFailure> {
        Err(FunctionFailure::new("NotSupportedError", "it only has an identity"))
    }
}

pub(super) fn map(chain: &Chain, code: &str, result: &str, times: &Arc<AtomicUsize>) -> Chain {
    let function = Asked { code: code.to_owned(), times: Arc::clone(times) };
    let stage = Stage {
        function: Arc::new(function),
        arguments: vec![Expr::Column("x".to_owned())],
        results: vec![Arc::new(Field::new(result, DataType::Int64, true))],
        options: UdfOptions::default(),
    };
    chain.map(stage).unwrap()
}

fn maps(mut chain: Chain, count: usize, times: &Arc<AtomicUsize>) -> Chain {
    for at in 0..count {
        chain = map(&chain, "code", &format!("y{at}"), times);
    }
    chain
}

fn print_of(chain: &Chain) -> String {
    let facts = RunFacts::new(Arc::clone(chain.session().functions()));
    fingerprint(chain.plan(), &facts).unwrap().unwrap()
}

/// The keys of a run, from the sources up.
async fn keys_of(chain: &Chain) -> Vec<String> {
    let progress = Arc::default();
    let plan = chain.visible_plan().unwrap();
    let plan = chain.keyed(plan, &progress).await.unwrap();
    let mut keys = Vec::new();
    let mut node: Option<&LogicalPlan> = Some(&plan);
    while let Some(plan) = node {
        keys.extend(Udf::of(plan).and_then(|udf| Some(udf.key.as_ref()?.stage.clone())));
        node = plan.inputs().first().copied();
    }
    keys.reverse();
    keys
}

/// The chain after verbs that give names to tables, columns and steps.
fn verbs(chain: &Chain) -> Chain {
    let column = |name: &str| Expr::Column(name.to_owned());
    let named = |name: &str, expr| NamedExpr { name: name.to_owned(), expr };
    let sum =
        OfRows { function: "sum".to_owned(), arguments: vec![column("y")], ..OfRows::default() };
    let sum = named("y", Expr::OfRows(Arc::new(sum)));
    let key = SortKey { expr: column("x"), descending: true };
    let negated = Expr::Negate(Arc::new(column("y")));
    let chain = chain.mutate(&[named("y", negated)]).unwrap();
    let chain = chain.group_by(&[named("x", column("x"))], &[sum]).unwrap();
    chain.order_by(&[key]).unwrap().limit(9).unwrap()
}

#[tokio::test]
async fn equal_chains_are_equal_in_every_session() {
    let made = |chain: Chain| {
        let chain = verbs(&chain);
        let chain = map(&chain, "code", "made", &Arc::default());
        chain.filter(&[Expr::IsNull(Arc::new(Expr::Column("y".to_owned())))]).unwrap()
    };
    let (one, other) = (session().await, session().await);
    let first = made(chain(&one, 1));
    let prints: HashSet<String> =
        [&first, &made(chain(&one, 1)), &made(chain(&other, 1))].map(print_of).into();
    assert_eq!(prints.len(), 1);
    assert!(!prints.contains(&print_of(&made(chain(&one, 2)))));
    let keys = keys_of(&first).await;
    assert_eq!(keys.len(), 1);
    assert_eq!(keys_of(&made(chain(&other, 1))).await, keys);
    assert_eq!(keys_of(&made(chain(&other, 2))).await, keys, "the input is no part of a key");
}

#[tokio::test]
async fn code_is_no_part_of_any_stage_but_of_the_rows() {
    let session = session().await;
    let times = Arc::default();
    let made = |code: &str| {
        let chain = map(&chain(&session, 1), code, "y0", &times);
        map(&chain, "same", "y1", &times)
    };
    let (one, other) = (made("one"), made("other"));
    assert_eq!(keys_of(&one).await, keys_of(&other).await);
    assert_ne!(print_of(&one), print_of(&other));
}

#[tokio::test]
async fn equal_functions_of_a_plan_have_keys_of_their_own() {
    let (session, times) = (session().await, Arc::default());
    let keys = keys_of(&maps(chain(&session, 1), 3, &times)).await;
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), 3);
    let renamed = map(&map(&chain(&session, 1), "code", "a", &times), "code", "b", &times);
    assert_eq!(keys_of(&renamed).await, keys[..2], "names of results are no part of a key");
}

#[tokio::test]
async fn a_long_chain_asks_each_function_once_a_run() {
    const MAPS: usize = 200;
    let (session, times) = (session().await, Arc::new(AtomicUsize::new(0)));
    let long = maps(chain(&session, 1), MAPS, &times);
    let pinned = long.pinned(None).await.unwrap();
    let print = pinned.fingerprint().await.unwrap();
    assert!(print.is_some());
    let keys: HashSet<String> = keys_of(&pinned).await.into_iter().collect();
    assert_eq!(keys.len(), MAPS);
    assert_eq!(times.swap(0, Ordering::SeqCst), MAPS);
    // The next run asks again.
    assert_eq!(long.pinned(None).await.unwrap().fingerprint().await.unwrap(), print);
    assert_eq!(times.load(Ordering::SeqCst), MAPS);
}

#[tokio::test]
async fn without_an_identity_rows_have_none() {
    let (session, times) = (session().await, Arc::default());
    let mut made = chain(&session, 1);
    for (code, result) in [("one", "y0"), ("secret", "y1"), ("two", "y2"), ("secret too", "y3")] {
        made = map(&made, code, result, &times);
    }
    let progress: Arc<Progress> = Arc::default();
    made.keyed(made.visible_plan().unwrap(), &progress).await.unwrap();
    assert_eq!(keys_of(&made).await.len(), 2);
    let reason =
        |file: &str| format!("UDF 'asked': no checkpoint, because `{file}` is an open file");
    let reasons = [reason("secret"), reason("secret too")];
    assert_eq!(progress.remarks(), reasons);
    assert_eq!(made.pinned(None).await.unwrap().fingerprint().await.unwrap(), None);
}

#[tokio::test]
async fn a_prefix_has_the_keys_that_it_has_alone() {
    let (session, times) = (session().await, Arc::default());
    let keys = keys_of(&maps(chain(&session, 1), 5, &times)).await;
    assert_eq!(keys_of(&maps(chain(&session, 1), 10, &times)).await[..5], keys);
}

#[tokio::test]
async fn a_condition_changes_no_keys() {
    let (session, times) = (session().await, Arc::default());
    let made = maps(chain(&session, 1), 2, &times);
    let condition = |name: &str| [Expr::IsNull(Arc::new(Expr::Column(name.to_owned())))];
    let below = maps(chain(&session, 1).filter(&condition("y")).unwrap(), 2, &times);
    for other in
        [below, made.filter(&condition("y")).unwrap(), made.filter(&condition("y0")).unwrap()]
    {
        assert_eq!(keys_of(&other).await, keys_of(&made).await);
    }
}

/// One of everything that text can say.
const QUERIES: &str = "
    WITH picked AS (SELECT DISTINCT x, y, name, f FROM a WHERE y BETWEEN 1 AND 9 AND name LIKE 'a%')
    SELECT p.x, sum(p.y) FILTER (WHERE p.f > 0.5) AS total, count(DISTINCT b.name) AS names,
        array_agg(p.y ORDER BY p.f DESC NULLS FIRST) AS ys,
        CASE WHEN p.x IS NULL THEN 'none' ELSE CAST(p.x AS VARCHAR) END AS shown,
        row_number() OVER (PARTITION BY p.x ORDER BY p.x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS at
    FROM picked AS p LEFT JOIN b ON p.x = b.x AND p.y < b.y
    WHERE p.x IN (SELECT x FROM c) AND EXISTS (SELECT 1 FROM c WHERE c.y = p.y) OR p.x IN (1, 2, 3)
    GROUP BY p.x
    HAVING count(*) > 0
    UNION ALL SELECT 1, 2, 3, make_array(unnest(list)), 'x', 4 FROM a
    ORDER BY 1 DESC LIMIT 10 OFFSET 1";

#[tokio::test]
async fn a_query_and_what_is_changed_in_it() {
    let base = digest(&sql(QUERIES).await);
    assert_eq!(digest(&sql(QUERIES).await), base);
    let reformatted = QUERIES.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(digest(&sql(&reformatted).await), base);
    for (old, new) in [
        ("DISTINCT x", "x"),
        ("BETWEEN 1 AND 9", "BETWEEN 1 AND 8"),
        ("y BETWEEN", "y NOT BETWEEN"),
        ("LIKE 'a%'", "LIKE 'b%'"),
        ("LIKE 'a%'", "ILIKE 'a%'"),
        (" FILTER (WHERE p.f > 0.5)", ""),
        ("count(DISTINCT b.name)", "count(b.name)"),
        ("DESC NULLS FIRST", "DESC NULLS LAST"),
        ("p.f DESC", "p.f ASC"),
        ("IS NULL THEN", "IS NOT NULL THEN"),
        ("CAST(p.x AS VARCHAR)", "TRY_CAST(p.x AS VARCHAR)"),
        ("row_number()", "rank()"),
        ("ROWS BETWEEN", "GROUPS BETWEEN"),
        ("1 PRECEDING", "2 PRECEDING"),
        ("LEFT JOIN", "JOIN"),
        ("p.y < b.y", "p.y <= b.y"),
        ("FROM picked AS p LEFT JOIN b", "FROM picked AS p LEFT JOIN a AS b"),
        ("p.x IN (SELECT", "p.x NOT IN (SELECT"),
        ("EXISTS", "NOT EXISTS"),
        ("WHERE c.y = p.y", "WHERE c.x = p.y"),
        ("IN (1, 2, 3)", "IN (1, 2, 4)"),
        ("count(*) > 0", "count(*) > 1"),
        ("UNION ALL", "UNION"),
        ("make_array(unnest(list))", "list"),
        ("ORDER BY 1 DESC", "ORDER BY 1 ASC"),
        ("LIMIT 10", "LIMIT 11"),
        ("OFFSET 1", "OFFSET 2"),
        ("AS total", "AS sum"),
    ] {
        let changed = QUERIES.replacen(old, new, 1);
        assert_ne!(changed, QUERIES, "{old}");
        assert_ne!(digest(&sql(&changed).await), base, "{old} -> {new}");
    }
}
