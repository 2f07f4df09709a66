//! Whatever operation of a store or a catalog fails, or is the last one of a process: versions read as they were
//! recorded, nothing half is seen, the next run is right, and what is left over is collected.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, BinaryArray, Int64Array, RecordBatch};
use arrow::datatypes::{Int64Type, UInt64Type};
use catalog::{CatalogExt, CatalogStore, Version, VersionFilter, VersionSpec};
use lance_table::io::deletion::relative_deletion_file_path;

use super::save_as;
use super::twice::Twice;
use crate::storage::faults::{Faults, Faulty, Mode};
use crate::storage::{Buckets, Storage};
use crate::{
    BinaryOp, Chain, Config, Error, Expr, FileKind, GcOptions, Listing, Pause, Result, Root,
    SaveMode, Saved, Session, Stage,
};

const MODES: [Mode; 3] = [Mode::Refuses, Mode::DiesBefore, Mode::DiesAfter];

/// A session as a process of its own has it.
async fn session(root: &Root, faults: Option<&Arc<Faults>>) -> Arc<Session> {
    let storage = Storage::open(root.clone(), Pause::default(), &Buckets::default()).await.unwrap();
    let catalog: Arc<dyn CatalogStore> = root.catalog().unwrap();
    let config = Config { target_partitions: 2, ..Config::with_root(root.clone()) };
    match faults {
        None => Session::new(config, storage, Arc::default(), catalog),
        Some(faults) => {
            let storage = storage.through(|store| Arc::new(Faulty::new(faults, store)));
            Session::new(config, storage, Arc::default(), Arc::new(Faulty::new(faults, catalog)))
        }
    }
}

fn column(name: &str, values: impl Iterator<Item = i64>) -> RecordBatch {
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
    RecordBatch::try_from_iter_with_nullable([(name, values, true)]).unwrap()
}

fn numbers(session: &Arc<Session>, from: i64) -> Chain {
    let batch = column("id", from..from + 30);
    session.read_batches(&batch.schema(), &[batch]).unwrap()
}

async fn save(chain: &Chain, mode: SaveMode) -> Result<Saved> {
    save_as(chain, "cats", mode).await
}

async fn values(chain: &Chain, column: &str) -> Vec<i64> {
    let batches = chain.collect().await.unwrap();
    let column = |batch: &RecordBatch| batch[column].as_primitive::<Int64Type>().values().to_vec();
    batches.iter().flat_map(column).collect()
}

/// What each complete version of `cats` holds, oldest first; each must be what its record says.
async fn versions(session: &Arc<Session>) -> Vec<Vec<i64>> {
    let mut found = Vec::new();
    let cats = VersionFilter::of(&"cats".parse().unwrap());
    for record in session.catalog().versions(cats).await.unwrap() {
        let spec = VersionSpec::Exact(record.version);
        let chain = session.read_dataset(&record.dataset, &spec).await.unwrap();
        let rows = values(&chain, "id").await;
        assert_eq!(rows.len() as u64, record.rows, "{}", record.version);
        found.push(rows);
    }
    found
}

async fn collect(session: &Arc<Session>) -> Result<()> {
    let ttl = Duration::ZERO;
    session.gc(GcOptions { ttl, results_ttl: ttl, compact: false, dry_run: false }).await.map(drop)
}

/// Files below the root that hold rows, or say which of them are removed.
async fn data_files(session: &Arc<Session>) -> HashSet<String> {
    let all = session.storage().list(&"data".into()).await.unwrap();
    let paths = all.iter().map(|entry| entry.location.to_string());
    let is_data = |path: &str| path.contains(".lance/data/") || path.contains("/_deletions/");
    paths.filter(|path| is_data(path)).collect()
}

