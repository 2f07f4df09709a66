//! What a version holds once it is saved.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use catalog::VersionFilter;

use super::{SaveMode, SaveRequest, Saved};
use crate::{Config, Result, Root, Session, tests};

mod compact;
mod update;
mod write;

async fn session() -> Arc<Session> {
    Session::open(Config { target_partitions: 2, ..Config::with_root(Root::memory()) })
        .await
        .unwrap()
}

async fn request(session: &Session, mode: SaveMode) -> SaveRequest {
    tests::request(session, "cats", mode).await.unwrap()
}

async fn save(session: &Arc<Session>, mode: SaveMode, column: (&str, ArrayRef)) -> Result<Saved> {
    let (name, values) = column;
    let batch = RecordBatch::try_from_iter_with_nullable([(name, values, true)]).unwrap();
    let chain = session.read_batches(&batch.schema(), &[batch]).unwrap();
    chain.save(request(session, mode).await, &Arc::default()).await
}

fn ids(from: i64, to: i64) -> (&'static str, ArrayRef) {
    ("id", Arc::new(Int64Array::from_iter_values(from..to)))
}

fn vectors(rows: Vec<Vec<f64>>) -> (&'static str, ArrayRef) {
    let rows = rows.into_iter().map(|row| Some(row.into_iter().map(Some)));
    ("emb", Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows)))
}

async fn values(saved: &Saved) -> Vec<i64> {
    let batches = saved.chain.collect().await.unwrap();
    let ids = |batch: &RecordBatch| batch["id"].as_primitive::<Int64Type>().values().to_vec();
    batches.iter().flat_map(ids).collect()
}

#[tokio::test]
async fn what_is_added_stands_behind_what_was_there() {
    let session = session().await;
    let first = save(&session, SaveMode::Append, ids(0, 10)).await.unwrap();
    let second = save(&session, SaveMode::Append, ids(10, 30)).await.unwrap();
    let third = save(&session, SaveMode::Append, ids(30, 31)).await.unwrap();
    assert_eq!(values(&first).await, (0..10).collect::<Vec<_>>());
    assert_eq!(values(&third).await, (0..31).collect::<Vec<_>>());
    let records = [&first, &second, &third].map(|saved| &saved.record);
    assert_eq!(records.map(|record| record.rows), [10, 30, 31]);
    let previewed = records.map(|record| record.preview.as_array().unwrap().len());
    assert_eq!(previewed, [10, 20, 20]);
    assert!(records[0].bytes < records[1].bytes && records[1].bytes < records[2].bytes);
}

#[tokio::test]
async fn what_is_added_writes_only_itself() {
    let session = session().await;
    save(&session, SaveMode::Replace, ids(0, 100_000)).await.unwrap();
    let files = async || session.storage().list(&"data".into()).await.unwrap();
    let is_data = |location: String| location.contains("/data/") && location.ends_with(".lance");
    let before = files().await;
    save(&session, SaveMode::Append, ids(0, 1)).await.unwrap();
    let after = files().await;
    let new = after.iter().filter(|entry| !before.iter().any(|old| old.location == entry.location));
    let new: Vec<_> = new.filter(|entry| is_data(entry.location.to_string())).collect();
    assert!(new.len() == 1 && new[0].bytes < 2000, "{new:?}");
}

#[tokio::test]
async fn other_columns_are_not_added() {
    let session = session().await;
    save(&session, SaveMode::Replace, ids(0, 10)).await.unwrap();
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    for column in [("id", Arc::clone(&text)), ("other", ids(0, 1).1)] {
        let error = save(&session, SaveMode::Append, column).await.unwrap_err();
        assert_eq!(error.code(), "engine.invalid_argument");
        assert!(error.to_string().contains("its columns: id (int64)"), "{error}");
    }
    assert_eq!(session.catalog().versions(VersionFilter::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn vectors_are_added_to_vectors() {
    let session = session().await;
    let kind = |saved: &Saved| saved.record.schema.field(0).data_type().clone();
    let first = save(&session, SaveMode::Replace, vectors(vec![vec![1.0, 2.0]; 3])).await.unwrap();
    assert!(matches!(kind(&first), DataType::FixedSizeList(_, 2)));
    let error = save(&session, SaveMode::Append, vectors(vec![vec![1.0]])).await.unwrap_err();
    assert!(error.to_string().contains("`emb` has a row of 1 number"), "{error}");
    let second = save(&session, SaveMode::Append, vectors(vec![vec![3.0, 4.0]])).await.unwrap();
    assert_eq!((kind(&second), second.record.rows), (kind(&first), 4));
    save(&session, SaveMode::Replace, vectors(vec![vec![1.0], vec![]])).await.unwrap();
    let lists = save(&session, SaveMode::Append, vectors(vec![vec![1.0, 2.0]])).await.unwrap();
    assert!(matches!(kind(&lists), DataType::List(_)));
    let batches = lists.chain.collect().await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.column(0).len()).sum::<usize>(), 3);
}

#[tokio::test]
async fn a_claim_that_was_in_vain_is_given_up() {
    let session = session().await;
    save(&session, SaveMode::Replace, ids(0, 1)).await.unwrap();
    save(&session, SaveMode::Append, vectors(vec![vec![1.0]])).await.unwrap_err();
    let all = VersionFilter { include_unfinished: true, ..VersionFilter::default() };
    let found = session.catalog().versions(all).await.unwrap();
    assert!(found.iter().all(|record| record.status != catalog::VersionStatus::Pending));
}
