//! Verbs over more rows than fit into memory give the same rows, through files that are gone afterwards.

use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::row::{RowConverter, SortField};
use catalog::{Bump, NewJob, VersionSpec, Wanted};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use tempfile::TempDir;
use walkdir::WalkDir;

use super::{Memory, shown};
use crate::{
    BinaryOp, CacheOptions, Chain, Config, Error, Expr, How, NamedExpr, OfRows, Result, Root,
    SaveMode, SaveRequest, Session, SortKey, StorageKind, Window,
};

/// The rows of a table; a text of 100 bytes stands beside the numbers.
const ROWS: i64 = 250_000;

/// A pool of 18 MiB.
const LIMIT: u64 = 96 << 20;

const AMPLE: u64 = 8 << 30;

/// A root with the tables `rows`, whose `key` is that of 3 rows, and `skewed`, where half of the rows have the key 7.
struct Tables {
    folder: TempDir,
}

impl Tables {
    async fn new() -> Self {
        let tables = Self { folder: tempfile::tempdir().unwrap() };
        let session = tables.session(AMPLE, 50 << 30).await;
        // Not in the order of their numbers.
        let ids = || (0..ROWS).map(|id| id * 7919 % ROWS);
        tables.save(&session, "rows", ids().map(|id| (id, Some(id / 3)))).await;
        let skewed =
            ids().map(|id| (id, (id % 100 > 0).then_some(if id % 2 == 0 { 7 } else { id })));
        tables.save(&session, "skewed", skewed).await;
        tables
    }

    async fn session(&self, limit_bytes: u64, disk_bytes: u64) -> Arc<Session> {
        let folder = self.cache().to_string_lossy().into_owned();
        let cache = CacheOptions { limit_bytes: disk_bytes, ..CacheOptions::at(folder) };
        let config = Config {
            target_partitions: 2,
            cache: Some(cache),
            memory: Some(Memory::new(limit_bytes)),
            ..Config::with_root(Root::folder_at(self.folder.path().join("root")).unwrap())
        };
        Session::open(config).await.unwrap()
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    async fn save(
        &self,
        session: &Arc<Session>,
        name: &str,
        rows: impl Iterator<Item = (i64, Option<i64>)>,
    ) {
        let rows: Vec<_> = rows.collect();
        let batches: Vec<RecordBatch> = rows.chunks(8192).map(|rows| batch(rows, 100)).collect();
        self.save_batches(session, name, &batches).await;
    }

    async fn save_batches(&self, session: &Arc<Session>, name: &str, batches: &[RecordBatch]) {
        let request = SaveRequest {
            name: name.parse().unwrap(),
            wanted: Wanted::Bump(Bump::Patch),
            mode: SaveMode::Replace,
            lists: false,
            job: session.catalog().start_job(NewJob::default()).await.unwrap().id,
            description: None,
            attrs: None,
        };
        let chain = session.read_batches(&batches[0].schema(), batches).unwrap();
        chain.save(request, &Arc::default()).await.unwrap();
    }

    /// The same rows come out with little memory, and more disk is needed than none.
    async fn check(&self, verb: impl AsyncFn(&Arc<Session>) -> Result<Chain>) {
        let ample = self.session(AMPLE, 50 << 30).await;
        let expected = verb(&ample).await.unwrap().collect().await.unwrap();
        let session = self.session(LIMIT, 50 << 30).await;
        let found = verb(&session).await.unwrap().collect().await.unwrap();
        assert!(canonical(&expected) == canonical(&found), "other rows");
        self.assert_no_files().await;
        let confined = self.session(LIMIT, 4096).await;
        match verb(&confined).await.unwrap().collect().await {
            Err(Error::Storage { kind: StorageKind::Full, reason, .. }) => {
                assert!(reason.contains("LAKEBED_CACHE_SIZE"), "{reason}");
            }
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("all of it fitted into memory"),
        }
        self.assert_no_files().await;
    }
}

impl Tables {
    /// Files go with the tasks that read them, which end soon after the rows.
    async fn assert_no_files(&self) {
        let until = Instant::now() + Duration::from_secs(10);
        while files_below(&self.cache()) > 0 {
            assert!(Instant::now() < until, "files are left");
            tokio::task::yield_now().await;
        }
    }
}

fn batch(rows: &[(i64, Option<i64>)], width: usize) -> RecordBatch {
    let text = |(id, _): &(i64, _)| Some(format!("{id:0>width$}"));
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(rows.iter().map(|(id, _)| *id).collect::<Int64Array>())),
        ("key", Arc::new(rows.iter().map(|(_, key)| *key).collect::<Int64Array>())),
        ("text", Arc::new(rows.iter().map(text).collect::<StringArray>())),
    ];
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// All rows as bytes, sorted.
fn canonical(batches: &[RecordBatch]) -> Vec<Vec<u8>> {
    let Some(schema) = batches.first().map(RecordBatch::schema) else { return vec![] };
    let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone()));
    let converter = RowConverter::new(fields.collect()).unwrap();
    let mut rows = Vec::new();
    for batch in batches {
        let converted = converter.convert_columns(batch.columns()).unwrap();
        rows.extend(converted.iter().map(|row| row.as_ref().to_vec()));
    }
    rows.sort_unstable();
    rows
}

