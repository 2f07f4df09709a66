//! Many small saves make few fragments, and all versions stay the rows that they were.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, UInt64Type};
use catalog::{VersionFilter, VersionSpec};

use super::{SaveMode, Saved, ids, request, save, session, values, vectors};
use crate::{Chain, GcOptions, GcReport, Session};

async fn fragments(session: &Session, saved: &Saved) -> usize {
    session.open_version(&saved.record).await.unwrap().fragments().len()
}

/// The rows of each version, oldest first.
async fn versions(session: &Arc<Session>) -> Vec<Vec<i64>> {
    let mut found = Vec::new();
    let cats = VersionFilter::of(&"cats".parse().unwrap());
    for record in session.catalog().versions(cats).await.unwrap() {
        let spec = VersionSpec::Exact(record.version);
        let chain = session.read_dataset(&record.dataset, &spec).await.unwrap();
        let rows =
            values(&Saved { chain, record: record.clone(), is_new: false, computed: None }).await;
        assert_eq!(rows.len() as u64, record.rows);
        found.push(rows);
    }
    found
}

async fn places(chain: &Chain) -> Vec<u64> {
    let rows = chain.with_sys(true).unwrap().collect().await.unwrap();
    let places = |batch: &RecordBatch| {
        batch["sys"].as_struct()["id"].as_primitive::<UInt64Type>().values().to_vec()
    };
    rows.iter().flat_map(places).collect()
}

async fn collect(session: &Arc<Session>, dry_run: bool) -> GcReport {
    let ttl = Duration::ZERO;
    session.gc(GcOptions { ttl, results_ttl: ttl, compact: true, dry_run }).await.unwrap()
}

#[tokio::test]
async fn appends_put_together_what_others_left() {
    let session = session().await;
    for at in 0..40 {
        let saved = save(&session, SaveMode::Append, ids(10 * at, 10 * at + 10)).await.unwrap();
        assert!(fragments(&session, &saved).await < 6);
        let places = places(&saved.chain).await;
        assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), places.len());
        assert!(places.is_sorted());
    }
    let expected: Vec<Vec<i64>> = (0..40).map(|at| (0..10 * at + 10).collect()).collect();
    assert_eq!(versions(&session).await, expected);
    // What no version lists goes, and nothing else.
    collect(&session, false).await;
    assert_eq!(versions(&session).await[..40], expected);
}

#[tokio::test]
async fn removed_rows_are_left_out_of_what_is_put_together() {
    let session = session().await;
    let mut last = save(&session, SaveMode::Replace, ids(0, 10)).await.unwrap();
    let mut expected: Vec<i64> = (0..10).collect();
    for at in 1..30 {
        // The first row and one of the last ones.
        let places = places(&last.chain).await;
        let (first, late) = (0, places.len() - 3);
        let removed = [places[first], places[late]].into_iter().collect();
        expected.remove(late);
        expected.remove(first);
        expected.extend(10 * at..10 * at + 10);
        let mode = SaveMode::Update { base: last.record.version, removed };
        last = save(&session, mode, ids(10 * at, 10 * at + 10)).await.unwrap();
        assert_eq!(values(&last).await, expected);
        assert_eq!(last.record.rows, expected.len() as u64);
        assert!(fragments(&session, &last).await < 12);
    }
    assert_eq!(versions(&session).await.pop().unwrap(), expected);
    // Rows that are not there are refused all the same.
    for _ in 0..7 {
        last = save(&session, SaveMode::Append, ids(0, 1)).await.unwrap();
    }
    let removed = [u64::MAX].into_iter().collect();
    let mode = SaveMode::Update { base: last.record.version, removed };
    let error = save(&session, mode, ids(0, 1)).await.unwrap_err();
    assert_eq!(error.code(), "engine.invalid_argument");
}

