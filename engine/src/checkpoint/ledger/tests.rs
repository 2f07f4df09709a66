//! What a stage keeps, for whom, and how often the store is asked.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};

use super::{Kept, Ledger, UnitName};
use crate::logical::StageKey;
use crate::storage::faults::{Faults, Faulty, Mode};
use crate::storage::{Buckets, Root, Storage};
use crate::{Pause, layout};

async fn storage(root: &Root) -> Arc<Storage> {
    Arc::new(Storage::open(root.clone(), Pause::default(), &Buckets::default()).await.unwrap())
}

/// The ledger of one stage for a code that stands somewhere.
fn ledger(storage: &Arc<Storage>, code: &str, origin: &str) -> Ledger {
    let [stage, code, origin] = ["stage", code, origin].map(str::to_owned);
    let key = StageKey { stage, code, origin, keeps_input: false, fresh: false };
    Ledger::new(Arc::clone(storage), &key)
}

fn rows(value: i64) -> RecordBatch {
    let values: ArrayRef = Arc::new(Int64Array::from(vec![value, value + 1]));
    RecordBatch::try_from_iter_with_nullable([("value", values, true)]).unwrap()
}

async fn keep(ledger: &Ledger, range: (u64, u64), value: i64) -> UnitName {
    let batch = rows(value);
    let mut unit = ledger.create(&batch.schema()).unwrap();
    unit.add(&batch).unwrap();
    ledger.commit(unit, range, format!("arguments {value}"), vec![]).await.unwrap()
}

fn ranges(kept: &Kept) -> Vec<(u64, u64)> {
    kept.units.iter().map(|unit| (unit.from, unit.to)).collect()
}

#[tokio::test]
async fn a_stage_that_nobody_ran_has_nothing() {
    let storage = storage(&Root::memory()).await;
    let ledger = ledger(&storage, "code", "here");
    let kept = ledger.kept().await.unwrap();
    assert!(kept.units.is_empty() && !kept.complete);
    assert!(!ledger.is_complete().await.unwrap());
}

#[tokio::test]
async fn units_read_as_they_were_kept() {
    let storage = storage(&Root::memory()).await;
    let ledger = ledger(&storage, "code", "here");
    let name = keep(&ledger, (0, 2), 7).await;
    let mut unit = ledger.open(&name).await.unwrap().unwrap();
    assert_eq!((unit.arguments.as_str(), unit.failures.len()), ("arguments 7", 0));
    assert_eq!(unit.next_rows().unwrap(), [rows(7)]);
    assert!(unit.next_rows().unwrap().is_empty());
}

#[tokio::test]
async fn a_unit_that_is_damaged_or_gone_is_none() {
    let storage = storage(&Root::memory()).await;
    let ledger = ledger(&storage, "code", "here");
    let name = keep(&ledger, (0, 2), 7).await;
    let location = layout::stage("stage").join(name.to_string());
    let mut bytes = storage.get(&location).await.unwrap().unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    storage.put(&location, bytes).await.unwrap();
    assert!(ledger.open(&name).await.unwrap().is_none());
    storage.delete(&location).await.unwrap();
    assert!(ledger.open(&name).await.unwrap().is_none());
}

#[tokio::test]
async fn of_units_that_overlap_the_longer_one_counts() {
    let storage = storage(&Root::memory()).await;
    let ledger = ledger(&storage, "code", "here");
    for (range, value) in [((0, 2), 1), ((0, 4), 2), ((2, 6), 3), ((4, 6), 4)] {
        keep(&ledger, range, value).await;
    }
    assert_eq!(ranges(&ledger.kept().await.unwrap()), [(0, 4), (4, 6)]);
}

#[tokio::test]
async fn other_code_uses_what_failed_at_its_place_and_no_whole_result_needs() {
    let storage = storage(&Root::memory()).await;
    let old = ledger(&storage, "old", "here");
    let (repaired, elsewhere) =
        (ledger(&storage, "new", "here"), ledger(&storage, "new", "elsewhere"));
    let whole = keep(&old, (0, 2), 1).await;
    old.complete(&[whole]).await.unwrap();
    keep(&old, (2, 4), 2).await;
    assert!(repaired.kept().await.unwrap().units.is_empty());
    old.failed().await.unwrap();
    let kept = repaired.kept().await.unwrap();
    assert_eq!(ranges(&kept), [(2, 4)]);
    assert!(repaired.is_older(&kept.units[0]));
    assert!(elsewhere.kept().await.unwrap().units.is_empty());
}

#[tokio::test]
async fn a_whole_result_is_whole_while_all_of_it_is_there() {
    let storage = storage(&Root::memory()).await;
    let ledger = ledger(&storage, "code", "here");
    let units = [keep(&ledger, (0, 2), 1).await, keep(&ledger, (2, 4), 2).await];
    assert!(!ledger.kept().await.unwrap().complete);
    ledger.complete(&units).await.unwrap();
    assert!(ledger.kept().await.unwrap().complete && ledger.is_complete().await.unwrap());
    storage.delete(&layout::stage("stage").join(units[1].to_string())).await.unwrap();
    assert!(!ledger.kept().await.unwrap().complete);
    ledger.forget().await.unwrap();
    assert!(ledger.kept().await.unwrap().units.is_empty());
}

#[tokio::test]
async fn a_ledger_is_read_with_one_listing() {
    let root = Root::memory();
    let before = storage(&root).await;
    for at in 0..50 {
        keep(&ledger(&before, "code", "here"), (at, at + 1), 1).await;
    }
    let faults = Faults::new(Mode::Refuses, 1);
    let storage = Storage::open(root, Pause::default(), &Buckets::default()).await.unwrap();
    let storage = Arc::new(storage.through(|store| Arc::new(Faulty::new(&faults, store))));
    assert_eq!(ledger(&storage, "code", "here").kept().await.unwrap().units.len(), 50);
    assert!(!faults.struck());
}

#[test]
fn names_are_what_they_say() {
    let name = UnitName { from: 3, to: 40, code: "c0de".into(), check: "c4ec".into() };
    assert_eq!(name.to_string(), "000000000003-000000000040-c0de-c4ec.unit");
    assert_eq!(name.to_string().parse(), Ok(name));
    for other in ["used", "3-2-a-b.unit", "1-2-a.unit", "a-2-a-b.unit", "1-2-a-b.complete"] {
        assert!(other.parse::<UnitName>().is_err(), "{other}");
    }
}
