//! What a function keeps, for whom, and how often the store is asked.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};

use super::{Failed, Ledger, UnitAt, UnitName};
use crate::checkpoint::{Results, Scope, UnitFacts, UnitKeys};
use crate::logical::{Reuse, StageKey};
use crate::storage::faults::{Faults, Faulty, Mode};
use crate::storage::{Buckets, Root, Storage};
use crate::{Pause, layout};

async fn storage(root: &Root) -> Arc<Storage> {
    Arc::new(Storage::open(root.clone(), Pause::default(), &Buckets::default()).await.unwrap())
}

/// The ledger of one function for a code that stands somewhere, with a text.
fn ledger_of(storage: &Arc<Storage>, code: &str, origin: &str, text: &str) -> Ledger {
    let [stage, code, origin, text] = ["stage", code, origin, text].map(str::to_owned);
    let key =
        StageKey { stage, code, failing: String::new(), origin, text, reuse: Reuse::default() };
    Ledger::new(Arc::clone(storage), &key)
}

fn ledger(storage: &Arc<Storage>, code: &str, origin: &str) -> Ledger {
    ledger_of(storage, code, origin, code)
}

fn rows(value: i64) -> RecordBatch {
    let values: ArrayRef = Arc::new(Int64Array::from(vec![value, value + 1]));
    RecordBatch::try_from_iter_with_nullable([("value", values, true)]).unwrap()
}

async fn keep(ledger: &Ledger, value: i64) -> UnitAt {
    let batch = rows(value);
    let mut unit = ledger.create(&batch.schema()).unwrap();
    unit.add(&batch, 16).unwrap();
    let facts = UnitFacts::new("", &[], &Scope::default());
    let keys = UnitKeys { keys: vec![1, 2], results: vec![], facts };
    ledger.commit(Results::from(unit), keys).await.unwrap().0
}

async fn own(ledger: &Ledger) -> Vec<UnitAt> {
    ledger.listed().await.unwrap().own
}

async fn failed(ledger: &Ledger) -> Vec<Failed> {
    ledger.listed().await.unwrap().failed
}

#[tokio::test]
async fn a_function_that_nobody_ran_has_nothing() {
    let storage = storage(&Root::memory()).await;
    let ledger = ledger(&storage, "code", "here");
    assert!(own(&ledger).await.is_empty() && failed(&ledger).await.is_empty());
}

#[tokio::test]
async fn units_read_as_they_were_kept() {
    let storage = storage(&Root::memory()).await;
    let ledger = ledger(&storage, "code", "here");
    let unit = keep(&ledger, 7).await;
    assert_eq!(own(&ledger).await, std::slice::from_ref(&unit));
    let keys = ledger.keys(&unit).await.unwrap().unwrap();
    assert_eq!((keys.keys, keys.results, keys.facts.batches), (vec![1, 2], vec![], vec![2]));
    let opened = ledger.open(&unit.name).await.unwrap().unwrap();
    assert_eq!(opened.batch(0, 0..2).await.unwrap(), rows(7));
    assert!(opened.batch(1, 2..2).await.is_err());
}

#[tokio::test]
async fn units_are_in_the_order_in_which_they_were_made() {
    let storage = storage(&Root::memory()).await;
    let ledger = ledger(&storage, "code", "here");
    let mut made = Vec::new();
    for value in 0..20 {
        made.push(keep(&ledger, value).await);
    }
    assert_eq!(own(&ledger).await, made);
}

#[tokio::test]
async fn what_is_damaged_or_gone_is_none() {
    let storage = storage(&Root::memory()).await;
    let ledger = ledger(&storage, "code", "here");
    let unit = keep(&ledger, 7).await;
    for name in [unit.rows_name(), unit.keys_name(".keys")] {
        let location = layout::stage("stage").join(name);
        let mut bytes = storage.get(&location).await.unwrap().unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        storage.put(&location, bytes).await.unwrap();
    }
    assert!(ledger.open(&unit.name).await.unwrap().is_none());
    assert!(ledger.keys(&unit).await.unwrap().is_none());
    storage.delete(&layout::stage("stage").join(unit.rows_name())).await.unwrap();
    assert!(ledger.open(&unit.name).await.unwrap().is_none());
    assert!(own(&ledger).await.is_empty(), "keys without results are no unit");
}