/// Those that complete versions list.
async fn needed_files(session: &Arc<Session>) -> HashSet<String> {
    let mut needed = HashSet::new();
    for record in session.catalog().versions(VersionFilter::default()).await.unwrap() {
        let dataset = session.open_version(&record).await.unwrap();
        for fragment in dataset.manifest().fragments.iter() {
            let bases = &dataset.manifest().base_paths;
            let folder = |base: Option<u32>| match base {
                Some(base) => session.storage().folder_of(&bases[&base]).unwrap().to_string(),
                None => record.location.clone(),
            };
            let files = fragment.files.iter();
            needed.extend(files.map(|file| format!("{}/data/{}", folder(file.base_id), file.path)));
            let mask = fragment.deletion_file.as_ref();
            let mask = mask.map(|mask| relative_deletion_file_path(fragment.id, mask));
            needed.extend(mask.map(|path| format!("{}/{path}", record.location)));
        }
    }
    needed
}

/// Collects twice over, and nothing is left that no version needs.
async fn check_collected(root: &Root) {
    let session = session(root, None).await;
    let before = versions(&session).await;
    collect(&session).await.unwrap();
    assert_eq!(versions(&session).await, before);
    assert_eq!(data_files(&session).await, needed_files(&session).await);
    let pending = VersionFilter { include_unfinished: true, ..VersionFilter::default() };
    let pending = session.catalog().versions(pending).await.unwrap();
    assert!(pending.iter().all(|record| record.status != catalog::VersionStatus::Pending));
}

/// Runs `step` with a fault at each of its operations in turn; `check` sees what came of it, and whether it said that it
/// succeeded. How many operations there are.
async fn at_each_operation(
    mode: Mode,
    step: impl AsyncFn(Arc<Session>) -> Result<()>,
    check: impl AsyncFn(&Root, bool),
) -> usize {
    at_each_operation_after(async |_: &Arc<Session>| {}, mode, step, check).await
}

/// The same after so many saves of 30 rows, each of which adds to the one before.
async fn after_saves(
    saves: i64,
    mode: Mode,
    step: impl AsyncFn(Arc<Session>) -> Result<()>,
    check: impl AsyncFn(&Root, bool),
) -> usize {
    let prepare = async |session: &Arc<Session>| {
        for saved in 1..saves {
            save(&numbers(session, 30 * saved), SaveMode::Append).await.unwrap();
        }
    };
    at_each_operation_after(prepare, mode, step, check).await
}

async fn at_each_operation_after(
    prepare: impl AsyncFn(&Arc<Session>),
    mode: Mode,
    step: impl AsyncFn(Arc<Session>) -> Result<()>,
    check: impl AsyncFn(&Root, bool),
) -> usize {
    for at in 0.. {
        let root = Root::memory();
        let before = session(&root, None).await;
        save(&numbers(&before, 0), SaveMode::Replace).await.unwrap();
        prepare(&before).await;
        drop(before);
        let faults = Faults::new(mode, at);
        let outcome = step(session(&root, Some(&faults)).await).await;
        check(&root, outcome.is_ok()).await;
        check_collected(&root).await;
        if !faults.struck() {
            assert!(outcome.is_ok(), "{outcome:?}");
            return at;
        }
    }
    unreachable!()
}

fn count(from: i64, to: i64) -> Vec<i64> {
    (from..to).collect()
}