#[tokio::test]
async fn columns_stay_what_they_are() {
    let session = session().await;
    for at in 0..20 {
        let rows = vec![vec![f64::from(at), 0.5]; 3];
        save(&session, SaveMode::Append, vectors(rows)).await.unwrap();
    }
    let saved = save(&session, SaveMode::Append, vectors(vec![vec![99.0, 0.5]])).await.unwrap();
    assert!(fragments(&session, &saved).await < 10);
    let batches = saved.chain.collect().await.unwrap();
    assert_eq!(batches[0].schema().field(0).data_type(), saved.record.schema.field(0).data_type());
    let firsts = batches.iter().flat_map(|batch| {
        let vectors = batch.column(0).as_fixed_size_list();
        let values = vectors.values().as_primitive::<Float64Type>();
        values.values().chunks(2).map(|vector| vector[0]).collect::<Vec<_>>()
    });
    let expected = (0..20).flat_map(|at| [f64::from(at); 3]).chain([99.0]);
    assert!(firsts.eq(expected));
    // Models, of which some are missing.
    let model = |at: i64| -> ArrayRef {
        let field = Arc::new(Field::new("n", DataType::Int64, true));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(at), None, Some(at)]));
        Arc::new(StructArray::new(
            vec![field].into(),
            vec![numbers],
            Some(vec![true, true, false].into()),
        ))
    };
    save(&session, SaveMode::Replace, ("model", model(0))).await.unwrap();
    let mut last = None;
    for at in 1..20 {
        last = Some(save(&session, SaveMode::Append, ("model", model(at))).await.unwrap());
    }
    let last = last.unwrap();
    assert!(fragments(&session, &last).await < 10);
    let batches = last.chain.collect().await.unwrap();
    let found = batches.iter().flat_map(|batch| {
        let models = batch.column(0).as_struct();
        let numbers = models.column(0).as_primitive::<Int64Type>();
        let row = |at: usize| {
            models.is_valid(at).then(|| numbers.is_valid(at).then(|| numbers.value(at)))
        };
        (0..batch.num_rows()).map(row).collect::<Vec<_>>()
    });
    assert!(found.eq((0..20).flat_map(|at| [Some(Some(at)), Some(None), None])));
}

#[tokio::test]
async fn who_collects_may_ask_for_fewer_files() {
    let session = session().await;
    save(&session, SaveMode::Replace, ids(0, 10)).await.unwrap();
    for at in 1..4 {
        save(&session, SaveMode::Append, ids(10 * at, 10 * at + 10)).await.unwrap();
    }
    let before = versions(&session).await;
    let told = collect(&session, true).await.compacted;
    assert_eq!(
        told.iter().map(|one| (&*one.what, one.files)).collect::<Vec<_>>(),
        [("cats@1.0.3", 4)]
    );
    assert_eq!(versions(&session).await, before);
    let done = collect(&session, false).await.compacted;
    assert_eq!(
        done.iter().map(|one| (&*one.what, one.files)).collect::<Vec<_>>(),
        [("cats@1.0.4", 4)]
    );
    let mut expected = before.clone();
    expected.push(before[3].clone());
    assert_eq!(versions(&session).await, expected);
    assert!(collect(&session, false).await.compacted.is_empty());
    assert_eq!(versions(&session).await, expected);
    let record = session.catalog().versions(VersionFilter::of(&"cats".parse().unwrap()));
    let record = record.await.unwrap().pop().unwrap();
    assert_eq!(session.open_version(&record).await.unwrap().fragments().len(), 1);
    assert_eq!(record.rows, 40);
}

#[tokio::test]
async fn the_same_rows_in_fewer_files_are_made_of_the_same() {
    let session = session().await;
    let (name, column) = ids(0, 70_000);
    let batch = RecordBatch::try_from_iter_with_nullable([(name, column, true)]).unwrap();
    let half = |from| batch.slice(from, 35_000);
    let rows = session.read_batches(&batch.schema(), &[half(0), half(35_000)]).unwrap();
    let again = async || {
        let request = request(&session, SaveMode::Replace).await;
        rows.save(request, &Arc::default()).await.unwrap()
    };
    let first = again().await;
    assert_eq!((fragments(&session, &first).await, first.is_new), (2, true));
    assert_eq!(collect(&session, false).await.compacted.len(), 1);
    let second = again().await;
    assert_eq!((fragments(&session, &second).await, second.is_new), (1, false));
    assert_eq!(second.record.fingerprint, first.record.fingerprint);
    assert_eq!(values(&second).await, (0..70_000).collect::<Vec<_>>());
}