#[tokio::test]
async fn other_code_sees_what_failed_at_its_place_with_another_text() {
    let storage = storage(&Root::memory()).await;
    let old = ledger(&storage, "old", "here");
    let unit = keep(&old, 1).await;
    let repaired = ledger(&storage, "new", "here");
    assert!(failed(&repaired).await.is_empty());
    old.failed(Some(rows(5))).await.unwrap();
    let found = failed(&repaired).await;
    assert_eq!((found.len(), &found[0].units), (1, &vec![unit]));
    assert_eq!(found[0].verdict, None);
    let sample = found[0].sample.clone().unwrap();
    assert_eq!(repaired.sample(&sample).await.unwrap().unwrap(), [rows(5)]);
    assert!(failed(&ledger(&storage, "new", "elsewhere")).await.is_empty());
    // The same text with another value that it closes over.
    assert!(failed(&ledger_of(&storage, "sibling", "here", "old")).await.is_empty());
    repaired.judge(&found[0], true).await.unwrap();
    assert_eq!(failed(&repaired).await[0].verdict, Some(true));
    repaired.judge(&found[0], false).await.unwrap();
    assert_eq!(failed(&repaired).await[0].verdict, Some(false));
    old.succeeded().await.unwrap();
    assert!(failed(&repaired).await.is_empty());
}

#[tokio::test]
async fn who_agrees_with_code_agrees_with_what_that_agreed_with() {
    let storage = storage(&Root::memory()).await;
    let [first, second, third] = ["one", "two", "three"].map(|code| ledger(&storage, code, "here"));
    keep(&first, 1).await;
    first.failed(Some(rows(1))).await.unwrap();
    second.judge(&failed(&second).await[0], true).await.unwrap();
    second.failed(Some(rows(2))).await.unwrap();
    let found = failed(&third).await;
    assert_eq!(found[0].code, "two", "the last one first");
    assert_eq!(found[0].agrees_with, ["one"]);
}

#[tokio::test]
async fn what_is_forgotten_is_what_the_code_could_use() {
    let storage = storage(&Root::memory()).await;
    let [ours, failing, theirs] =
        ["ours", "failing", "theirs"].map(|code| ledger(&storage, code, "here"));
    for one in [&ours, &failing, &theirs] {
        keep(one, 1).await;
    }
    failing.failed(None).await.unwrap();
    ours.forget().await.unwrap();
    assert!(own(&ours).await.is_empty() && own(&failing).await.is_empty());
    assert_eq!(own(&theirs).await.len(), 1);
}

#[tokio::test]
async fn a_ledger_is_read_with_one_listing() {
    let root = Root::memory();
    let before = storage(&root).await;
    for value in 0..50 {
        keep(&ledger(&before, "code", "here"), value).await;
    }
    let faults = Faults::new(Mode::Refuses, 1);
    let storage = Storage::open(root, Pause::default(), &Buckets::default()).await.unwrap();
    let storage = Arc::new(storage.through(|store| Arc::new(Faulty::new(&faults, store))));
    assert_eq!(own(&ledger(&storage, "code", "here")).await.len(), 50);
    assert!(!faults.struck());
}

#[tokio::test]
async fn units_with_keys_of_another_kind_are_not_there() {
    let storage = storage(&Root::memory()).await;
    let digests = ledger(&storage, "code", "here");
    let values = Ledger { keys: ".values-0f".into(), ..digests.clone() };
    let others = Ledger { keys: ".values-1f".into(), ..digests.clone() };
    let (one, two) = (keep(&digests, 1).await, keep(&values, 2).await);
    assert_eq!((own(&digests).await, own(&values).await), (vec![one.clone()], vec![two.clone()]));
    assert!(own(&others).await.is_empty());
    assert!(digests.keys(&two).await.unwrap().is_none());
    // Who wants nothing of what is there removes all of it.
    others.forget().await.unwrap();
    assert!(own(&digests).await.is_empty() && own(&values).await.is_empty());
    assert!(values.open(&two.name).await.unwrap().is_none());
}

#[test]
fn names_are_what_they_say() {
    let name = UnitName { code: "c0de".into(), time: 0x1f, check: "c4ec".into() };
    let unit = UnitAt { name: name.clone(), keys: "ke15".into(), of: None };
    assert_eq!(unit.rows_name(), "c0de-000000000000001f-c4ec.unit");
    assert_eq!(unit.keys_name(".keys"), "c0de-000000000000001f-c4ec-ke15.keys");
    assert_eq!(UnitAt::parse(&unit.keys_name(".keys"), ".keys"), Some(unit.clone()));
    let of_some = UnitAt { of: Some("0f".into()), ..unit };
    assert_eq!(of_some.keys_name(".keys"), "c0de-000000000000001f-c4ec-ke15-0f.keys");
    assert_eq!(UnitAt::parse(&of_some.keys_name(".keys"), ".keys"), Some(of_some));
    for other in ["used", "a-b.keys", "a-x-c-d.keys", "c0de.failed", "a-1-b.keys"] {
        assert_eq!(UnitAt::parse(other, ".keys"), None, "{other}");
    }
}
