//! Results are found and read in any order, with little of them in memory.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryPool};
use udf_runtime::{FunctionFailure, RowFailure, Shape};

use super::{CACHED_BYTES, Finder, Origin, Reader, number, results};
use crate::checkpoint::{Key, Ledger, Results, Scope, UnitAt, UnitFacts, UnitKeys};
use crate::logical::{Reuse, StageKey};
use crate::storage::{Buckets, Root, Storage};
use crate::{Pause, layout};

async fn ledger(root: &Root) -> (Arc<Storage>, Ledger) {
    let storage = Storage::open(root.clone(), Pause::default(), &Buckets::default()).await.unwrap();
    let storage = Arc::new(storage);
    let [stage, code, failing] = ["stage", "code", "limits"].map(str::to_owned);
    let (origin, text) = (String::new(), String::new());
    let key = StageKey { stage, code, failing, origin, text, reuse: Reuse::default() };
    (Arc::clone(&storage), Ledger::new(storage, &key))
}

fn texts(texts: &[String]) -> RecordBatch {
    let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    RecordBatch::try_from_iter([("text", texts)]).unwrap()
}

/// A unit with these keys; of each row how many results there are.
async fn unit(
    ledger: &Ledger,
    keys: &[Key],
    counts: &[u64],
    rows: &[String],
    failures: &[RowFailure],
) -> UnitAt {
    let batch = texts(rows);
    let mut unit = ledger.create(&batch.schema()).unwrap();
    unit.add(&batch, rows.iter().map(String::len).sum()).unwrap();
    let facts = UnitFacts::new("limits", failures, &Scope::default());
    let keys = UnitKeys { keys: keys.to_vec(), results: counts.to_vec(), facts };
    ledger.commit(Results::from(unit), keys).await.unwrap().0
}

fn pool() -> Arc<dyn MemoryPool> {
    Arc::new(GreedyMemoryPool::new(1 << 20))
}

async fn open(ledger: &Ledger, units: &[UnitAt], shape: Shape) -> (Finder, Reader) {
    let units = units.iter().map(|unit| (unit.clone(), Origin::Own)).collect();
    results(ledger, units, &Scope::default(), shape, &pool()).await.unwrap()
}

/// The results for a key, if it is found.
async fn found(finder: &mut Finder, reader: &mut Reader, key: Key) -> Option<Vec<String>> {
    let place = finder.find(&[key]).await.unwrap()[0]?;
    let mut found = Vec::new();
    for result in reader.results_of(place) {
        let (number, results) = reader.batch_of(place.unit, result);
        let batch = reader.batch(place.unit, number).await.unwrap();
        let row = usize::try_from(result - results.start).unwrap();
        found.push(batch.column(0).as_string::<i32>().value(row).to_owned());
    }
    Some(found)
}

