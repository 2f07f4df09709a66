//! Versions that leave out rows of the version before.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, UInt64Type};
use catalog::{Bump, CatalogExt, VersionSpec, Wanted};

use super::{SaveMode, Saved, ids, request, save, session, values};
use crate::{GcOptions, Result, RowAddresses, Session};

/// Where each row is.
async fn addresses(saved: &Saved) -> HashMap<i64, u64> {
    let rows = saved.chain.with_sys(true).unwrap().collect().await.unwrap();
    let addresses = |batch: &RecordBatch| {
        let ids = batch["id"].as_primitive::<Int64Type>().values().to_vec();
        let places = batch["sys"].as_struct()["id"].as_primitive::<UInt64Type>().values().to_vec();
        ids.into_iter().zip(places).collect::<Vec<_>>()
    };
    rows.iter().flat_map(addresses).collect()
}

async fn remove(base: &Saved, removed: impl IntoIterator<Item = i64>) -> SaveMode {
    let places = addresses(base).await;
    let removed = removed.into_iter().map(|id| places[&id]).collect();
    SaveMode::Update { base: base.record.version, removed }
}

/// The version without these rows and with others behind it.
async fn update(
    session: &Arc<Session>,
    base: &Saved,
    removed: impl IntoIterator<Item = i64>,
    added: (i64, i64),
) -> Result<Saved> {
    save(session, remove(base, removed).await, ids(added.0, added.1)).await
}

/// What a version holds when it is opened anew.
async fn read(session: &Arc<Session>, saved: &Saved) -> Vec<i64> {
    let spec = VersionSpec::Exact(saved.record.version);
    let chain = session.read_dataset(&saved.record.dataset, &spec).await.unwrap();
    values(&Saved { chain, ..saved.clone() }).await
}

fn numbers(from: i64, to: i64) -> Vec<i64> {
    (from..to).collect()
}

/// How many files a version's rows are in, and how many of them have rows that are removed.
async fn fragments(session: &Session, saved: &Saved) -> (usize, usize) {
    let dataset = session.open_version(&saved.record).await.unwrap();
    let fragments = dataset.fragments();
    (fragments.len(), fragments.iter().filter(|part| part.deletion_file.is_some()).count())
}

#[tokio::test]
async fn removed_rows_are_gone_and_the_others_stay_where_they_are() {
    let session = session().await;
    let first = save(&session, SaveMode::Replace, ids(0, 10)).await.unwrap();
    let second = update(&session, &first, [0, 3, 9], (0, 0)).await.unwrap();
    let left = [1, 2, 4, 5, 6, 7, 8];
    assert_eq!(values(&second).await, left);
    assert_eq!(read(&session, &second).await, left);
    assert_eq!(second.chain.count(&Arc::default()).await.unwrap(), 7);
    assert_eq!((second.record.rows, second.record.bytes), (7, first.record.bytes));
    let (before, after) = (addresses(&first).await, addresses(&second).await);
    assert!(after.iter().all(|(id, place)| before[id] == *place));
    for limit in [0, 1, 3, 7, 8] {
        let limited = Saved { chain: second.chain.limit(limit).unwrap(), ..second.clone() };
        assert_eq!(values(&limited).await, left[..limit.min(7)]);
    }
    assert_eq!(read(&session, &first).await, numbers(0, 10));
}

#[tokio::test]
async fn rows_are_removed_and_others_added_at_once() {
    let session = session().await;
    let first = save(&session, SaveMode::Replace, ids(0, 5)).await.unwrap();
    let second = update(&session, &first, [1, 2], (5, 8)).await.unwrap();
    assert_eq!(read(&session, &second).await, [0, 3, 4, 5, 6, 7]);
    assert_eq!(second.record.storage_version, first.record.storage_version + 1);
    let third = save(&session, SaveMode::Append, ids(8, 9)).await.unwrap();
    assert_eq!(read(&session, &third).await, [0, 3, 4, 5, 6, 7, 8]);
    assert_eq!(fragments(&session, &third).await, (3, 1));
}

#[tokio::test]
async fn files_without_rows_are_left_out() {
    let session = session().await;
    save(&session, SaveMode::Replace, ids(0, 10)).await.unwrap();
    let both = save(&session, SaveMode::Append, ids(10, 20)).await.unwrap();
    let second = update(&session, &both, 0..10, (0, 0)).await.unwrap();
    assert_eq!(read(&session, &second).await, numbers(10, 20));
    assert_eq!(fragments(&session, &second).await, (1, 0));
    assert_eq!(2 * second.record.bytes, both.record.bytes);
    let none = update(&session, &second, 10..20, (0, 0)).await.unwrap();
    assert_eq!((none.record.rows, none.record.bytes), (0, 0));
    assert!(read(&session, &none).await.is_empty());
    let anew = update(&session, &none, [], (0, 2)).await.unwrap();
    assert_eq!(read(&session, &anew).await, [0, 1]);
}

