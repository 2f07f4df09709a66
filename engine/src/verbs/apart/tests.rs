//! What is left out changes no answer, and is not read.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{Int64Type, UInt64Type};
use arrow::util::pretty::pretty_format_batches;
use datafusion::logical_expr::{LogicalPlan, TableScan};

use crate::source::{Shared, as_table, source_of};
use crate::tests::save_as;
use crate::{BinaryOp, Chain, Config, Diff, Expr, NamedExpr, Root, SaveMode, Saved, Session};

async fn session() -> Arc<Session> {
    let config = Config::with_root(Root::memory());
    Session::open(Config { target_partitions: 2, ..config }).await.unwrap()
}

/// Rows of a key and a value.
async fn save(session: &Arc<Session>, mode: SaveMode, rows: &[(Option<i64>, i64)]) -> Saved {
    let keys: Int64Array = rows.iter().map(|row| row.0).collect();
    let values = Int64Array::from_iter_values(rows.iter().map(|row| row.1));
    let columns: [(&str, ArrayRef); 2] = [("key", Arc::new(keys)), ("value", Arc::new(values))];
    let columns = columns.map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let chain = session.read_batches(&batch.schema(), &[batch]).unwrap();
    save_as(&chain, "cats", mode).await.unwrap()
}

fn numbered(from: i64, to: i64) -> Vec<(Option<i64>, i64)> {
    (from..to).map(|id| (Some(id), id)).collect()
}

fn pairs(names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), (*name).to_owned())).collect()
}

fn by_key(same: bool) -> Diff {
    Diff {
        on: pairs(&["key"]),
        compare: Some(pairs(&["value"])),
        filled: vec![Some("key".to_owned()), Some("value".to_owned())],
        status: "status".to_owned(),
        same,
    }
}

async fn lines(chain: &Chain) -> Vec<String> {
    let batches = chain.collect().await.unwrap();
    let table = pretty_format_batches(&batches).unwrap().to_string();
    let mut lines: Vec<String> = table.lines().skip(3).map(str::to_owned).collect();
    lines.retain(|line| line.starts_with('|') && !line.starts_with("| S "));
    lines.sort();
    lines
}

/// How many rows each scan of the chain reads, least first.
async fn read(chain: &Chain) -> Vec<usize> {
    let plan = chain.explain().await.unwrap();
    let scans = plan.lines().filter(|line| line.contains("DatasetScanExec"));
    let rows = scans.map(|line| line.split("rows=").nth(1).unwrap().split(',').next().unwrap());
    let mut rows: Vec<usize> = rows.map(|rows| rows.trim().parse().unwrap()).collect();
    rows.sort_unstable();
    assert!(!rows.is_empty(), "{plan}");
    rows
}

async fn places(chain: &Chain) -> Vec<u64> {
    let rows = chain.with_sys(true).unwrap().collect().await.unwrap();
    let places = |batch: &RecordBatch| {
        batch["sys"].as_struct()["id"].as_primitive::<UInt64Type>().values().to_vec()
    };
    rows.iter().flat_map(places).collect()
}

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn rows(&mut self) -> Vec<(Option<i64>, i64)> {
        let key = |key: u64| (key > 0).then(|| i64::try_from(key).unwrap());
        let few = self.below(6);
        (0..few).map(|_| (key(self.below(5)), i64::try_from(self.below(3)).unwrap())).collect()
    }
}

/// Versions made by appends, rows that are removed, and now and then anew. Their keys are doubled and missing.
async fn history(session: &Arc<Session>, random: &mut Random) -> Vec<Chain> {
    let mut saved = save(session, SaveMode::Replace, &random.rows()).await;
    let mut versions = vec![saved.chain.clone()];
    for _ in 0..5 {
        let mode = match random.below(6) {
            0 => SaveMode::Replace,
            1..4 => SaveMode::Append,
            _ => {
                let places = places(&saved.chain).await.into_iter();
                let removed = places.filter(|_| random.below(3) == 0).collect();
                SaveMode::Update { base: saved.record.version, removed }
            }
        };
        saved = save(session, mode, &random.rows()).await;
        versions.push(saved.chain.clone());
    }
    versions
}

#[tokio::test]
async fn the_answers_are_those_of_whole_versions() {
    let session = session().await;
    let mut random = Random(7);
    let mut fewer = 0;
    for _ in 0..3 {
        let versions = history(&session, &mut random).await;
        for (new, old) in versions.iter().flat_map(|new| versions.iter().map(move |old| (new, old)))
        {
            let (whole, left) = (by_key(true), by_key(false));
            let (whole, left) = (new.diff(old, &whole).unwrap(), new.diff(old, &left).unwrap());
            assert_eq!(lines(&left).await, lines(&whole).await);
            fewer += usize::from(read(&left).await != read(&whole).await);
            for on in [pairs(&["key"]), pairs(&["key", "value"])] {
                let whole = new.limit(1000).unwrap().subtract(old, &on).unwrap();
                let left = new.subtract(old, &on).unwrap();
                assert_eq!(lines(&left).await, lines(&whole).await);
                let (mut left, mut whole) = (places(&left).await, places(&whole).await);
                left.sort_unstable();
                whole.sort_unstable();
                assert_eq!(left, whole);
            }
        }
    }
    assert!(fewer > 20, "{fewer}");
}