fn some(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn results_are_those_of_their_rows() {
    let (_, ledger) = ledger(&Root::memory()).await;
    let one = unit(&ledger, &[1, 2, 3], &[2, 0, 1], &some(&["a", "b", "c"]), &[]).await;
    let two = unit(&ledger, &[4, 1], &[], &some(&["d", "e"]), &[]).await;
    let (mut finder, mut reader) = open(&ledger, &[one, two], Shape::Any).await;
    let mut of = async |key| found(&mut finder, &mut reader, key).await;
    assert_eq!(of(3).await, Some(some(&["c"])));
    assert_eq!(of(2).await, Some(some(&[])));
    assert_eq!(of(4).await, Some(some(&["d"])));
    assert_eq!(of(1).await, Some(some(&["a", "b"])));
    assert_eq!(of(1).await, Some(some(&["e"])));
    assert_eq!((of(1).await, of(5).await), (None, None));
}

#[tokio::test]
async fn rows_with_one_result_take_no_others() {
    let (_, ledger) = ledger(&Root::memory()).await;
    let one = unit(&ledger, &[1, 2, 3], &[2, 0, 1], &some(&["a", "b", "c"]), &[]).await;
    let (mut finder, mut reader) = open(&ledger, &[one], Shape::OnePerRow).await;
    assert_eq!(found(&mut finder, &mut reader, 1).await, None);
    assert_eq!(found(&mut finder, &mut reader, 2).await, None);
    assert_eq!(found(&mut finder, &mut reader, 3).await, Some(some(&["c"])));
}

#[tokio::test]
async fn failures_are_of_their_limits_and_of_their_code() {
    let (_, own) = ledger(&Root::memory()).await;
    let failure = FunctionFailure { row: Some(1), ..FunctionFailure::new("Error", "no") };
    let failures = [RowFailure { attempts: 1, failure }];
    let one = unit(&own, &[1, 2], &[1, 0], &some(&["a"]), &failures).await;
    let (mut finder, reader) = open(&own, std::slice::from_ref(&one), Shape::Any).await;
    let places = finder.find(&[1, 2]).await.unwrap();
    assert!(reader.failure(places[0].unwrap()).is_none());
    assert_eq!(reader.failure(places[1].unwrap()).unwrap().failure.message, "no");
    let mut other = own.clone();
    "others".clone_into(&mut other.failing);
    let (mut finder, _) = open(&other, std::slice::from_ref(&one), Shape::Any).await;
    let places = finder.find(&[1, 2]).await.unwrap();
    assert!(places[0].is_some() && places[1].is_none());
    let older = results(&own, vec![(one, Origin::Older)], &Scope::default(), Shape::Any, &pool())
        .await
        .unwrap();
    let (mut finder, reader) = older;
    let places = finder.find(&[1, 2]).await.unwrap();
    assert_eq!(reader.origin(places[0].unwrap()), Origin::Older);
    assert!(places[1].is_none());
}

#[tokio::test]
async fn a_damaged_unit_is_absent() {
    let (storage, ledger) = ledger(&Root::memory()).await;
    let damaged = unit(&ledger, &[1, 2], &[], &some(&["a", "b"]), &[]).await;
    let whole = unit(&ledger, &[1], &[], &some(&["c"]), &[]).await;
    let location = layout::stage("stage").join(format!("{}.unit", damaged.name));
    let mut bytes = storage.get(&location).await.unwrap().unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    storage.put(&location, bytes).await.unwrap();
    let (mut finder, mut reader) = open(&ledger, &[damaged, whole], Shape::OnePerRow).await;
    assert_eq!(found(&mut finder, &mut reader, 2).await, None);
    assert_eq!(found(&mut finder, &mut reader, 1).await, Some(some(&["c"])));
}

#[tokio::test]
async fn the_memory_for_keys_is_taken_from_the_pool() {
    let (_, ledger) = ledger(&Root::memory()).await;
    let keys: Vec<Key> = (0..1000).collect();
    let one = unit(&ledger, &keys, &[], &vec![String::new(); 1000], &[]).await;
    let (pool, units) = (pool(), vec![(one.clone(), Origin::Own)]);
    let held = results(&ledger, units, &Scope::default(), Shape::OnePerRow, &pool).await.unwrap();
    assert!((21_000..24_000).contains(&pool.reserved()), "{}", pool.reserved());
    drop(held);
    assert_eq!(pool.reserved(), 0);
    let small: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1000));
    assert!(
        results(&ledger, vec![(one, Origin::Own)], &Scope::default(), Shape::OnePerRow, &small)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn in_reverse_order_little_is_in_memory() {
    const ROWS: usize = 1000;
    let (_, ledger) = ledger(&Root::temporary().unwrap()).await;
    let mut units = Vec::new();
    for from in (0..ROWS).step_by(250) {
        let keys: Vec<Key> = (from..from + 250).map(|key| key as Key).collect();
        let rows: Vec<String> =
            (from..from + 250).map(|row| format!("{}{row}", "0".repeat(200_000))).collect();
        units.push(unit(&ledger, &keys, &[], &rows, &[]).await);
    }
    let (mut finder, mut reader) = open(&ledger, &units, Shape::OnePerRow).await;
    for row in (0..ROWS).rev() {
        let text = found(&mut finder, &mut reader, row as Key).await.unwrap();
        assert_eq!(text[0].trim_start_matches('0').parse().unwrap_or(0), row);
        assert!(reader.cached_bytes() <= CACHED_BYTES, "{}", reader.cached_bytes());
    }
}

#[tokio::test]
async fn only_what_is_wanted_again_stays_in_memory() {
    let (_, ledger) = ledger(&Root::memory()).await;
    let one = unit(&ledger, &[1, 2], &[], &some(&["a", "b"]), &[]).await;
    let two = unit(&ledger, &[3], &[], &some(&["c"]), &[]).await;
    let (_, mut reader) = open(&ledger, &[one, two], Shape::OnePerRow).await;
    for unit in [0, 0, 1, 1] {
        reader.batch(unit, 0).await.unwrap();
    }
    assert_eq!(reader.cached_bytes(), 0);
    for unit in [0, 1] {
        reader.batch(unit, 0).await.unwrap();
        assert!(reader.cached_bytes() > 0);
    }
}

#[test]
fn more_rows_than_there_are_numbers_are_refused() {
    assert_eq!(number(u32::MAX as usize, "this").unwrap(), u32::MAX);
    let error = number(1 << 32, "`distinct=True`").unwrap_err();
    let wanted = "`distinct=True` of more than 4294967295 rows of a function is not supported; \
                  fewer in one run work: save some of the rows, then the others";
    assert_eq!((error.code(), error.to_string().as_str()), ("engine.not_supported", wanted));
}