#[tokio::test]
async fn rows_are_removed_beside_those_that_were() {
    let session = session().await;
    let first = save(&session, SaveMode::Replace, ids(0, 10)).await.unwrap();
    let second = update(&session, &first, [0, 1], (0, 0)).await.unwrap();
    let third = update(&session, &second, [2, 9], (0, 0)).await.unwrap();
    assert_eq!(read(&session, &third).await, numbers(3, 9));
    assert_eq!(read(&session, &second).await, numbers(2, 10));
    assert_eq!(read(&session, &first).await, numbers(0, 10));
    let last = update(&session, &third, 3..9, (0, 0)).await.unwrap();
    assert_eq!((read(&session, &last).await, fragments(&session, &last).await), (vec![], (0, 0)));
}

#[tokio::test]
async fn a_preview_shows_the_first_rows_that_are_left() {
    let session = session().await;
    let first = save(&session, SaveMode::Replace, ids(0, 25)).await.unwrap();
    let second = update(&session, &first, 1..22, (30, 50)).await.unwrap();
    let shown = second.record.preview.as_array().unwrap().iter().map(|row| row["id"].as_i64());
    let expected = [0, 22, 23, 24].into_iter().chain(30..46);
    assert_eq!(shown.collect::<Vec<_>>(), expected.map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn only_rows_of_the_version_are_removed() {
    let session = session().await;
    let first = save(&session, SaveMode::Replace, ids(0, 10)).await.unwrap();
    let second = update(&session, &first, [4], (0, 0)).await.unwrap();
    let base = second.record.version;
    for wrong in [vec![4], vec![10], vec![0, 1 << 31], vec![1 << 32]] {
        let removed: RowAddresses = wrong.iter().copied().collect();
        let mode = SaveMode::Update { base, removed };
        let error = save(&session, mode, ids(0, 1)).await.unwrap_err();
        assert_eq!(error.code(), "engine.invalid_argument", "{wrong:?}");
        assert!(error.to_string().contains("`sys.id` of rows of `cats`"), "{error}");
    }
    let newest = session.catalog().resolve(&second.record.dataset, &VersionSpec::Latest).await;
    assert_eq!(newest.unwrap().version, base);
}

#[tokio::test]
async fn another_version_must_not_come_between() {
    let session = session().await;
    let first = save(&session, SaveMode::Replace, ids(0, 10)).await.unwrap();
    let mode = remove(&first, [1]).await;
    save(&session, SaveMode::Append, ids(10, 11)).await.unwrap();
    let error = save(&session, mode.clone(), ids(0, 0)).await.unwrap_err();
    assert_eq!(error.code(), "catalog.newest_moved", "{error}");
    let mut other = request(&session, mode).await;
    other.name = "dogs".parse().unwrap();
    other.wanted = Wanted::Bump(Bump::Minor);
    let error = first.chain.save(other, &Arc::default()).await.unwrap_err();
    assert_eq!(error.code(), "catalog.newest_moved", "{error}");
}

#[tokio::test]
async fn a_collection_keeps_what_says_which_rows_are_removed() {
    let session = session().await;
    let first = save(&session, SaveMode::Replace, ids(0, 10)).await.unwrap();
    let second = update(&session, &first, [1], (0, 0)).await.unwrap();
    let third = update(&session, &second, [2], (0, 0)).await.unwrap();
    let masks = async || {
        let all = session.storage().list(&"data".into()).await.unwrap();
        all.iter().filter(|entry| entry.location.as_ref().contains("/_deletions/")).count()
    };
    let collect = async || {
        let ttl = Duration::ZERO;
        session
            .gc(GcOptions { ttl, results_ttl: ttl, compact: false, dry_run: false })
            .await
            .unwrap()
    };
    collect().await;
    assert_eq!(masks().await, 2);
    session.catalog().remove_version(&second.record.dataset, second.record.version).await.unwrap();
    let report = collect().await;
    assert_eq!(report.removed.iter().map(|garbage| garbage.files).sum::<u64>(), 1);
    assert_eq!(masks().await, 1);
    assert_eq!(read(&session, &third).await, [0, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(read(&session, &first).await, numbers(0, 10));
}