async fn check_saves(mode: SaveMode, new: fn() -> Vec<i64>) {
    for fault in MODES {
        let step = async |session: Arc<Session>| {
            save(&numbers(&session, 30), mode.clone()).await.map(drop)
        };
        let check = async |root: &Root, succeeded: bool| {
            let session = session(root, None).await;
            let found = versions(&session).await;
            let both = vec![count(0, 30), new()];
            assert!(found == both || (!succeeded && found == both[..1]), "{succeeded} {found:?}");
            // The next one is right, whatever the last one left.
            save(&numbers(&session, 60), SaveMode::Append).await.unwrap();
            let newest = versions(&session).await.pop().unwrap();
            let last = found.last().unwrap();
            assert_eq!(newest, [last.clone(), count(60, 90)].concat());
            save(&numbers(&session, 90), SaveMode::Replace).await.unwrap();
            assert_eq!(versions(&session).await.pop().unwrap(), count(90, 120));
        };
        let operations = at_each_operation(fault, step, check).await;
        assert!(operations > 8, "{operations}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_may_end_anywhere() {
    check_saves(SaveMode::Replace, || count(30, 60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_may_end_anywhere() {
    check_saves(SaveMode::Append, || count(0, 60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_some_rows_may_end_anywhere() {
    let even = (0..30).step_by(2).collect();
    let update = SaveMode::Update { base: Version::FIRST, removed: even };
    check_saves(update, || (1..30).step_by(2).chain(30..60).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_all_rows_may_end_anywhere() {
    let update = SaveMode::Update { base: Version::FIRST, removed: (0..30).collect() };
    check_saves(update, || count(30, 60)).await;
}

/// Rows that others list rather than copy.
async fn save_wide(session: &Arc<Session>) {
    let mut bytes = vec![0; 60_000];
    let blobs = (0..30_u64).map(|id| {
        blake3::Hasher::new().update(&id.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes.clone()
    });
    let blobs: ArrayRef = Arc::new(BinaryArray::from_iter_values(blobs));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..30));
    let batch = RecordBatch::try_from_iter([("id", ids), ("blob", blobs)]).unwrap();
    let chain = session.read_batches(&batch.schema(), &[batch]).unwrap();
    save_as(&chain, "wide", SaveMode::Replace).await.unwrap();
}

/// Of what lists the files of another dataset, with a new column and without some rows.
async fn save_by_reference(session: &Arc<Session>) -> Result<Saved> {
    let wide = session.read_dataset(&"wide".parse().unwrap(), &VersionSpec::Latest).await?;
    let seven = Expr::Literal(Arc::new(Int64Array::from(vec![7])));
    let (left, right) = (Arc::new(Expr::Column("id".to_owned())), Arc::new(seven));
    let most = wide.filter(&[Expr::Binary { op: BinaryOp::NotEq, left, right }])?;
    save(&most.map(Twice::default().stage())?, SaveMode::Replace).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_by_reference_may_end_anywhere() {
    let most: Vec<i64> = (0..30).filter(|id| *id != 7).collect();
    for fault in MODES {
        let step = async |session: Arc<Session>| save_by_reference(&session).await.map(drop);
        let check = async |root: &Root, succeeded: bool| {
            let session = session(root, None).await;
            let found = versions(&session).await;
            let both = vec![count(0, 30), most.clone()];
            assert!(found == both || (!succeeded && found == both[..1]), "{succeeded} {found:?}");
            let saved = save_by_reference(&session).await.unwrap();
            let dataset = session.open_version(&saved.record).await.unwrap();
            assert!(!dataset.manifest().base_paths.is_empty());
            let twice: Vec<i64> = most.iter().map(|id| 2 * id).collect();
            assert_eq!(values(&saved.chain, "twice").await, twice);
            assert_eq!(values(&saved.chain, "id").await, most);
        };
        let prepare = async |session: &Arc<Session>| save_wide(session).await;
        let operations = at_each_operation_after(prepare, fault, step, check).await;
        assert!(operations > 16, "{operations}");
    }
}

/// A step that puts the files of eight saves together, which no older version notices.
async fn check_compaction(
    step: impl AsyncFn(Arc<Session>) -> Result<()>,
    new: impl Fn() -> Vec<i64>,
) {
    for fault in MODES {
        let check = async |root: &Root, succeeded: bool| {
            let session = session(root, None).await;
            let mut found = versions(&session).await;
            let older: Vec<_> = (1..=8).map(|saves| count(0, 30 * saves)).collect();
            let newer = found.split_off(8);
            assert_eq!(found, older);
            assert!(newer == [new()] || (!succeeded && newer.is_empty()), "{succeeded} {newer:?}");
            let last = newer.last().unwrap_or(&older[7]);
            save(&numbers(&session, 900), SaveMode::Append).await.unwrap();
            let newest = versions(&session).await.pop().unwrap();
            assert_eq!(newest, [last.clone(), count(900, 930)].concat());
        };
        let operations = after_saves(8, fault, &step, check).await;
        assert!(operations > 10, "{operations}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_puts_files_together_may_end_anywhere() {
    let step = async |session: Arc<Session>| {
        save(&numbers(&session, 240), SaveMode::Append).await.map(drop)
    };
    check_compaction(step, || count(0, 270)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_puts_files_together_may_end_anywhere() {
    let step = async |session: Arc<Session>| {
        // Every thirtieth row, wherever it is by now.
        let record = session.catalog().latest(&"cats".parse().unwrap()).await?;
        let dataset = session.open_version(&record).await?;
        let rows = dataset.manifest().fragments.iter().flat_map(|fragment| {
            (0..fragment.num_rows().unwrap() as u64).map(|row| fragment.id << 32 | row)
        });
        let removed = rows.step_by(30).collect();
        let base = "1.0.7".parse().unwrap();
        save(&numbers(&session, 240), SaveMode::Update { base, removed }).await.map(drop)
    };
    check_compaction(step, || (0..240).filter(|id| id % 30 > 0).chain(240..270).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_may_end_anywhere() {
    let step = async |session: Arc<Session>| {
        let ttl = Duration::ZERO;
        let options = GcOptions { ttl, results_ttl: ttl, compact: true, dry_run: false };
        let report = session.gc(options).await?;
        match report.compacted.len() {
            1 => Ok(()),
            _ => Err(Error::internal("nothing was put together")),
        }
    };
    check_compaction(step, || count(0, 240)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_may_end_anywhere() {
    for fault in MODES {
        let step = async |session: Arc<Session>| {
            // Something to collect: a version that is removed.
            let saved = save(&numbers(&session, 30), SaveMode::Replace).await?;
            session.catalog().remove_version(&saved.record.dataset, saved.record.version).await?;
            collect(&session).await
        };
        let check = async |root: &Root, _: bool| {
            let session = session(root, None).await;
            let found = versions(&session).await;
            assert!(found[0] == count(0, 30) && found.len() <= 2, "{found:?}");
        };
        at_each_operation(fault, step, check).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_may_end_anywhere() {
    for fault in MODES {
        let step = async |session: Arc<Session>| {
            save(&numbers(&session, 30).map(Twice::default().stage())?, SaveMode::Replace)
                .await
                .map(drop)
        };
        let check = async |root: &Root, succeeded: bool| {
            let session = session(root, None).await;
            let twice = Twice::default();
            let chain = numbers(&session, 30).map(twice.stage()).unwrap();
            let saved = save(&chain, SaveMode::Replace).await.unwrap();
            let expected: Vec<i64> = (30..60).map(|id| 2 * id).collect();
            assert_eq!(values(&saved.chain, "twice").await, expected);
            let computed = twice.computed.load(Ordering::SeqCst);
            assert!(computed.is_multiple_of(10) && (!succeeded || computed == 0), "{computed}");
        };
        let operations = at_each_operation(fault, step, check).await;
        assert!(operations > 16, "{operations}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_may_end_anywhere() {
    let files = Storage::open(Root::temporary().unwrap(), Pause::default(), &Buckets::default())
        .await
        .unwrap();
    for (name, bytes) in [("a", "1"), ("b", "22"), ("c", "")] {
        files.put(&name.into(), bytes.into()).await.unwrap();
    }
    let uris = [files.root().to_string()];
    let sizes = async |session: &Arc<Session>| -> Result<Vec<i64>> {
        let listing = Listing::try_new(&uris, true, "file", FileKind::Binary)?;
        let stage = Stage {
            arguments: vec![Expr::Column("file.size".to_owned())],
            ..Twice::default().stage()
        };
        let batches = session.read_listing(listing)?.map(stage)?.collect().await?;
        let twice =
            |batch: &RecordBatch| batch["twice"].as_primitive::<Int64Type>().values().to_vec();
        Ok(batches.iter().flat_map(twice).collect())
    };
    for fault in MODES {
        let step = async |session: Arc<Session>| sizes(&session).await.map(drop);
        let check = async |root: &Root, _: bool| {
            let session = session(root, None).await;
            assert_eq!(sizes(&session).await.unwrap(), [2, 4, 0]);
            let all = session.catalog().versions(VersionFilter::default()).await.unwrap();
            let listings = all.iter().filter(|record| record.dataset.is_listing());
            assert!(listings.clone().count() == 1 && listings.into_iter().all(|one| one.rows == 3));
        };
        let operations = at_each_operation(fault, step, check).await;
        assert!(operations > 16, "{operations}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_savers_lose_nothing_and_double_nothing() {
    const SAVERS: i64 = 8;
    const SAVES: i64 = 50;
    let root = Root::memory();
    let mut savers = Vec::new();
    for saver in 0..SAVERS {
        let root = root.clone();
        savers.push(udf_runtime::task::spawn(async move {
            let session = session(&root, None).await;
            for save_number in 0..SAVES {
                // The first saver begins anew now and then; the others add.
                let mode = match (saver, save_number % 10) {
                    (0, 0) => SaveMode::Replace,
                    _ => SaveMode::Append,
                };
                let batch = column("id", [saver * 1000 + save_number].into_iter());
                let chain = session.read_batches(&batch.schema(), &[batch]).unwrap();
                save(&chain, mode).await.unwrap();
            }
        }));
    }
    for saver in savers {
        saver.await.unwrap();
    }
    let session = session(&root, None).await;
    let found = versions(&session).await;
    assert_eq!(found.len() as i64, SAVERS * SAVES);
    // Each version has one more row than an older one, or begins anew. Rewrites that became complete later than what
    // stands above them are the only ones that were not added to.
    let (mut rows, mut added_to) = (HashSet::new(), HashSet::new());
    for (at, version) in found.iter().enumerate() {
        let (row, before) = version.split_last().unwrap();
        assert!(rows.insert(*row), "{row} was saved twice");
        let base = found[..at].iter().rposition(|older| older == before);
        assert!(before.is_empty() || base.is_some_and(|base| added_to.insert(base)), "{version:?}");
    }
    let rewrites = usize::try_from(SAVES / 10).unwrap();
    assert!(added_to.len() >= found.len() - 1 - rewrites, "{}", added_to.len());
    check_collected(&root).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_update_a_version_one_does() {
    const SAVERS: i64 = 4;
    const UPDATES: i64 = 8;
    let root = Root::memory();
    let session = session(&root, None).await;
    save(&numbers(&session, 0), SaveMode::Replace).await.unwrap();
    let mut savers = Vec::new();
    for saver in 1..=SAVERS {
        let root = root.clone();
        savers.push(udf_runtime::task::spawn(async move {
            for number in 0..UPDATES {
                while let Err(error) = swap_first(&root, saver * 1000 + number).await {
                    assert_eq!(error.code(), "catalog.newest_moved", "{error}");
                }
            }
        }));
    }
    for saver in savers {
        saver.await.unwrap();
    }
    let found = versions(&session).await;
    assert_eq!(found.len() as i64, 1 + SAVERS * UPDATES);
    for pair in found.windows(2) {
        assert_eq!(pair[1][..29], pair[0][1..]);
    }
    check_collected(&root).await;
}

/// Removes the first row and adds another.
async fn swap_first(root: &Root, added: i64) -> Result<Saved> {
    let session = session(root, None).await;
    let (name, newest) = ("cats".parse().unwrap(), VersionSpec::Latest);
    let rows = session.read_dataset(&name, &newest).await?;
    let first = rows.limit(1)?.with_sys(true)?.collect().await?;
    let place = first[0]["sys"].as_struct()["id"].as_primitive::<UInt64Type>().value(0);
    let (_, base) = rows.dataset().unwrap();
    let batch = column("id", [added].into_iter());
    let chain = session.read_batches(&batch.schema(), &[batch])?;
    save(&chain, SaveMode::Update { base, removed: [place].into_iter().collect() }).await
}