fn files_below(folder: &Path) -> usize {
    let entries = WalkDir::new(folder).into_iter().flatten();
    entries.filter(|entry| entry.file_type().is_file()).count()
}

async fn read(session: &Arc<Session>, name: &str) -> Result<Chain> {
    session.read_dataset(&name.parse()?, &VersionSpec::default()).await
}

fn column(path: &str) -> Expr {
    Expr::Column(path.to_owned())
}

fn named(name: &str, expr: Expr) -> NamedExpr {
    NamedExpr { name: name.to_owned(), expr }
}

fn of_rows(function: &str, argument: Expr, window: Option<Window>) -> Expr {
    Expr::OfRows(Arc::new(OfRows {
        function: function.to_owned(),
        arguments: vec![argument],
        distinct: false,
        skips_nulls: false,
        order_by: Vec::new(),
        window,
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sorts_write_down_what_does_not_fit() {
    let tables = Tables::new().await;
    let key = || SortKey { expr: column("text"), descending: true };
    tables.check(async |session| read(session, "rows").await?.order_by(&[key()])).await;
    let sorted = read(&tables.session(LIMIT, 50 << 30).await, "rows").await.unwrap();
    let sorted = sorted.order_by(&[key()]).unwrap().select(&["id".to_owned()]).unwrap();
    let ids: Vec<i64> = (sorted.collect().await.unwrap().iter())
        .flat_map(|batch| {
            batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec()
        })
        .collect();
    assert_eq!(ids, (0..ROWS).rev().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_are_written_down() {
    let tables = Tables::new().await;
    let sums = [
        named("sum", of_rows("sum", column("id"), None)),
        named("last", of_rows("max", column("text"), None)),
    ];
    let keys = [named("text", column("text"))];
    tables.check(async |session| read(session, "rows").await?.group_by(&keys, &sums)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn merges_of_all_kinds_sort_what_does_not_fit() {
    let tables = Tables::new().await;
    // A third of the rows have some that match, and each has one that it matches.
    let on = [(column("id"), column("key"))];
    for how in [How::Inner, How::Left, How::Right, How::Full, How::Semi, How::Anti] {
        tables
            .check(async |session| {
                let rows = read(session, "rows").await?;
                rows.merge(&read(session, "rows").await?, &on, how, "right_")
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_many_rows_is_merged_and_no_key_equals_nothing() {
    let tables = Tables::new().await;
    let on = [(column("key"), column("id"))];
    for how in [How::Inner, How::Full] {
        tables
            .check(async |session| {
                let rows = read(session, "skewed").await?;
                rows.merge(&read(session, "rows").await?, &on, how, "right_")
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_many_rows_may_be_on_either_side_of_a_merge() {
    let tables = Tables::new().await;
    let on = [(column("id"), column("key"))];
    for how in [How::Inner, How::Left, How::Right, How::Full, How::Semi, How::Anti] {
        tables
            .check(async |session| {
                let rows = read(session, "rows").await?;
                rows.merge(&read(session, "skewed").await?, &on, how, "right_")
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_with_a_condition_on_both_sides_sorts_what_does_not_fit() {
    let tables = Tables::new().await;
    let on = [(column("id"), column("key"))];
    let (left, right) = (Arc::new(column("id")), Arc::new(column("right_id")));
    let less = Expr::Binary { op: BinaryOp::Lt, left, right };
    for skewed in ["rows", "skewed"] {
        tables
            .check(async |session| {
                let rows = read(session, "rows").await?;
                let other = read(session, skewed).await?;
                rows.merge(&other, &on, How::Inner, "right_")?.filter(slice::from_ref(&less))
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn distinct_rows_are_found_on_disk() {
    let tables = Tables::new().await;
    tables.check(async |session| read(session, "rows").await?.distinct(&[column("text")])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_look_at_one_group_after_the_other() {
    let tables = Tables::new().await;
    let window = |order_by| Window { partition_by: vec![column("key")], order_by, frame: None };
    let by_id = vec![SortKey { expr: column("id"), descending: false }];
    let columns = [
        named("sum", of_rows("sum", column("id"), Some(window(Vec::new())))),
        named("up_to", of_rows("sum", column("id"), Some(window(by_id)))),
    ];
    tables.check(async |session| read(session, "rows").await?.mutate(&columns)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_of_small_groups_are_windows_too() {
    let tables = Tables::new().await;
    let window = Window { partition_by: vec![column("key")], order_by: Vec::new(), frame: None };
    let columns = [named("last", of_rows("max", column("text"), Some(window)))];
    tables.check(async |session| read(session, "rows").await?.mutate(&columns)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unions_are_sorted_on_disk() {
    let tables = Tables::new().await;
    let key = || SortKey { expr: column("text"), descending: false };
    tables
        .check(async |session| {
            let rows = read(session, "rows").await?;
            rows.union(&read(session, "skewed").await?)?.order_by(&[key()])
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_which_few_fit_into_memory_are_sorted_and_told_apart() {
    let tables = Tables::new().await;
    let ids: Vec<_> = (0..640).map(|id| (id * 7 % 640, Some(id / 2))).collect();
    let batches: Vec<RecordBatch> = ids.chunks(20).map(|rows| batch(rows, 60_000)).collect();
    let session = tables.session(AMPLE, 50 << 30).await;
    tables.save_batches(&session, "wide", &batches).await;
    let key = || SortKey { expr: column("id"), descending: true };
    tables.check(async |session| read(session, "wide").await?.order_by(&[key()])).await;
    tables.check(async |session| read(session, "wide").await?.distinct(&[column("text")])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_to_fit_and_does_not_names_the_limit() {
    let tables = Tables::new().await;
    let session = tables.session(LIMIT, 50 << 30).await;
    let window = Window { partition_by: vec![column("key")], ..Window::default() };
    let one_group = read(&session, "rows").await.unwrap();
    let one_group = one_group
        .mutate(&[named("key", Expr::Literal(Arc::new(Int64Array::from(vec![1]))))])
        .unwrap();
    let sums = [named("sum", of_rows("sum", column("id"), Some(window)))];
    let error = one_group.mutate(&sums).unwrap().collect().await.unwrap_err();
    assert!(matches!(error, Error::OutOfMemory { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with("a window over one group needs "), "{text}");
    assert!(text.contains("than the 96 MiB that the session may use; hint: "), "{text}");
}

#[test]
fn sizes_are_shown_in_the_largest_unit() {
    let all = [(512, "512 B"), (48 << 20, "48 MiB"), (3 << 29, "1.5 GiB"), (2000, "1.9 KiB")];
    for (bytes, expected) in all {
        assert_eq!(shown(bytes), expected);
    }
}

#[test]
fn the_parts_of_little_memory_leave_room_for_each_other() {
    for limit in [256 << 20, 1 << 30, 16 << 30] {
        for partitions in [1, 8, 64] {
            let memory = Memory::new(limit);
            let partitions = memory.partitions(partitions);
            let memory = memory.for_partitions(partitions);
            let (indexes, metadata) = memory.caches();
            let ahead = memory.read_ahead_bytes() * partitions as u64;
            assert!(memory.pool_bytes() + (indexes + metadata) as u64 + ahead < limit);
        }
    }
}

#[test]
fn files_collect_less_of_their_columns_below_a_ceiling() {
    let of = |memory: Memory, columns| memory.for_partitions(2).pages_bytes(columns);
    assert_eq!(of(Memory::new(512 << 20), 8), Some(16 << 20));
    assert_eq!(of(Memory::new(16 << 30), 8), Some(64 << 20));
    assert_eq!(of(Memory::new(512 << 20), 1024), Some(64 << 20));
    assert_eq!(of(Memory::new(512 << 20), 0), None);
    assert_eq!(of(Memory::share_of(16 << 30), 8), None);
}

/// Takes as much as it gets, piece by piece.
fn fill(reservation: &MemoryReservation) -> usize {
    while reservation.try_grow(64 << 10).is_ok() {}
    reservation.size()
}

/// A sort's consumers for batches and for merging them.
fn sort(pool: &Arc<dyn MemoryPool>) -> [MemoryReservation; 2] {
    let batches = MemoryConsumer::new("ExternalSorter[0]").with_can_spill(true);
    [batches.register(pool), MemoryConsumer::new("ExternalSorterMerge[0]").register(pool)]
}

#[test]
fn a_sort_keeps_its_part_when_others_come_and_can_merge_all_that_it_has() {
    let session = Memory::new(512 << 20).pool();
    let pool: Arc<dyn MemoryPool> = Arc::new(session.for_plan(4));
    let [batches, merge] = sort(&pool);
    let full = fill(&batches);
    assert!(full > 8 << 20, "{full}");
    let others: Vec<_> = (0..3).map(|_| sort(&pool)).collect();
    let held: usize = others.iter().map(|[batches, _]| fill(batches)).sum();
    assert_eq!(held, full * 3);
    let fixed = MemoryConsumer::new("HashJoinInput").register(&pool);
    let dealt = MemoryConsumer::new("RepartitionExec[0]").with_can_spill(true).register(&pool);
    assert!(fill(&fixed) > 0 && fill(&dealt) > 0);
    assert!(matches!(pool.memory_limit(), MemoryLimit::Finite(bytes) if pool.reserved() <= bytes));
    batches.free();
    merge.try_grow(full).unwrap();
    assert_eq!(fill(&batches), full);
    // A plan that starts beside this one gets less, and changes nothing for it.
    let beside: Arc<dyn MemoryPool> = Arc::new(session.for_plan(4));
    assert!(fill(&sort(&beside)[0]) <= full / 2 + (64 << 10));
    batches.free();
    assert_eq!(fill(&batches), full);
}

#[test]
fn at_least_eight_parts_of_a_sort_can_be_merged_at_once() {
    for sharers in [1, 4, 16] {
        let session = Memory::new(1 << 30).pool().for_plan(sharers);
        // Of each part, two batches and their copies.
        let part = session.batch_bytes() * 4;
        let pool: Arc<dyn MemoryPool> = Arc::new(session);
        let [_, merge] = sort(&pool);
        let parts = (0..8).filter(|_| merge.try_grow(part).is_ok()).count();
        assert_eq!(parts, 8, "{sharers} sorts");
    }
}

#[test]
fn a_sort_without_rows_gets_a_batch_that_is_larger_than_its_part() {
    let pool: Arc<dyn MemoryPool> = Arc::new(Memory::new(512 << 20).pool().for_plan(16));
    let [batches, merge] = sort(&pool);
    let part = fill(&batches);
    batches.free();
    batches.try_grow(part * 3).unwrap();
    batches.try_grow(1).unwrap_err();
    // Two of them can be merged.
    merge.try_grow(part * 3).unwrap();
    merge.try_grow(part * 3).unwrap();
    merge.try_grow(part * 3).unwrap_err();
}