#[tokio::test]
async fn what_was_added_is_all_that_is_read() {
    let session = session().await;
    let old = save(&session, SaveMode::Replace, &numbered(0, 100)).await.chain;
    let new = save(&session, SaveMode::Append, &numbered(99, 103)).await.chain;
    let diff = new.diff(&old, &by_key(false)).unwrap();
    assert_eq!(read(&diff).await, [0, 4]);
    assert_eq!(lines(&diff).await.len(), 4);
    assert_eq!(read(&new.diff(&old, &by_key(true)).unwrap()).await, [100, 104]);
    let subtracted = new.subtract(&old, &pairs(&["key"])).unwrap();
    assert_eq!(read(&subtracted).await, [4, 100]);
    assert_eq!(lines(&subtracted).await.len(), 3);
    assert_eq!(read(&old.subtract(&new, &pairs(&["key"])).unwrap()).await, [0, 104]);
}

#[tokio::test]
async fn of_a_fragment_with_another_mask_only_those_rows_are_read() {
    let session = session().await;
    let first = save(&session, SaveMode::Replace, &numbered(0, 1000)).await;
    let update = |base: &Saved, removed: &[u64]| SaveMode::Update {
        base: base.record.version,
        removed: removed.iter().copied().collect(),
    };
    let second = save(&session, update(&first, &[3, 4, 5, 900]), &[]).await;
    let third = save(&session, update(&second, &[0, 999]), &numbered(0, 1)).await;
    let rows = |old: &Saved, new: &Saved| {
        let source = |chain: &Chain| match chain.plan() {
            LogicalPlan::TableScan(scan) => source_of(scan).unwrap(),
            other => panic!("{other:?}"),
        };
        let sources = source(&new.chain).apart_from(&source(&old.chain), Shared::Rows).unwrap();
        sources.map(|source| {
            let scan = TableScan::try_new("rows", as_table(source), None, vec![], None).unwrap();
            Chain::from_plan(Arc::clone(&session), LogicalPlan::TableScan(scan), &[])
        })
    };
    for (old, new, gone, added) in [
        (&first, &second, vec![3, 4, 5, 900], vec![]),
        (&first, &third, vec![0, 3, 4, 5, 900, 999], vec![1 << 32]),
        (&second, &third, vec![0, 999], vec![1 << 32]),
        (&third, &first, vec![1 << 32], vec![0, 3, 4, 5, 900, 999]),
        (&first, &first, vec![], vec![]),
    ] {
        let [ours, theirs] = rows(old, new);
        assert_eq!((places(&ours).await, places(&theirs).await), (added.clone(), gone.clone()));
        assert_eq!((read(&ours).await, read(&theirs).await), (vec![added.len()], vec![gone.len()]));
        assert_eq!(places(&theirs.limit(2).unwrap()).await, gone[..gone.len().min(2)]);
    }
}

#[tokio::test]
async fn chains_that_make_other_rows_read_all_of_them() {
    let session = session().await;
    let old = save(&session, SaveMode::Replace, &numbered(0, 10)).await.chain;
    let new = save(&session, SaveMode::Append, &numbered(10, 12)).await.chain;
    let column = |path: &str| Expr::Column(path.to_owned());
    let filtered = |chain: &Chain, from: i64| {
        let from: ArrayRef = Arc::new(Int64Array::from(vec![from]));
        let (left, right) = (Arc::new(column("value")), Arc::new(Expr::Literal(from)));
        chain.filter(&[Expr::Binary { op: BinaryOp::Gt, left, right }]).unwrap()
    };
    let renamed = |chain: &Chain| {
        let twice = ["key", "value"];
        let twice = twice.map(|name| NamedExpr { name: name.to_owned(), expr: column("key") });
        chain.mutate(&twice).unwrap()
    };
    let read_by_diff =
        async |new: &Chain, old: &Chain| read(&new.diff(old, &by_key(false)).unwrap()).await;
    let values = async |chain: &Chain| {
        let rows = chain.collect().await.unwrap();
        let values =
            |batch: &RecordBatch| batch["value"].as_primitive::<Int64Type>().values().to_vec();
        rows.iter().flat_map(values).collect::<BTreeSet<_>>()
    };
    // The same steps on both sides.
    assert_eq!(read_by_diff(&filtered(&new, 3), &filtered(&old, 3)).await, [0, 2]);
    assert_eq!(read_by_diff(&renamed(&new), &renamed(&old)).await, [0, 2]);
    // Others.
    assert_eq!(read_by_diff(&filtered(&new, 3), &filtered(&old, 4)).await, [10, 12]);
    assert_eq!(read_by_diff(&new, &filtered(&old, 4)).await, [10, 12]);
    assert_eq!(read_by_diff(&renamed(&new), &old).await, [10, 12]);
    assert_eq!(read_by_diff(&new.limit(20).unwrap(), &old).await, [10, 12]);
    let all_differ = Diff { compare: None, ..by_key(false) };
    assert_eq!(read(&new.diff(&old, &all_differ).unwrap()).await, [10, 12]);
    // What the right side leaves out stays on the left, and the other way round does not.
    let on = pairs(&["key"]);
    let left = new.subtract(&filtered(&old, 4), &on).unwrap();
    assert_eq!(values(&left).await, BTreeSet::from([0, 1, 2, 3, 4, 10, 11]));
    let left = filtered(&new, 4).subtract(&old, &on).unwrap();
    assert_eq!((read(&left).await, values(&left).await), (vec![2, 10], BTreeSet::from([10, 11])));
}
